//! Settling: a node has come to its end, and its out-edges decide the joins below it.

use std::sync::Arc;

use agentchains_workflow::{EdgeRef, Json, NodeIndex, NodeKind, OnError, OnFailure};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Completion, Ending, EventType, Failure, FailureCode, Machine, NodeFailure, NodeState, SkipCause,
    SkipReason,
    join::{Arrivals, EdgeState, Verdict, decide, edge_state, reason_of_dead_edge},
    scope::{NodeKey, ScopeId},
};

impl Machine {
    /// A node has an output; where that does not fit its schema, it fails instead.
    pub(crate) fn node_completed(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        output: Json,
        branch: Option<String>,
    ) {
        match self.excess(key, &output).or_else(|| self.misfit(key, &output)) {
            Some(failure) => self.node_failed(now, key, failure),
            None => self.complete(now, key, output, branch, None),
        }
    }

    /// Why an output is larger than one may be.
    fn excess(&self, key: NodeKey, output: &Json) -> Option<Failure> {
        let excess = self.workflow.limits().excess(output)?;
        let code = match &self.node(key).kind {
            NodeKind::Loop(_) => FailureCode::LoopFailed,
            NodeKind::ParallelGroup(_) => FailureCode::GroupFailed,
            NodeKind::Subworkflow(_) => FailureCode::SubworkflowFailed,
            NodeKind::Condition(_) => FailureCode::ConditionError,
            NodeKind::AgentCall(_) => FailureCode::AgentResponseTooLarge,
            NodeKind::HumanApproval(_) => FailureCode::TemplateError,
        };
        let message = format!("the output is no value that may be kept: {excess}");
        Some(Failure::in_node(self.path(key), code, message))
    }

    /// Why an output does not fit the node's `output_schema`.
    pub(crate) fn misfit(&self, key: NodeKey, output: &Json) -> Option<Failure> {
        let schema = self.node(key).output_schema.as_ref()?;
        let output = output.to_value();
        let mismatch = schema.validate(&output).err()?;
        let row = self.row(key);
        let message = match &row.state {
            NodeState::Running(attempt) => {
                let what = if is_text_alone(&output) {
                    "with text and no JSON besides, which"
                } else {
                    "what"
                };
                format!(
                    "attempt {} of agent {:?} answered {what} does not fit output_schema: {mismatch}",
                    attempt.number, attempt.agent_id
                )
            }
            _ => format!("the output does not fit output_schema: {mismatch}"),
        };
        Some(Failure::in_node(
            &row.path,
            FailureCode::OutputSchemaMismatch,
            message,
        ))
    }

    pub(crate) fn complete(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        output: Json,
        branch: Option<String>,
        replaced: Option<Failure>,
    ) {
        let done = Completion {
            output,
            branch,
            replaced,
        };
        self.settle(now, key, NodeState::Completed(done), EventType::NodeCompleted);
    }

    /// A node has failed for good, and trying it again would not help.
    pub(crate) fn node_failed(&mut self, now: Timestamp, key: NodeKey, failure: Failure) {
        self.node_gave_up(now, key, NodeFailure::from(failure));
    }

    /// A node has failed for good: what follows is its `on_error`, else the workflow's `on_failure`.
    pub(crate) fn node_gave_up(&mut self, now: Timestamp, key: NodeKey, failed: NodeFailure) {
        let on_error = self.node(key).on_error.clone();
        if let OnError::Output(output) = on_error {
            return self.complete(now, key, output, None, Some(failed.failure));
        }
        let handled = matches!(on_error, OnError::Goto(_));
        let ends_execution = !handled && key.scope == ScopeId::TOP;
        if ends_execution {
            self.execution
                .error
                .get_or_insert_with(|| failed.failure.innermost().clone());
        }
        let failed = NodeFailure { handled, ..failed };
        self.settle(now, key, NodeState::Failed(failed), EventType::NodeFailed);
        if ends_execution && self.workflow.settings().on_failure != OnFailure::Continue {
            let abort = self.workflow.settings().on_failure == OnFailure::Cancel;
            let node = self.row(key).path.clone();
            self.begin_ending(Ending::Failure { node }, abort);
        }
    }

    /// Settles a node, and every node below it that is thereby decided not to run. No recursion: a chain of
    /// 10,000 skipped nodes is a loop.
    pub(crate) fn settle(&mut self, now: Timestamp, key: NodeKey, state: NodeState, event: EventType) {
        let left_to_the_end = self.leaves_to_the_end(key, &state);
        self.set_state(now, key, state);
        self.emit_node(now, event, key);
        let workflow = Arc::clone(&self.workflow);
        let graph = workflow.scope(self.scope(key.scope).definition);
        let mut settled = vec![key.node];
        while let Some(source) = settled.pop() {
            for edge in graph.outgoing(source) {
                let state = self.edge(key.scope, &edge);
                let target = NodeKey { node: edge.to, ..key };
                self.scope_mut(key.scope).arrivals[edge.to.index()].count(state);
                if left_to_the_end || self.row(target).state != NodeState::Pending {
                    continue;
                }
                match self.verdict(target) {
                    Verdict::Wait => {}
                    Verdict::Run => self.enqueue(target),
                    Verdict::Skip => {
                        self.skip(now, target);
                        settled.push(edge.to);
                    }
                }
            }
        }
    }

    fn skip(&mut self, now: Timestamp, key: NodeKey) {
        let reason = self.skip_reason(key);
        self.set_state(now, key, NodeState::Skipped(reason));
        self.emit_node(now, EventType::NodeSkipped, key);
    }

    /// Whether what has not started below a node is settled by the end of the execution, or of what is around it, and
    /// not by joins: what a cancel or an abort cuts off is not skipped because of its predecessor.
    fn leaves_to_the_end(&self, key: NodeKey, state: &NodeState) -> bool {
        self.is_cut_short() || matches!(state, NodeState::Cancelled { .. }) || self.is_closed(key.scope)
    }

    pub(crate) fn count_arrivals(&self, target: NodeKey) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for edge in self.graph(target.scope).incoming(target.node) {
            arrivals.count(self.edge(target.scope, &edge));
        }
        arrivals
    }

    pub(crate) fn verdict(&self, target: NodeKey) -> Verdict {
        let run = self.scope(target.scope);
        let graph = self.graph(target.scope);
        decide(
            graph.node(target.node).join,
            graph.in_degree(target.node),
            run.arrivals[target.node.index()],
        )
    }

    /// Queues every pending node of a scope whose join holds.
    pub(crate) fn requeue_ready_nodes(&mut self, scope: ScopeId) {
        for key in self.keys(scope) {
            if self.row(key).state == NodeState::Pending && self.verdict(key) == Verdict::Run {
                self.enqueue(key);
            }
        }
    }

    pub(crate) fn edge(&self, scope: ScopeId, edge: &EdgeRef<'_>) -> EdgeState {
        let source = NodeKey {
            scope,
            node: edge.from,
        };
        edge_state(self.row(source), &self.node(source).kind, edge)
    }

    /// Whether a failure above a node, which nothing handled, has cut it off.
    pub(crate) fn is_cut_off(&self, target: NodeKey) -> bool {
        let mut incoming = self.graph(target.scope).incoming(target.node);
        incoming.any(|edge| self.edge(target.scope, &edge) == EdgeState::CutOff)
    }

    /// A failure wins, then the first edge in the document.
    pub(crate) fn skip_reason(&self, target: NodeKey) -> SkipReason {
        let row_of = |node: NodeIndex| self.row(NodeKey { node, ..target });
        let mut reasons = self
            .graph(target.scope)
            .incoming(target.node)
            .filter(|edge| matches!(self.edge(target.scope, edge), EdgeState::Dead | EdgeState::CutOff))
            .map(|edge| reason_of_dead_edge(row_of(edge.from)));
        let first = reasons.next();
        let failure = first
            .iter()
            .cloned()
            .chain(reasons)
            .find(|reason| reason.cause == SkipCause::UpstreamFailed);
        failure.or(first).unwrap_or_else(|| SkipReason {
            cause: SkipCause::UpstreamSkipped,
            by: self.row(target).path.clone(),
        })
    }
}

/// Whether an output is all that is made of an answer in plain text (language reference, section 7, `agent_call`).
fn is_text_alone(output: &Value) -> bool {
    let members = output.as_object().filter(|members| members.len() == 1);
    members.is_some_and(|members| members.get("text").is_some_and(Value::is_string))
}
