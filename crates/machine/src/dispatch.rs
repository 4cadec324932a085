//! Dispatch: starting the nodes whose joins hold, longest path first, within the limits.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use agentchains_cost::{Budget, Usd};
use agentchains_workflow::{AgentCall, NodeIndex, NodeKind, UnknownCost};
use jiff::Timestamp;

use crate::{
    AgentTerms, Attempt, AttemptRow, AttemptStatus, Call, Effect, EventType, ExecutionStatus, Failure,
    FailureCode, Gate, Machine, MessageId, NodePath, NodeRequest, NodeState, Refusal, Waiting,
    event::node_data, machine::after, time::format_millis,
};

/// Limit of an attempt where neither the node nor the agent has one.
pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a node with `retry` waits for an open breaker, unless it says otherwise.
const BREAKER_WAIT_WITH_RETRY: Duration = Duration::from_secs(300);
/// A breaker that says "not yet" is not asked again sooner than this.
const BREAKER_POLL: Duration = Duration::from_millis(250);

/// Why a node that is ready was not started.
enum Deferred {
    /// Its agent may not be called at the moment.
    Agent,
    /// What it may cost does not fit into the budget.
    Budget,
}

/// An attempt that may be made.
struct Plan {
    request: Arc<NodeRequest>,
    timeout: Duration,
    /// What is reserved for it.
    reserve: Usd,
    /// The budget with that reservation.
    budget: Budget,
}

impl Machine {
    pub(crate) fn may_start_nodes(&self) -> bool {
        self.execution.status == ExecutionStatus::Running && self.execution.ending.is_none()
    }

    pub(crate) fn has_startable_node(&self) -> bool {
        self.ready.has_open(self.lowest_open_layer())
    }

    pub(crate) fn enqueue(&mut self, index: NodeIndex) {
        let graph = self.workflow.graph();
        let is_call = matches!(graph.node(index).kind, NodeKind::AgentCall(_));
        self.ready.push(
            index,
            graph.layer_of(index),
            graph.longest_path_to_sink(index),
            is_call,
        );
    }

    /// Starts what may start.
    pub(crate) fn dispatch(&mut self, now: Timestamp, gate: &mut dyn Gate) {
        let mut deferred = Vec::new();
        let mut busy_agents = BTreeSet::new();
        let mut over_budget = None;
        while self.may_start_nodes() {
            if let Some(index) = self.ready.pop_in_place(self.lowest_open_layer()) {
                if self.is_startable(index) {
                    self.run_in_place(now, index);
                }
                continue;
            }
            if self.execution.in_flight >= self.workflow.settings().max_concurrency.get() {
                break;
            }
            let Some(index) = self.ready.pop_call(self.lowest_open_layer()) else {
                break;
            };
            if !self.is_startable(index) {
                continue;
            }
            let workflow = Arc::clone(&self.workflow);
            let NodeKind::AgentCall(call) = &workflow.graph().node(index).kind else {
                continue;
            };
            if busy_agents.contains(call.agent_id.as_str()) {
                deferred.push(index);
                continue;
            }
            match self.start_call(now, index, call, gate) {
                Ok(()) => {}
                Err(Deferred::Agent) => {
                    busy_agents.insert(call.agent_id.clone());
                    deferred.push(index);
                }
                Err(Deferred::Budget) => {
                    over_budget.get_or_insert(index);
                    deferred.push(index);
                }
            }
        }
        for index in deferred {
            self.enqueue(index);
        }
        if let Some(index) =
            over_budget.filter(|_| self.execution.reserved.is_zero() && self.may_start_nodes())
        {
            self.budget_exhausted(now, index);
        }
    }

    /// What takes no slot: it is done, or waits, before anything else is looked at.
    fn run_in_place(&mut self, now: Timestamp, index: NodeIndex) {
        match &self.graph().node(index).kind {
            NodeKind::Condition(_) => self.choose(now, index),
            NodeKind::HumanApproval(_) => self.ask(now, index),
            NodeKind::AgentCall(_) => {}
        }
    }

    fn is_startable(&self, index: NodeIndex) -> bool {
        matches!(
            self.nodes[index.index()].state,
            NodeState::Pending | NodeState::Waiting(Waiting::Retry { .. } | Waiting::Breaker { .. })
        )
    }

    /// Starts an attempt, or settles the node when none can be made.
    fn start_call(
        &mut self,
        now: Timestamp,
        index: NodeIndex,
        call: &AgentCall,
        gate: &mut dyn Gate,
    ) -> Result<(), Deferred> {
        let path = self.nodes[index.index()].path.clone();
        let Some(terms) = gate.terms(&call.agent_id) else {
            let message = format!(
                "agent {:?} is not registered; register it and retry the execution",
                call.agent_id
            );
            self.node_failed(
                now,
                index,
                Failure::in_node(&path, FailureCode::AgentDisabled, message),
            );
            return Ok(());
        };
        let timeout = self.attempt_timeout(index, &terms);
        let (budget, reserve) = self.reservation(index, &terms, timeout).ok_or(Deferred::Budget)?;
        let request = match self.request_of(index, call) {
            Ok(request) => request,
            Err(failure) => {
                self.node_failed(now, index, failure);
                return Ok(());
            }
        };
        let plan = Plan {
            request,
            timeout,
            reserve,
            budget,
        };
        match gate.admit(&call.agent_id, now) {
            Ok(()) => {
                self.record_attempt(now, index, call, plan);
                Ok(())
            }
            Err(Refusal::Busy) => Err(Deferred::Agent),
            Err(Refusal::Open { retry_at }) => {
                self.wait_for_breaker(now, index, &call.agent_id, retry_at);
                Ok(())
            }
        }
    }

    fn attempt_timeout(&self, index: NodeIndex, terms: &AgentTerms) -> Duration {
        self.graph()
            .node(index)
            .timeout
            .or(terms.timeout)
            .unwrap_or(DEFAULT_ATTEMPT_TIMEOUT)
    }

    /// The budget with what is to be reserved for an attempt, and that amount; `None` when the budget does not
    /// allow it (language reference, section 9).
    fn reservation(&self, index: NodeIndex, terms: &AgentTerms, timeout: Duration) -> Option<(Budget, Usd)> {
        let declared = self.graph().node(index).max_cost.or(terms.max_cost);
        let worst_case = declared.or_else(|| terms.prices.worst_case(timeout));
        let mut budget = self.budget();
        let wanted = match (
            worst_case,
            budget.remaining(),
            self.workflow.settings().unknown_cost,
        ) {
            (Some(amount), ..) => amount,
            (None, None, _) | (None, Some(_), UnknownCost::Allow) => Usd::ZERO,
            (None, Some(remaining), UnknownCost::Serialize) => remaining,
            (None, Some(_), UnknownCost::Refuse) => return None,
        };
        (budget.may_start(worst_case) && budget.reserve(wanted).is_ok()).then_some((budget, wanted))
    }

    fn record_attempt(&mut self, now: Timestamp, index: NodeIndex, call: &AgentCall, plan: Plan) {
        self.set_budget(&plan.budget);
        let deadline = after(now, plan.timeout);
        let row = &mut self.nodes[index.index()];
        row.attempts += 1;
        row.request = Some(plan.request);
        row.remote_task = None;
        let attempt = Attempt {
            number: row.attempts,
            message_id: MessageId::of_attempt(self.execution.id, &row.path, row.attempts),
            agent_id: call.agent_id.clone(),
            started_at: now,
            deadline,
            reserved: plan.reserve,
        };
        let ledger_line = AttemptRow::started(row.path.clone(), &attempt);
        self.set_state(now, index, NodeState::Running(attempt.clone()));
        self.attempt_changed(ledger_line);
        self.emit(now, EventType::NodeStarted, node_data(&self.nodes[index.index()]));
        self.send(index, &attempt, true);
    }

    /// Wants an attempt sent, or gone on with.
    pub(crate) fn send(&mut self, index: NodeIndex, attempt: &Attempt, admitted: bool) {
        let row = &self.nodes[index.index()];
        let Some(request) = row.request.clone() else {
            return;
        };
        let upstream = self.outputs_of(&request.upstream);
        let effect = Effect::Call(Call {
            path: row.path.clone(),
            agent_id: attempt.agent_id.clone(),
            attempt: attempt.number,
            message_id: attempt.message_id,
            deadline: attempt.deadline,
            request,
            input: Arc::clone(&self.execution.input),
            upstream: Arc::new(upstream),
            remote_task: row.remote_task.clone(),
            admitted,
        });
        self.effect(effect);
    }

    /// An open breaker: no attempt, no reservation. The node waits for as long as it may, then fails.
    fn wait_for_breaker(&mut self, now: Timestamp, index: NodeIndex, agent_id: &str, retry_at: Timestamp) {
        let node = self.graph().node(index);
        let default_wait = if node.retry.is_some() {
            BREAKER_WAIT_WITH_RETRY
        } else {
            Duration::ZERO
        };
        let wait = node.breaker_wait.unwrap_or(default_wait);
        let row = &self.nodes[index.index()];
        let already_until = match &row.state {
            NodeState::Waiting(Waiting::Breaker { until, .. }) => Some(*until),
            _ => None,
        };
        let until = already_until.unwrap_or_else(|| after(now, wait));
        if until <= now {
            let failure = breaker_is_open(&row.path, agent_id, retry_at);
            return self.node_failed(now, index, failure);
        }
        let retry_at = retry_at.max(after(now, BREAKER_POLL));
        let waiting = Waiting::Breaker {
            agent_id: agent_id.to_owned(),
            retry_at,
            until,
        };
        self.set_state(now, index, NodeState::Waiting(waiting));
        if already_until.is_none() {
            self.emit(now, EventType::NodeWaiting, node_data(&self.nodes[index.index()]));
        }
    }
}

/// A node that can wait no longer for its agent's breaker.
pub(crate) fn breaker_is_open(path: &NodePath, agent_id: &str, retry_at: Timestamp) -> Failure {
    let message = format!(
        "the circuit breaker of agent {agent_id:?} is open; it lets a call through at {}",
        format_millis(retry_at)
    );
    Failure::in_node(path, FailureCode::CircuitOpen, message)
}

impl AttemptRow {
    /// The ledger's line of an attempt that has just been recorded.
    pub(crate) fn started(path: NodePath, attempt: &Attempt) -> Self {
        Self {
            path,
            number: attempt.number,
            agent_id: attempt.agent_id.clone(),
            message_id: attempt.message_id,
            status: AttemptStatus::Running,
            reserved: attempt.reserved,
            cost: Usd::ZERO,
            cost_known: true,
            usage: None,
            error: None,
            started_at: attempt.started_at,
            finished_at: None,
        }
    }
}
