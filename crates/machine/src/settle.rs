//! Settling: a node has come to its end, and its out-edges decide the joins below it.

use std::sync::Arc;

use agentchains_workflow::{NodeIndex, OnError, OnFailure};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Completion, Ending, EventType, Failure, Machine, NodeFailure, NodeState, SkipCause, SkipReason,
    event::node_data,
    join::{Arrivals, EdgeState, Verdict, decide, edge_state, reason_of_dead_edge},
};

impl Machine {
    /// A node has an output.
    pub(crate) fn node_completed(
        &mut self,
        now: Timestamp,
        index: NodeIndex,
        output: Value,
        branch: Option<String>,
    ) {
        let done = Completion {
            output: Arc::new(output),
            branch,
            replaced: None,
        };
        self.settle(now, index, NodeState::Completed(done), EventType::NodeCompleted);
    }

    /// A node has failed for good: what follows is its `on_error`, else the workflow's `on_failure`.
    pub(crate) fn node_failed(&mut self, now: Timestamp, index: NodeIndex, failure: Failure) {
        let workflow = Arc::clone(&self.workflow);
        match &workflow.graph().node(index).on_error {
            OnError::Output(output) => {
                let done = Completion {
                    output: Arc::new(output.clone()),
                    branch: None,
                    replaced: Some(failure),
                };
                self.settle(now, index, NodeState::Completed(done), EventType::NodeCompleted);
            }
            OnError::Goto(_) => {
                let failed = NodeFailure {
                    failure,
                    handled: true,
                };
                self.settle(now, index, NodeState::Failed(failed), EventType::NodeFailed);
            }
            OnError::Fail => self.node_failed_unhandled(now, index, failure),
        }
    }

    fn node_failed_unhandled(&mut self, now: Timestamp, index: NodeIndex, failure: Failure) {
        let path = self.nodes[index.index()].path.clone();
        self.execution.error.get_or_insert_with(|| failure.clone());
        let failed = NodeFailure {
            failure,
            handled: false,
        };
        self.settle(now, index, NodeState::Failed(failed), EventType::NodeFailed);
        match self.workflow.settings().on_failure {
            OnFailure::Continue => {}
            OnFailure::Drain => self.begin_ending(now, Ending::Failure { node: path }, false),
            OnFailure::Cancel => self.begin_ending(now, Ending::Failure { node: path }, true),
        }
    }

    /// Settles a node, and every node below it that is thereby decided not to run. No recursion: a chain of
    /// 10,000 skipped nodes is a loop.
    pub(crate) fn settle(&mut self, now: Timestamp, index: NodeIndex, state: NodeState, event: EventType) {
        self.set_state(now, index, state);
        self.emit(now, event, node_data(&self.nodes[index.index()]));
        let workflow = Arc::clone(&self.workflow);
        let graph = workflow.graph();
        let left_to_the_end = self.leaves_to_the_end(index);
        let mut settled = vec![index];
        while let Some(source) = settled.pop() {
            for edge in graph.outgoing(source) {
                let state = self.edge(source, &edge);
                let target = edge.to;
                self.arrivals[target.index()].count(state);
                if left_to_the_end || !matches!(self.nodes[target.index()].state, NodeState::Pending) {
                    continue;
                }
                match self.verdict(target) {
                    Verdict::Wait => {}
                    Verdict::Run => self.enqueue(target),
                    Verdict::Skip => {
                        let reason = self.skip_reason(target);
                        self.set_state(now, target, NodeState::Skipped(reason));
                        self.emit(
                            now,
                            EventType::NodeSkipped,
                            node_data(&self.nodes[target.index()]),
                        );
                        settled.push(target);
                    }
                }
            }
        }
    }

    /// Whether what has not started below a node is settled by the execution's end, not by joins: what a cancel or
    /// an abort cuts off is not skipped because of its predecessor.
    fn leaves_to_the_end(&self, index: NodeIndex) -> bool {
        matches!(self.execution.ending, Some(Ending::Cancel | Ending::Timeout))
            || matches!(self.nodes[index.index()].state, NodeState::Cancelled { .. })
    }

    pub(crate) fn count_arrivals(&self, target: NodeIndex) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for edge in self.graph().incoming(target) {
            arrivals.count(self.edge(edge.from, &edge));
        }
        arrivals
    }

    pub(crate) fn verdict(&self, target: NodeIndex) -> Verdict {
        let graph = self.graph();
        decide(
            graph.node(target).join,
            graph.in_degree(target),
            self.arrivals[target.index()],
        )
    }

    pub(crate) fn requeue_ready_nodes(&mut self) {
        for index in self.workflow.clone().graph().indices() {
            let pending = matches!(self.nodes[index.index()].state, NodeState::Pending);
            if pending && self.verdict(index) == Verdict::Run {
                self.enqueue(index);
            }
        }
    }

    /// The ids of the predecessors whose edges are live, in document order.
    pub(crate) fn live_predecessors(&self, target: NodeIndex) -> Vec<String> {
        let graph = self.graph();
        graph
            .incoming(target)
            .filter(|edge| self.edge(edge.from, edge) == EdgeState::Live)
            .map(|edge| graph.node(edge.from).id.clone())
            .collect()
    }

    fn edge(&self, source: NodeIndex, edge: &agentchains_workflow::EdgeRef<'_>) -> EdgeState {
        let kind = &self.graph().node(source).kind;
        edge_state(&self.nodes[source.index()], kind, edge)
    }

    /// A failure wins, then the first edge in the document.
    fn skip_reason(&self, target: NodeIndex) -> SkipReason {
        let mut reasons = self
            .graph()
            .incoming(target)
            .filter(|edge| matches!(self.edge(edge.from, edge), EdgeState::Dead | EdgeState::CutOff))
            .map(|edge| reason_of_dead_edge(&self.nodes[edge.from.index()]));
        let first = reasons.next();
        let failure = first
            .iter()
            .cloned()
            .chain(reasons)
            .find(|reason| reason.cause == SkipCause::UpstreamFailed);
        failure.or(first).unwrap_or_else(|| SkipReason {
            cause: SkipCause::UpstreamSkipped,
            by: self.nodes[target.index()].path.clone(),
        })
    }
}
