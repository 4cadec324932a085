//! Metrics: their names, units, labels and help texts, all in one place.
//!
//! They go to the recorder of the facade [`metrics`](https://docs.rs/metrics) that is installed when an engine starts;
//! without one they go nowhere. No label names an execution or a node, and the values of each are bounded: words of the
//! API, and agents, of which the first 1,000 that are called have a value of their own. All agents that documents name by
//! their address share the value `inline`, and all further ones `other`.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use agentchains_breaker::State;
use agentchains_cost::Usd;
use agentchains_machine::{AttemptRow, AttemptStatus, Changes, EventType, ExecutionStatus};
use jiff::SignedDuration;
use metrics::{
    Counter, Gauge, Histogram, SharedString, Unit, counter, describe_counter, describe_gauge,
    describe_histogram, gauge, histogram,
};

const EXECUTIONS_STARTED: &str = "agentchains_executions_started_total";
const EXECUTIONS_FINISHED: &str = "agentchains_executions_finished_total";
const EXECUTIONS_ACTIVE: &str = "agentchains_executions_active";
const ATTEMPTS: &str = "agentchains_attempts_total";
const ATTEMPT_DURATION: &str = "agentchains_attempt_duration_seconds";
const ATTEMPT_COST: &str = "agentchains_attempt_cost_usd";
const RESERVATIONS_REFUSED: &str = "agentchains_reservations_refused_total";
const BREAKER_STATE: &str = "agentchains_breaker_state";
const BREAKER_TRANSITIONS: &str = "agentchains_breaker_transitions_total";
const BREAKER_REFUSALS: &str = "agentchains_breaker_refusals_total";
const COMMIT_DURATION: &str = "agentchains_commit_duration_seconds";
const STORE_ERRORS: &str = "agentchains_store_errors_total";

/// Each histogram with upper bounds for its buckets that tell its usual values apart, for recorders that need them.
pub const HISTOGRAMS: [(&str, &[f64]); 3] = [
    (
        ATTEMPT_DURATION,
        &[
            0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0,
        ],
    ),
    (ATTEMPT_COST, &[0.0001, 0.001, 0.01, 0.1, 1.0, 10.0]),
    (
        COMMIT_DURATION,
        &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0],
    ),
];

/// Agents that have a label value of their own.
const MAX_AGENTS: usize = 1_000;
const NANOS_PER_USD: f64 = 1e9;

/// What an engine measures. Its parts are registered once, so that nothing is looked up by name afterwards.
pub(crate) struct Metrics {
    started: Counter,
    completed: Counter,
    failed: Counter,
    cancelled: Counter,
    active: Gauge,
    reservations_refused: Counter,
    commit_duration: Histogram,
    store_errors: Counter,
    agents: RwLock<HashMap<String, Arc<AgentMetrics>>>,
}

/// What is measured of one agent, or of all that share a label value.
pub(crate) struct AgentMetrics {
    label: SharedString,
    duration: Histogram,
    cost: Histogram,
    breaker_state: Gauge,
    breaker_refusals: Counter,
}

/// Counts an execution as active for as long as it is held.
pub(crate) struct Active(Gauge);

impl Metrics {
    /// Registers with the recorder that is installed.
    pub(crate) fn new() -> Self {
        describe();
        let finished = |status: ExecutionStatus| counter!(EXECUTIONS_FINISHED, "status" => status.as_str());
        Self {
            started: counter!(EXECUTIONS_STARTED),
            completed: finished(ExecutionStatus::Completed),
            failed: finished(ExecutionStatus::Failed),
            cancelled: finished(ExecutionStatus::Cancelled),
            active: gauge!(EXECUTIONS_ACTIVE),
            reservations_refused: counter!(RESERVATIONS_REFUSED),
            commit_duration: histogram!(COMMIT_DURATION),
            store_errors: counter!(STORE_ERRORS),
            agents: RwLock::default(),
        }
    }

    pub(crate) fn active(&self) -> Active {
        self.active.increment(1.0);
        Active(self.active.clone())
    }

    /// Counts what a commit has made durable.
    pub(crate) fn committed(&self, changes: &Changes, took: SignedDuration) {
        self.commit_duration.record(took.as_secs_f64());
        for event in &changes.events {
            match event.kind {
                EventType::ExecutionStarted => self.started.increment(1),
                EventType::ExecutionCompleted => self.completed.increment(1),
                EventType::ExecutionFailed => self.failed.increment(1),
                EventType::ExecutionCancelled => self.cancelled.increment(1),
                _ => {}
            }
        }
        for attempt in &changes.attempts {
            self.agent(&attempt.agent_id).attempted(attempt);
        }
    }

    pub(crate) fn reservation_refused(&self) {
        self.reservations_refused.increment(1);
    }

    pub(crate) fn store_failed(&self) {
        self.store_errors.increment(1);
    }

    /// The metrics of an agent, which are to be told apart from those of others as far as labels go.
    pub(crate) fn agent(&self, agent_id: &str) -> Arc<AgentMetrics> {
        // No id of a registered agent has a slash, and every address has.
        let own = if agent_id.contains('/') {
            "inline"
        } else {
            agent_id
        };
        if let Some(known) = self
            .agents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(own)
        {
            return Arc::clone(known);
        }
        let mut agents = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        let label = if agents.len() < MAX_AGENTS { own } else { "other" };
        let metrics = agents
            .entry(label.to_owned())
            .or_insert_with(|| Arc::new(AgentMetrics::new(label)));
        Arc::clone(metrics)
    }
}

impl AgentMetrics {
    fn new(label: &str) -> Self {
        let label = SharedString::from_shared(Arc::from(label));
        Self {
            duration: histogram!(ATTEMPT_DURATION, "agent" => label.clone()),
            cost: histogram!(ATTEMPT_COST, "agent" => label.clone()),
            breaker_state: gauge!(BREAKER_STATE, "agent" => label.clone()),
            breaker_refusals: counter!(BREAKER_REFUSALS, "agent" => label.clone()),
            label,
        }
    }

    /// Counts an attempt once it is over.
    fn attempted(&self, attempt: &AttemptRow) {
        let Some(finished_at) = attempt.finished_at else {
            return;
        };
        let outcome = match (attempt.status, &attempt.error) {
            (AttemptStatus::Failed, Some(error)) => error.code.as_str(),
            (status, _) => status.as_str(),
        };
        counter!(ATTEMPTS, "agent" => self.label.clone(), "outcome" => outcome).increment(1);
        let took = finished_at.duration_since(attempt.started_at);
        self.duration.record(took.as_secs_f64().max(0.0));
        self.cost.record(in_usd(attempt.cost));
    }

    pub(crate) fn breaker_changed(&self, to: State) {
        self.breaker_is(to);
        let state = match to {
            State::Closed => "closed",
            State::HalfOpen => "half_open",
            State::Open => "open",
        };
        counter!(BREAKER_TRANSITIONS, "agent" => self.label.clone(), "to" => state).increment(1);
    }

    pub(crate) fn breaker_is(&self, state: State) {
        self.breaker_state.set(match state {
            State::Closed => 0.0,
            State::HalfOpen => 1.0,
            State::Open => 2.0,
        });
    }

    pub(crate) fn breaker_refused(&self) {
        self.breaker_refusals.increment(1);
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// To the nearest number that a recorder can add up; the ledger has the exact amount.
fn in_usd(amount: Usd) -> f64 {
    amount.nanos() as f64 / NANOS_PER_USD
}

fn describe() {
    describe_counter!(EXECUTIONS_STARTED, "Executions whose first nodes could start.");
    describe_counter!(EXECUTIONS_FINISHED, "Executions that became terminal, by status.");
    describe_gauge!(
        EXECUTIONS_ACTIVE,
        "Executions that this process drives: neither terminal nor parked until somebody or some moment wakes them."
    );
    describe_counter!(
        ATTEMPTS,
        "Attempts that ended, by agent and outcome: succeeded, aborted, or the code of the failure."
    );
    describe_histogram!(
        ATTEMPT_DURATION,
        Unit::Seconds,
        "From the record of an attempt to that of its outcome, by agent."
    );
    describe_histogram!(
        ATTEMPT_COST,
        "What an attempt was charged, in USD, by agent; the sum is what was spent."
    );
    describe_counter!(
        RESERVATIONS_REFUSED,
        "Times that a budget or cap had no room for a call that wanted to start."
    );
    describe_gauge!(
        BREAKER_STATE,
        "State of an agent's circuit breaker since its last change: 0 closed, 1 half-open, 2 open."
    );
    describe_counter!(
        BREAKER_TRANSITIONS,
        "Changes of state of an agent's circuit breaker, by new state."
    );
    describe_counter!(
        BREAKER_REFUSALS,
        "Times that an agent's circuit breaker did not let a call through."
    );
    describe_histogram!(
        COMMIT_DURATION,
        Unit::Seconds,
        "How long a commit of one execution's step took until it was durable; the count is that of commits."
    );
    describe_counter!(
        STORE_ERRORS,
        "Errors of the store that the engine met and works around."
    );
}
