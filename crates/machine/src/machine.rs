//! The machine: one execution in memory, and the entry points.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use agentchains_cost::{Budget, Usd};
use agentchains_workflow::{Compiled, Graph, NodeIndex, OnBudget, Scheduling};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde_json::Value;

use crate::{
    ApprovalId, ApprovalRow, ApprovalStatus, AttemptRow, Changes, Effect, Event, EventType, ExecutionId,
    ExecutionRow, ExecutionStatus, Gate, Input, NodePath, NodeRow, NodeState, NodeType, Rejected, Step,
    WorkflowId, join::Arrivals, ready::ReadyQueue, timers::Timers,
};

/// What an execution is started with.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExecution {
    /// Its id.
    pub id: ExecutionId,
    /// Who owns it.
    pub tenant: String,
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The version.
    pub workflow_version: u32,
    /// Its input.
    pub input: Arc<Value>,
    /// The limit of its spending; absent is no limit.
    pub max_budget: Option<Usd>,
    /// What happens when that is reached.
    pub on_budget: OnBudget,
    /// Its own timeout.
    pub timeout: Option<Duration>,
    /// Names that the caller gives it.
    pub labels: BTreeMap<String, String>,
    /// Who starts it.
    pub initiated_by: String,
}

/// The rows of an execution, as far as the machine needs them to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The execution.
    pub execution: ExecutionRow,
    /// Its nodes that have a row.
    pub nodes: Vec<NodeRow>,
    /// Its pending questions.
    pub approvals: Vec<ApprovalRow>,
}

/// One execution: its rows, and what is computed from them and the graph so that a step need not search.
#[derive(Debug)]
pub struct Machine {
    pub(crate) workflow: Arc<Compiled>,
    pub(crate) execution: ExecutionRow,
    pub(crate) nodes: Vec<NodeRow>,
    pub(crate) approvals: BTreeMap<ApprovalId, ApprovalRow>,
    pub(crate) arrivals: Vec<Arrivals>,
    pub(crate) ready: ReadyQueue,
    pub(crate) timers: Timers,
    unsettled_by_layer: Vec<u32>,
    lowest_open_layer: u32,
    out: Outbox,
}

#[derive(Debug, Default)]
struct Outbox {
    nodes: BTreeSet<NodeIndex>,
    attempts: Vec<AttemptRow>,
    approvals: Vec<ApprovalRow>,
    events: Vec<Event>,
    effects: Vec<Effect>,
}

impl Machine {
    /// A new execution, pending until [`Input::Start`].
    #[must_use]
    pub fn create(workflow: Arc<Compiled>, new: NewExecution, now: Timestamp) -> Self {
        let execution = ExecutionRow {
            id: new.id,
            tenant: new.tenant,
            workflow_id: new.workflow_id,
            workflow_version: new.workflow_version,
            status: ExecutionStatus::Pending,
            pause_reason: None,
            ending: None,
            input: new.input,
            output: None,
            error: None,
            max_budget: new.max_budget,
            on_budget: new.on_budget,
            spent: Usd::ZERO,
            reserved: Usd::ZERO,
            cost_known: true,
            labels: new.labels,
            initiated_by: new.initiated_by,
            created_at: now,
            started_at: None,
            finished_at: None,
            deadline: new.timeout.map(|timeout| after(now, timeout)),
            abort_deadline: None,
            wake_at: None,
            last_seq: 0,
            in_flight: 0,
            nodes_total: u32::try_from(workflow.graph().len()).unwrap_or(u32::MAX),
            nodes_settled: 0,
        };
        Self::restore(
            workflow,
            Snapshot {
                execution,
                nodes: Vec::new(),
                approvals: Vec::new(),
            },
        )
    }

    /// The execution that these rows describe. Rows of nodes that the graph does not have are ignored.
    ///
    /// What was in flight is in flight still, until [`Input::Recover`] says that nobody waits for it.
    #[must_use]
    pub fn restore(workflow: Arc<Compiled>, snapshot: Snapshot) -> Self {
        let graph = workflow.graph();
        let mut nodes: Vec<NodeRow> = graph.indices().map(|index| pending_row(graph, index)).collect();
        for row in snapshot.nodes {
            if let Some(index) = graph.find(&row.node_id) {
                nodes[index.index()] = row;
            }
        }
        let approvals = snapshot.approvals.into_iter().map(|row| (row.id, row)).collect();
        let unsettled_by_layer = graph
            .layers()
            .iter()
            .map(|layer| {
                layer
                    .iter()
                    .filter(|index| !nodes[index.index()].state.status().is_settled())
                    .count() as u32
            })
            .collect();
        let mut machine = Self {
            arrivals: vec![Arrivals::default(); nodes.len()],
            ready: ReadyQueue::new(workflow.settings().scheduling == Scheduling::Layered),
            timers: Timers::default(),
            unsettled_by_layer,
            lowest_open_layer: 0,
            out: Outbox::default(),
            execution: snapshot.execution,
            workflow,
            nodes,
            approvals,
        };
        machine.recompute();
        machine
    }

    /// Takes one input. Nothing has changed when it is refused.
    ///
    /// # Errors
    /// [`Rejected`] for a command that does not apply. Everything else is never refused.
    pub fn step(&mut self, now: Timestamp, input: Input, gate: &mut dyn Gate) -> Result<Step, Rejected> {
        if self.execution.status.is_terminal() {
            return match input {
                Input::Decide(_) => Err(Rejected::ApprovalNotPending),
                Input::Pause | Input::Resume(_) | Input::Cancel => Err(self.conflict()),
                _ => Ok(self.take_step()),
            };
        }
        match input {
            Input::Start => self.start(now),
            Input::Recover => self.recover(now, gate),
            Input::Tick => {}
            Input::TaskAccepted { path, attempt, task } => self.task_accepted(&path, attempt, task),
            Input::AttemptEnded {
                path,
                attempt,
                outcome,
            } => {
                self.attempt_ended(now, &path, attempt, outcome, gate);
            }
            Input::Decide(decision) => self.decide(now, decision)?,
            Input::Pause => self.pause(now)?,
            Input::Resume(resume) => self.resume(now, resume)?,
            Input::Cancel => self.cancel(now)?,
        }
        self.fire_timers(now);
        self.advance(now, gate);
        Ok(self.take_step())
    }

    /// The execution as it is after the last step.
    #[must_use]
    pub const fn execution(&self) -> &ExecutionRow {
        &self.execution
    }

    /// The nodes as they are after the last step, in document order.
    #[must_use]
    pub fn nodes(&self) -> &[NodeRow] {
        &self.nodes
    }

    /// The pending questions as they are after the last step.
    pub fn pending_approvals(&self) -> impl Iterator<Item = &ApprovalRow> {
        self.approvals.values()
    }

    /// Whether only time or people can change it, so that it needs no place in memory.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.execution.status.is_terminal()
            || (self.execution.in_flight == 0 && !(self.may_start_nodes() && self.has_startable_node()))
    }

    pub(crate) fn graph(&self) -> &Graph {
        self.workflow.graph()
    }

    pub(crate) fn budget(&self) -> Budget {
        Budget::restore(
            self.execution.max_budget,
            self.execution.spent,
            self.execution.reserved,
        )
    }

    pub(crate) fn set_budget(&mut self, budget: &Budget) {
        self.execution.max_budget = budget.limit();
        self.execution.spent = budget.spent();
        self.execution.reserved = budget.reserved();
    }

    pub(crate) fn find(&self, path: &NodePath) -> Option<NodeIndex> {
        self.graph().find(path.as_str())
    }

    pub(crate) const fn lowest_open_layer(&self) -> u32 {
        self.lowest_open_layer
    }

    /// Puts a node into another state: the only place where that happens.
    pub(crate) fn set_state(&mut self, now: Timestamp, index: NodeIndex, next: NodeState) {
        let row = &mut self.nodes[index.index()];
        let (before, after) = (row.state.status(), next.status());
        debug_assert!(before.may_become(after), "{}: {before} -> {after}", row.path);
        match &row.state {
            NodeState::Running(_) => self.execution.in_flight -= 1,
            NodeState::Waiting(waiting) => self.timers.forget(index, waiting),
            _ => {}
        }
        if row.started_at.is_none() && !matches!(next, NodeState::Skipped(_) | NodeState::Cancelled { .. }) {
            row.started_at = Some(now);
        }
        match &next {
            NodeState::Running(_) => self.execution.in_flight += 1,
            NodeState::Waiting(waiting) => self.timers.note(index, waiting),
            _ => {}
        }
        if after.is_settled() {
            row.finished_at = Some(now);
            self.execution.nodes_settled += 1;
        }
        row.state = next;
        self.out.nodes.insert(index);
        if after.is_settled() {
            let layer = self.graph().layer_of(index) as usize;
            self.unsettled_by_layer[layer] -= 1;
            self.advance_layers();
        }
    }

    pub(crate) fn node_changed(&mut self, index: NodeIndex) {
        self.out.nodes.insert(index);
    }

    pub(crate) fn attempt_changed(&mut self, row: AttemptRow) {
        self.out.attempts.push(row);
    }

    pub(crate) fn approval_changed(&mut self, row: ApprovalRow) {
        if row.status == ApprovalStatus::Pending {
            self.approvals.insert(row.id, row.clone());
        } else {
            self.approvals.remove(&row.id);
        }
        self.out.approvals.push(row);
    }

    pub(crate) fn emit(&mut self, now: Timestamp, kind: EventType, data: Value) {
        self.execution.last_seq += 1;
        self.out.events.push(Event {
            seq: self.execution.last_seq,
            kind,
            at: now,
            data,
        });
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    fn take_step(&mut self) -> Step {
        let next_wake = self.next_wake();
        let rescheduled = self.execution.wake_at != next_wake;
        self.execution.wake_at = next_wake;
        let out = std::mem::take(&mut self.out);
        let nodes = out
            .nodes
            .iter()
            .map(|index| self.nodes[index.index()].clone())
            .collect();
        let mut step = Step {
            changes: Changes {
                execution: self.execution.clone(),
                nodes,
                attempts: Vec::new(),
                approvals: Vec::new(),
                events: out.events,
            },
            effects: out.effects,
            rescheduled,
        };
        step.changes.set_latest(out.attempts, out.approvals);
        step
    }

    fn next_wake(&self) -> Option<Timestamp> {
        if self.execution.status.is_terminal() {
            return None;
        }
        let timer = self.timers.next_due();
        let deadline = self
            .execution
            .deadline
            .filter(|_| self.execution.ending.is_none());
        [timer, deadline, self.execution.abort_deadline]
            .into_iter()
            .flatten()
            .min()
    }

    fn recompute(&mut self) {
        for index in self.workflow.clone().graph().indices() {
            if let NodeState::Waiting(waiting) = &self.nodes[index.index()].state {
                self.timers.note(index, waiting);
            }
            self.arrivals[index.index()] = self.count_arrivals(index);
        }
        self.advance_layers();
        self.requeue_ready_nodes();
    }

    fn advance_layers(&mut self) {
        while self.unsettled_by_layer.get(self.lowest_open_layer as usize) == Some(&0) {
            self.lowest_open_layer += 1;
        }
    }
}

fn pending_row(graph: &Graph, index: NodeIndex) -> NodeRow {
    let node = graph.node(index);
    NodeRow {
        path: NodePath::top_level(&node.id),
        node_id: node.id.clone(),
        kind: NodeType::of(&node.kind),
        position: u32::try_from(index.index()).unwrap_or(u32::MAX),
        state: NodeState::Pending,
        attempts: 0,
        request: None,
        remote_task: None,
        cost: Usd::ZERO,
        cost_known: true,
        usage: None,
        started_at: None,
        finished_at: None,
    }
}

/// A moment later, or the last one that there is. In whole milliseconds, rounded up: moments are stored like that,
/// and nothing may be due earlier after a restart than it was before.
pub(crate) fn after(now: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|delay| now.checked_add(delay).ok())
        .and_then(|moment| {
            moment
                .round(
                    TimestampRound::new()
                        .smallest(Unit::Millisecond)
                        .mode(RoundMode::Ceil),
                )
                .ok()
        })
        .unwrap_or(Timestamp::MAX)
}
