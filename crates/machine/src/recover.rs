//! Recovery: what to do with the attempts that a crash left in flight (language reference, section 8).

use agentchains_workflow::{NodeIndex, OnUnknown};
use jiff::Timestamp;

use crate::{Attempt, AttemptStatus, Failure, FailureCode, Gate, Machine, NodeState, attempt::Ended};

impl Machine {
    /// Decides for every attempt in flight: go on with its task where that is known, else by `on_unknown`.
    pub(crate) fn recover(&mut self, now: Timestamp, gate: &dyn Gate) {
        if self.execution.abort_deadline.is_some() {
            return self.abort_calls();
        }
        for index in self.workflow_handle().graph().indices() {
            let row = &self.nodes[index.index()];
            let NodeState::Running(attempt) = &row.state else {
                continue;
            };
            let attempt: Attempt = attempt.clone();
            if row.remote_task.is_some() {
                self.send(index, &attempt, false);
            } else {
                self.outcome_unknown(now, index, &attempt, gate);
            }
        }
    }

    /// Nobody can say how an attempt ended.
    pub(crate) fn outcome_unknown(
        &mut self,
        now: Timestamp,
        index: NodeIndex,
        attempt: &Attempt,
        gate: &dyn Gate,
    ) {
        let of_agent = gate.terms(&attempt.agent_id).map(|terms| terms.on_unknown);
        let of_node = self.graph().node(index).on_unknown;
        let policy = of_node.or(of_agent).unwrap_or_default();
        // A resend is no start: only an abort keeps it from being made.
        if policy == OnUnknown::Resend && self.execution.abort_deadline.is_none() {
            self.nodes[index.index()].remote_task = None;
            self.node_changed(index);
            return self.send(index, attempt, false);
        }
        let message = format!(
            "a crash left the outcome of attempt {} at agent {:?} unknown; look there, then retry the execution",
            attempt.number, attempt.agent_id
        );
        let path = &self.nodes[index.index()].path;
        let failure = Failure::in_node(path, FailureCode::OutcomeUnknown, message);
        let ended = Ended::without_a_word(AttemptStatus::Failed, Some(failure.clone()));
        self.post(now, index, attempt, ended, gate);
        self.node_failed(now, index, failure);
    }
}
