//! Dispatch: starting the nodes whose joins hold, longest path first, within the limits.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc, time::Duration};

use agentchains_cost::{Lines, Usd};
use agentchains_workflow::{AgentCall, NodeKind, UnknownCost};
use jiff::Timestamp;

use crate::{
    AgentTerms, Attempt, AttemptRow, AttemptStatus, Call, Effect, EventType, ExecutionStatus, Failure,
    FailureCode, Gate, Machine, MessageId, NodePath, NodeRequest, NodeState, Refusal, Waiting, Wanted,
    machine::after,
    ready::Ready,
    scope::{NodeKey, ScopeId},
    time::format_millis,
};

/// Limit of an attempt where neither the node nor the agent has one.
pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a node with `retry` waits for an open breaker, unless it says otherwise.
const BREAKER_WAIT_WITH_RETRY: Duration = Duration::from_secs(300);
/// A breaker that says "not yet" is not asked again sooner than this.
const BREAKER_POLL: Duration = Duration::from_millis(250);

/// Calls and child executions that one step starts at the most: what has to be made durable together stays so small that
/// it keeps no other execution waiting for long.
const STARTS_OF_ONE_STEP: usize = 128;

/// Why a node that is ready was not started.
pub(crate) enum Deferred {
    /// Its agent may not be called at the moment.
    Agent,
    /// A budget has no room for what it may cost.
    Budget(Wanted),
}

/// What is wanted of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// An attempt, for which the gate has admitted a call.
    Admitted,
    /// What a crash or a question interrupted: the attempt once more, or to go on with its task.
    Again,
    /// The task that it has made of an attempt, if it has.
    Lookup,
}

/// An attempt that may be made.
struct Plan {
    /// The node's agent, or one that takes its place.
    agent_id: String,
    request: Arc<NodeRequest>,
    timeout: Duration,
    /// What is reserved for it.
    reserved: Usd,
}

impl Machine {
    pub(crate) fn may_start_nodes(&self) -> bool {
        self.execution.status == ExecutionStatus::Running && self.execution.ending.is_none()
    }

    /// Takes note that a node's join holds: it starts as soon as layers, limits and places let it.
    pub(crate) fn enqueue(&mut self, key: NodeKey) {
        let workflow = Arc::clone(&self.workflow);
        let run = self.scope_mut(key.scope);
        if run.waitlist.hold(workflow.scope(run.definition), key.node) {
            self.release_held(key.scope);
        } else {
            self.queue(key);
        }
    }

    /// Lets the nodes of a scope go on to the queue, as far as layers allow, while its group has room for any: those for
    /// which there is none when their turn comes are held again.
    pub(crate) fn release_held(&mut self, scope: ScopeId) {
        while self.scope(scope).waitlist.room() > 0 {
            let Some(node) = self.scope_mut(scope).waitlist.release() else {
                return;
            };
            self.queue(NodeKey { scope, node });
        }
    }

    /// Holds a node back for which its group has no room. True when it is.
    fn is_held_back(&mut self, key: NodeKey) -> bool {
        let workflow = Arc::clone(&self.workflow);
        let is_pending = self.row(key).state == NodeState::Pending;
        let run = self.scope_mut(key.scope);
        let held_back = is_pending && run.waitlist.room() == 0;
        if held_back {
            run.waitlist.park(workflow.scope(run.definition), key.node);
        }
        held_back
    }

    fn queue(&mut self, key: NodeKey) {
        let node = self.node(key);
        let is_call = matches!(node.kind, NodeKind::AgentCall(_) | NodeKind::Subworkflow(_));
        let ready = Ready {
            rank: self.rank(key),
            place: Reverse((Arc::clone(&self.scope(key.scope).address), node.position)),
            key,
        };
        self.ready.push(ready, is_call);
    }

    /// Starts what may start.
    pub(crate) fn dispatch(&mut self, now: Timestamp, gate: &mut dyn Gate) {
        let mut deferred = Vec::new();
        let mut busy_agents = BTreeSet::new();
        let mut over_budget = Vec::new();
        let mut starts = 0;
        self.has_more = false;
        loop {
            // What has happened inside of a group or loop may end the execution.
            self.review_scopes(now, gate);
            if !self.may_start_nodes() {
                break;
            }
            if let Some(key) = self.ready.pop_in_place() {
                if self.is_startable(key) && !self.is_held_back(key) && !self.take_over_given(now, key) {
                    self.run_in_place(now, key, gate);
                }
                continue;
            }
            if self.execution.in_flight >= self.workflow.settings().max_concurrency.get() {
                break;
            }
            if starts == STARTS_OF_ONE_STEP {
                self.has_more = self.ready.has_calls();
                break;
            }
            let Some(key) = self.ready.pop_call() else {
                break;
            };
            if !self.is_startable(key) || self.is_held_back(key) || self.take_over_given(now, key) {
                continue;
            }
            match self.start_remote(now, key, &mut busy_agents, gate) {
                Ok(()) => starts += 1,
                Err(Deferred::Agent) => deferred.push(key),
                Err(Deferred::Budget(wanted)) => {
                    over_budget.push((key, wanted));
                    deferred.push(key);
                }
            }
        }
        // What something else has ended meanwhile is not queued again.
        for key in deferred {
            if self.is_startable(key) {
                self.enqueue(key);
            }
        }
        if !self.may_start_nodes() {
            return;
        }
        // What was started after a call was refused may give something back.
        let refused = over_budget.into_iter().find(|(key, wanted)| {
            let shortage = gate.shortage(&self.budget(), *wanted, now);
            shortage.is_some_and(|shortage| shortage.exhausted) && self.is_startable(*key)
        });
        if let Some((key, _)) = refused {
            self.budget_exhausted(now, key);
        }
    }

    /// Starts what runs elsewhere: an agent's call, or a child execution.
    fn start_remote(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        busy_agents: &mut BTreeSet<String>,
        gate: &mut dyn Gate,
    ) -> Result<(), Deferred> {
        if let NodeState::Waiting(Waiting::Held { about, attempt, .. }) = &self.row(key).state {
            let (about, attempt) = (*about, attempt.clone());
            self.go_on_as_told(now, key, about, attempt);
            return Ok(());
        }
        let workflow = Arc::clone(&self.workflow);
        match &self.node_in(&workflow, key).kind {
            NodeKind::AgentCall(call) if busy_agents.contains(&call.agent_id) => Err(Deferred::Agent),
            NodeKind::AgentCall(call) => {
                let started = self.start_call(now, key, call, gate);
                if matches!(started, Err(Deferred::Agent)) {
                    busy_agents.insert(call.agent_id.clone());
                }
                started
            }
            NodeKind::Subworkflow(settings) => {
                self.start_child(now, key, settings);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What takes no slot: it is done, opened, or waits, before anything else is looked at.
    fn run_in_place(&mut self, now: Timestamp, key: NodeKey, gate: &dyn Gate) {
        let workflow = Arc::clone(&self.workflow);
        match &self.node_in(&workflow, key).kind {
            NodeKind::Condition(_) => self.choose(now, key),
            NodeKind::HumanApproval(_) => self.ask(now, key),
            NodeKind::ParallelGroup(group) => self.begin_group(now, key, group, gate),
            NodeKind::Loop(settings) => self.begin_loop(now, key, settings),
            NodeKind::AgentCall(_) | NodeKind::Subworkflow(_) => {}
        }
    }

    fn is_startable(&self, key: NodeKey) -> bool {
        let waits = matches!(
            self.row(key).state,
            NodeState::Pending
                | NodeState::Waiting(
                    Waiting::Retry { .. }
                        | Waiting::Breaker { .. }
                        | Waiting::Held {
                            go_on_at: Some(_),
                            ..
                        }
                )
        );
        let released = self.scope(key.scope).waitlist.is_released(key.node);
        waits
            && released
            && !self.is_closed(key.scope)
            && !self.is_stopping(key.scope)
            && !self.has_members_in_flight(key)
    }

    /// Starts an attempt, or settles the node when none can be made.
    fn start_call(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        call: &AgentCall,
        gate: &mut dyn Gate,
    ) -> Result<(), Deferred> {
        let request = match self.request_of(key, call) {
            Ok(request) => request,
            Err(failure) => {
                self.node_failed(now, key, failure);
                return Ok(());
            }
        };
        if self.take_over(now, key, &request) {
            return Ok(());
        }
        let path = self.row(key).path.clone();
        let Some(mut terms) = gate.terms(&call.agent_id) else {
            let message = format!(
                "agent {:?} is not registered; register it and retry the execution",
                call.agent_id
            );
            self.node_failed(
                now,
                key,
                Failure::in_node(&path, FailureCode::AgentDisabled, message),
            );
            return Ok(());
        };
        let mut agent_id = call.agent_id.clone();
        let mut first_retry_at = Timestamp::MAX;
        let mut asked = BTreeSet::new();
        loop {
            let wanted = self.wanted(key, &terms);
            let reserved = gate.reserve(&self.budget(), wanted, now);
            let reserved = reserved.map_err(|_| Deferred::Budget(wanted))?;
            let admitted = gate.admit(&agent_id, now);
            if admitted.is_err() {
                gate.give_back(reserved);
            }
            match admitted {
                Ok(()) => {
                    let plan = Plan {
                        agent_id,
                        request,
                        timeout: self.attempt_timeout(key, &terms),
                        reserved,
                    };
                    self.record_attempt(now, key, plan);
                    return Ok(());
                }
                Err(Refusal::Busy) => return Err(Deferred::Agent),
                Err(Refusal::Open { retry_at }) => first_retry_at = first_retry_at.min(retry_at),
            }
            let fallback = terms.fallback_agent_id.clone();
            asked.insert(agent_id);
            let next = fallback.filter(|next| !asked.contains(next));
            let absent = match next.map(|next| (gate.terms(&next), next)) {
                Some((Some(next_terms), next)) => {
                    (terms, agent_id) = (next_terms, next);
                    continue;
                }
                Some((None, absent)) => Some(absent),
                None => None,
            };
            self.wait_for_breaker(now, key, &call.agent_id, first_retry_at, absent.as_deref());
            return Ok(());
        }
    }

    fn attempt_timeout(&self, key: NodeKey, terms: &AgentTerms) -> Duration {
        self.node(key)
            .timeout
            .or(terms.timeout)
            .unwrap_or(DEFAULT_ATTEMPT_TIMEOUT)
    }

    /// What is to be reserved for an attempt (language reference, section 9).
    pub(crate) fn wanted(&self, key: NodeKey, terms: &AgentTerms) -> Wanted {
        let declared = self.node(key).max_cost.or(terms.max_cost);
        // A fixed price is due whatever was declared.
        let fixed = terms.prices.per_call.unwrap_or_default();
        let declared = declared.map(|declared| declared.max(fixed));
        let worst_case = declared.or_else(|| terms.prices.worst_case(self.attempt_timeout(key, terms)));
        let own = self.workflow.settings().unknown_cost;
        let above = self.execution.parent.iter().flat_map(|parent| &parent.budgets);
        let mut policies = above.map(|budget| budget.unknown_cost).chain([own]);
        match worst_case {
            Some(amount) => Wanted::Exactly(amount),
            None if policies.all(|policy| policy == UnknownCost::Allow) => Wanted::Nothing,
            // Where such calls are refused the start was, unless the agent had a price then.
            None => Wanted::Rest,
        }
    }

    fn record_attempt(&mut self, now: Timestamp, key: NodeKey, plan: Plan) {
        self.execution.reserved = self.execution.reserved.saturating_add(plan.reserved);
        let deadline = after(now, plan.timeout);
        let execution = self.execution.id;
        let row = self.row_mut(key);
        row.attempts += 1;
        row.request = Some(plan.request);
        row.remote_task = None;
        let message_id = MessageId::of_attempt(execution, &row.path, row.attempts);
        let attempt = Attempt {
            number: row.attempts,
            message_id,
            agent_id: plan.agent_id,
            started_at: now,
            deadline,
            reserved: plan.reserved,
            abort_by: None,
            rejected: None,
            answer: None,
        };
        let ledger_line = AttemptRow::started(row.path.clone(), &attempt);
        self.set_state(now, key, NodeState::Running(attempt.clone()));
        self.attempt_changed(ledger_line);
        self.emit_node(now, EventType::NodeStarted, key);
        self.send(key, &attempt, Sending::Admitted);
    }

    /// Wants an attempt sent, or gone on with.
    pub(crate) fn send(&mut self, key: NodeKey, attempt: &Attempt, sending: Sending) {
        let row = self.row(key);
        let Some(request) = row.request.clone() else {
            return;
        };
        let upstream = self.outputs_of(key.scope, &request.upstream).collect();
        let item = self.item(key.scope).cloned();
        let loop_context = self.loop_context(key.scope);
        let output_schema = self.node(key).output_schema.as_ref();
        let output_schema = output_schema.map(|schema| schema.source().clone().into());
        let effect = Effect::Call(Call {
            path: row.path.clone(),
            agent_id: attempt.agent_id.clone(),
            attempt: attempt.number,
            message_id: attempt.message_id,
            deadline: attempt.deadline,
            request,
            input: self.execution.input.clone(),
            upstream,
            item,
            loop_context,
            remote_task: row.remote_task.clone(),
            answer: attempt.answer.clone(),
            output_schema,
            is_lookup: sending == Sending::Lookup,
            admitted: sending == Sending::Admitted,
        });
        self.effect(effect);
    }

    /// An open breaker: no attempt, no reservation. The node waits for as long as it may, then fails. `absent` is the
    /// fallback that would have been asked, if it were registered.
    fn wait_for_breaker(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        agent_id: &str,
        retry_at: Timestamp,
        absent: Option<&str>,
    ) {
        let node = self.node(key);
        let default_wait = if node.retry.is_some() {
            BREAKER_WAIT_WITH_RETRY
        } else {
            Duration::ZERO
        };
        let wait = node.breaker_wait.unwrap_or(default_wait);
        let row = self.row(key);
        let already_until = match &row.state {
            NodeState::Waiting(Waiting::Breaker { until, .. }) => Some(*until),
            _ => None,
        };
        let until = already_until.unwrap_or_else(|| after(now, wait));
        if until <= now {
            let failure = breaker_is_open(&row.path, agent_id, retry_at, absent);
            return self.node_failed(now, key, failure);
        }
        let retry_at = retry_at.max(after(now, BREAKER_POLL));
        let waiting = Waiting::Breaker {
            agent_id: agent_id.to_owned(),
            retry_at,
            until,
        };
        self.set_state(now, key, NodeState::Waiting(waiting));
        if already_until.is_none() {
            self.emit_node(now, EventType::NodeWaiting, key);
        }
    }
}

/// A node that can wait no longer for its agent's breaker.
pub(crate) fn breaker_is_open(
    path: &NodePath,
    agent_id: &str,
    retry_at: Timestamp,
    absent_fallback: Option<&str>,
) -> Failure {
    let mut message = format!(
        "the circuit breaker of agent {agent_id:?} is open, until {} at the least",
        format_millis(retry_at)
    );
    if let Some(absent) = absent_fallback {
        message.push_str(&format!(
            "; agent {absent:?}, which would take its place, is not registered"
        ));
    }
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
            lines: Lines::default(),
            price_version: None,
            overrun: Usd::ZERO,
            usage: None,
            error: None,
            started_at: attempt.started_at,
            finished_at: None,
        }
    }
}
