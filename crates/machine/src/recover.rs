//! Recovery: what to do with what a crash left in flight (language reference, section 8).

use agentchains_workflow::OnUnknown;
use jiff::Timestamp;

use crate::{
    Attempt, AttemptStatus, Ending, EventType, ExecutionStatus, Failure, FailureCode, Gate, HeldFor, Machine,
    NodeState, attempt::Ended, dispatch::Sending, machine::after, scope::NodeKey,
};

impl Machine {
    /// Decides for every attempt in flight: go on with its task where that is known or can be found, else by
    /// `on_unknown`. Child executions are asked how they stand.
    pub(crate) fn recover(&mut self, now: Timestamp, gate: &dyn Gate) {
        for key in self.all_keys() {
            match self.row(key).state.clone() {
                NodeState::Running(attempt) if attempt.abort_by.is_some() => self.abort(key),
                NodeState::Running(attempt) if self.row(key).remote_task.is_some() => {
                    self.send(key, &attempt, Sending::Again);
                }
                NodeState::Running(attempt) if finds_tasks(gate, &attempt.agent_id) => {
                    self.send(key, &attempt, Sending::Lookup);
                }
                NodeState::Running(attempt) => self.outcome_unknown(now, key, &attempt, gate),
                NodeState::Child(child) => self.recover_child(key, &child),
                _ => {}
            }
        }
    }

    /// Ends an execution that may be what makes the process crash. Its calls are not gone on with, and not aborted
    /// either: that would be to touch again what may be harmful.
    pub(crate) fn quarantine(&mut self, now: Timestamp, gate: &dyn Gate) {
        self.start(now);
        let times = self.execution.recoveries;
        let message = format!(
            "the server has crashed {times} times in a row while it ran this execution; read its log, mend the cause, \
             then retry the execution"
        );
        let mut suspect = None;
        self.begin_ending(Ending::Quarantine, true);
        // An end that has begun keeps its manner, but waits for nothing any more.
        self.to_wind_down = Some(true);
        for key in self.all_keys() {
            if let NodeState::Running(attempt) = self.row(key).state.clone() {
                let failure = Failure::in_node(self.path(key), FailureCode::Quarantined, message.as_str());
                suspect.get_or_insert_with(|| failure.clone());
                let ended = Ended::without_a_word(AttemptStatus::Failed, Some(failure.clone()));
                self.post(now, key, &attempt, ended, gate);
                self.settle(now, key, NodeState::Failed(failure.into()), EventType::NodeFailed);
            }
        }
        let of_execution = || Failure::of_execution(FailureCode::Quarantined, message);
        self.execution.error = Some(suspect.unwrap_or_else(of_execution));
        if self.execution.status == ExecutionStatus::Paused {
            self.set_status(now, ExecutionStatus::Running, None, EventType::ExecutionResumed);
        }
    }

    /// Nobody can say how an attempt ended.
    pub(crate) fn outcome_unknown(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        attempt: &Attempt,
        gate: &dyn Gate,
    ) {
        let of_agent = gate.terms(&attempt.agent_id).map(|terms| terms.on_unknown);
        let policy = self.node(key).on_unknown.or(of_agent).unwrap_or_default();
        if attempt.abort_by.is_some() {
            return self.attempt_aborted(now, key, attempt, None, gate);
        }
        match policy {
            OnUnknown::Resend => self.resend(now, key, attempt),
            OnUnknown::Ask if self.execution.ending.is_none() && !self.is_stopping(key.scope) => {
                self.ask_about_outcome(now, key, attempt);
            }
            OnUnknown::Ask | OnUnknown::Fail => self.outcome_stays_unknown(now, key, attempt, gate),
        }
    }

    /// Sends an attempt once more, under its message id. A resend is no start: only an abort keeps it from being made.
    pub(crate) fn resend(&mut self, now: Timestamp, key: NodeKey, attempt: &Attempt) {
        let attempt = Attempt {
            answer: None,
            ..attempt.clone()
        };
        self.row_mut(key).remote_task = None;
        self.set_state(now, key, NodeState::Running(attempt.clone()));
        self.send(key, &attempt, Sending::Again);
    }

    /// Goes on with an attempt because a person said so, with as much time as it had at first.
    pub(crate) fn go_on_as_told(&mut self, now: Timestamp, key: NodeKey, about: HeldFor, attempt: Attempt) {
        let limit = attempt.deadline.duration_since(attempt.started_at);
        let attempt = Attempt {
            deadline: after(now, limit.unsigned_abs()),
            ..attempt
        };
        self.set_state(now, key, NodeState::Running(attempt.clone()));
        self.emit_node(now, EventType::NodeStarted, key);
        match about {
            HeldFor::Outcome => self.resend(now, key, &attempt),
            HeldFor::AgentInput => self.send(key, &attempt, Sending::Again),
        }
    }

    /// An attempt is given up without anybody knowing how it ended.
    pub(crate) fn outcome_stays_unknown(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        attempt: &Attempt,
        gate: &dyn Gate,
    ) {
        let message = format!(
            "a crash left the outcome of attempt {} at agent {:?} unknown; look there, then retry the execution",
            attempt.number, attempt.agent_id
        );
        let failure = Failure::in_node(self.path(key), FailureCode::OutcomeUnknown, message);
        let ended = Ended::without_a_word(AttemptStatus::Failed, Some(failure.clone()));
        self.post(now, key, attempt, ended, gate);
        self.node_failed(now, key, failure);
    }
}

fn finds_tasks(gate: &dyn Gate, agent_id: &str) -> bool {
    gate.terms(agent_id).is_some_and(|terms| terms.finds_tasks)
}
