//! The machine: one execution in memory, and the entry points.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use agentchains_cost::{Budget, Usd};
use agentchains_workflow::{Compiled, Json, OnBudget};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use crate::{
    ApprovalId, ApprovalRow, ApprovalStatus, AttemptRow, Changes, Effect, Event, EventType, ExecutionId,
    ExecutionRow, ExecutionStatus, Gate, Input, NodePath, NodeRow, NodeState, Parent, Rejected, Seed, Step,
    WorkflowId,
    event::node_data,
    groups::ItemsTally,
    ready::ReadyQueue,
    scope::{NodeKey, ScopeId, ScopeRun},
    timers::Timers,
    work::Work,
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
    pub input: Json,
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
    /// The node that it runs for, where it is a child execution.
    pub parent: Option<Parent>,
    /// When it must have ended, whatever its own timeout says.
    pub ends_by: Option<Timestamp>,
    /// The terminal execution that it is made from.
    pub forked_from: Option<ExecutionId>,
    /// What that one left behind for it; none where it is made from no other.
    pub seeds: Vec<Seed>,
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
    /// What an earlier execution left behind for it.
    pub seeds: Vec<Seed>,
}

/// One execution: its rows, and what is computed from them and the graph so that a step need not search.
#[derive(Debug)]
pub struct Machine {
    pub(crate) workflow: Arc<Compiled>,
    pub(crate) execution: ExecutionRow,
    pub(crate) scopes: Vec<ScopeRun>,
    /// Nodes of all scopes.
    pub(crate) node_runs: usize,
    pub(crate) inner: BTreeMap<(NodeKey, Option<u32>), ScopeId>,
    pub(crate) items: BTreeMap<NodeKey, ItemsTally>,
    pub(crate) approvals: BTreeMap<ApprovalId, ApprovalRow>,
    pub(crate) seeds: HashMap<NodePath, Seed>,
    pub(crate) ready: ReadyQueue,
    pub(crate) timers: Timers,
    pub(crate) work: Work,
    /// Scopes in which a node has settled and whose consequences were not drawn yet.
    pub(crate) touched: BTreeSet<(Arc<[u32]>, ScopeId)>,
    /// Set when the end has begun and what follows from that was not done yet: whether calls are aborted.
    pub(crate) to_wind_down: Option<bool>,
    /// Whether there was more to start than one step may.
    pub(crate) has_more: bool,
    out: Outbox,
}

#[derive(Debug, Default)]
struct Outbox {
    nodes: BTreeSet<NodeKey>,
    attempts: Vec<AttemptRow>,
    approvals: Vec<ApprovalRow>,
    events: Vec<Event>,
    effects: Vec<Effect>,
    seeds: Vec<Seed>,
    /// As in the step.
    rescheduled: bool,
}

impl Machine {
    /// A new execution, pending until [`Input::Start`].
    #[must_use]
    pub fn create(workflow: Arc<Compiled>, new: NewExecution, now: Timestamp) -> Self {
        let deadline = new.timeout.map(|timeout| after(now, timeout));
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
            parent: new.parent,
            forked_from: new.forked_from,
            created_at: now,
            started_at: None,
            finished_at: None,
            deadline: deadline.into_iter().chain(new.ends_by).min(),
            wake_at: None,
            last_seq: 0,
            in_flight: 0,
            children: 0,
            nodes_total: u32::try_from(workflow.graph().len()).unwrap_or(u32::MAX),
            nodes_settled: 0,
            is_driven: true,
            recoveries: 0,
        };
        let snapshot = Snapshot {
            execution,
            nodes: Vec::new(),
            approvals: Vec::new(),
            seeds: new.seeds.clone(),
        };
        let mut machine = Self::restore(workflow, snapshot);
        machine.out.seeds = new.seeds;
        machine
    }

    /// The execution that these rows describe. Rows of nodes that the graph does not have are ignored.
    ///
    /// What was in flight is in flight still, until [`Input::Recover`] says that nobody waits for it.
    #[must_use]
    pub fn restore(workflow: Arc<Compiled>, snapshot: Snapshot) -> Self {
        let Snapshot {
            execution,
            nodes,
            approvals,
            seeds,
        } = snapshot;
        let mut machine = Self {
            workflow,
            execution,
            scopes: Vec::new(),
            node_runs: 0,
            inner: BTreeMap::new(),
            items: BTreeMap::new(),
            approvals: approvals.into_iter().map(|row| (row.id, row)).collect(),
            seeds: seeds.into_iter().map(|seed| (seed.path.clone(), seed)).collect(),
            ready: ReadyQueue::default(),
            timers: Timers::default(),
            work: Work::default(),
            touched: BTreeSet::new(),
            to_wind_down: None,
            has_more: false,
            out: Outbox::default(),
        };
        machine.restore_scopes(nodes);
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
                Input::Pause { .. } | Input::Resume(_) | Input::Cancel { .. } => Err(self.conflict()),
                _ => Ok(self.take_step(now)),
            };
        }
        match input {
            Input::Start => self.start(now),
            Input::Recover => self.recover(now, gate),
            Input::Quarantine => self.quarantine(now, gate),
            Input::Outlived => self.forgive_crashes(),
            Input::Tick => {}
            Input::TaskAccepted { path, attempt, task } => self.task_accepted(&path, attempt, task),
            Input::TaskMovedOn { path, attempt } => self.task_moved_on(now, &path, attempt),
            Input::AttemptEnded {
                path,
                attempt,
                outcome,
            } => self.attempt_ended(now, &path, attempt, outcome, gate),
            Input::ChildReported {
                path,
                execution_id,
                report,
            } => self.child_reported(now, &path, execution_id, report),
            Input::ChildRefused {
                path,
                execution_id,
                code,
                message,
            } => self.child_refused(now, &path, execution_id, code, message),
            Input::Decide(decision) => self.decide(now, decision, gate)?,
            Input::Pause { by } => self.pause(now, by.as_deref())?,
            Input::Resume(resume) => self.resume(now, resume, gate)?,
            Input::Cancel { by } => self.cancel(now, by.as_deref())?,
            Input::ShortBelow { path, wanted } => self.short_below(now, &path, wanted, gate),
            Input::Hold => self.hold(now),
            Input::Release => self.release_hold(now),
        }
        self.fire_timers(now, gate);
        self.advance(now, gate);
        Ok(self.take_step(now))
    }

    /// The execution as it is after the last step.
    #[must_use]
    pub const fn execution(&self) -> &ExecutionRow {
        &self.execution
    }

    /// The workflow that it runs.
    #[must_use]
    pub const fn workflow(&self) -> &Arc<Compiled> {
        &self.workflow
    }

    /// The nodes as they are after the last step: the workflow's own in document order, then the members of each
    /// group, iteration and item that was begun.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeRow> {
        self.scopes.iter().flat_map(|scope| &scope.nodes)
    }

    /// The pending questions as they are after the last step.
    pub fn pending_approvals(&self) -> impl Iterator<Item = &ApprovalRow> {
        self.approvals.values()
    }

    /// Whether only time, people or child executions can change it, so that it needs no place in memory.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        let has_work = self.may_start_nodes() && !self.ready.is_empty();
        let is_begun = self.execution.status != ExecutionStatus::Pending;
        self.execution.status.is_terminal() || (is_begun && self.execution.in_flight == 0 && !has_work)
    }

    /// Whether nodes are left that could be started, because one step starts only so many: the next one is to follow at
    /// once, by [`Input::Tick`] where there is no other input.
    #[must_use]
    pub fn has_more_to_start(&self) -> bool {
        self.has_more && self.may_start_nodes()
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

    /// Puts a node into another state: the only place where that happens.
    pub(crate) fn set_state(&mut self, now: Timestamp, key: NodeKey, next: NodeState) {
        let before = std::mem::replace(&mut self.row_mut(key).state, next);
        let next = self.row(key).state.clone();
        debug_assert!(
            before.status().may_become(next.status()),
            "{}: {} -> {}",
            self.row(key).path,
            before.status(),
            next.status()
        );
        let address = Arc::clone(&self.scope(key.scope).address);
        self.timers.forget(&address, key, &before);
        self.timers.note(&address, key, &next);
        self.work.add(&next);
        self.work.remove(&before);
        self.count_in_flight(key, &before, |count| *count -= 1);
        self.count_in_flight(key, &next, |count| *count += 1);
        self.begin_scope(key.scope);
        let row = self.row_mut(key);
        match &next {
            NodeState::Pending => (row.started_at, row.finished_at) = (None, None),
            NodeState::Skipped(_) | NodeState::Cancelled { .. } => {}
            _ => _ = row.started_at.get_or_insert(now),
        }
        if next.status().is_settled() {
            row.finished_at = Some(now);
            self.count_settled(key, &next);
        } else if before.status().is_settled() {
            self.execution.nodes_settled -= 1;
        } else {
            self.scope_mut(key.scope).waitlist.has_started(key.node);
        }
        self.out.nodes.insert(key);
    }

    fn count_in_flight(&mut self, key: NodeKey, state: &NodeState, count: impl Fn(&mut u32)) {
        match state {
            NodeState::Running(_) => count(&mut self.execution.in_flight),
            NodeState::Child(_) => count(&mut self.execution.children),
            _ => return,
        }
        self.count_active(key.scope, count);
    }

    fn count_settled(&mut self, key: NodeKey, state: &NodeState) {
        self.execution.nodes_settled += 1;
        let workflow = Arc::clone(&self.workflow);
        let run = self.scope_mut(key.scope);
        run.tally.unsettled -= 1;
        match state {
            NodeState::Completed(_) => run.tally.completed += 1,
            NodeState::Failed(failed) if !failed.handled => run.tally.unhandled += 1,
            NodeState::Cancelled { .. } => run.tally.cancelled += 1,
            _ => {}
        }
        run.waitlist.has_settled(workflow.scope(run.definition), key.node);
        self.touch(key.scope);
        self.release_held(key.scope);
    }

    pub(crate) fn node_changed(&mut self, key: NodeKey) {
        self.out.nodes.insert(key);
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

    pub(crate) fn emit(&mut self, now: Timestamp, kind: EventType, data: Json) {
        self.execution.last_seq += 1;
        self.out.events.push(Event {
            seq: self.execution.last_seq,
            kind,
            at: now,
            data,
        });
    }

    /// Tells of a node as it now is.
    pub(crate) fn emit_node(&mut self, now: Timestamp, kind: EventType, key: NodeKey) {
        let data = node_data(self.row(key));
        self.emit(now, kind, data);
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    fn take_step(&mut self, now: Timestamp) -> Step {
        let out = std::mem::take(&mut self.out);
        let standing = |row: &ExecutionRow| (row.wake_at, row.is_driven, row.recoveries);
        let before = standing(&self.execution);
        self.execution.wake_at = self.next_wake(now);
        let is_parked = self.is_parked();
        self.execution.is_driven = !is_parked || self.execution.children > 0;
        if is_parked || !out.events.is_empty() {
            self.execution.recoveries = 0;
        }
        let rescheduled = out.rescheduled || standing(&self.execution) != before;
        let mut step = Step {
            changes: Changes {
                execution: self.execution.clone(),
                nodes: out.nodes.iter().map(|key| self.row(*key).clone()).collect(),
                attempts: out.attempts,
                approvals: out.approvals,
                events: out.events,
                seeds: out.seeds,
            },
            effects: out.effects,
            rescheduled,
        };
        step.changes.keep_latest();
        step
    }

    fn forgive_crashes(&mut self) {
        self.out.rescheduled = self.execution.recoveries > 0;
        self.execution.recoveries = 0;
    }

    fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        if self.execution.status.is_terminal() {
            return None;
        }
        // One that is over has done its work in this step.
        let deadline = self.execution.deadline.filter(|deadline| *deadline > now);
        self.timers.next_due().into_iter().chain(deadline).min()
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
