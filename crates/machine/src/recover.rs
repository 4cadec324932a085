//! Recovery: what to do with the attempts that a crash left in flight.

use jiff::Timestamp;

use crate::{Attempt, Gate, Machine, NodeState};

impl Machine {
    /// Decides for every attempt in flight: go on with its task where that is known, else by `on_unknown`.
    pub(crate) fn recover(&mut self, now: Timestamp, gate: &dyn Gate) {
        if self.execution.abort_deadline.is_some() {
            return self.abort_calls();
        }
        for index in self.workflow_handle().graph().indices() {
            let NodeState::Running(attempt) = &self.nodes[index.index()].state else {
                continue;
            };
            let attempt: Attempt = attempt.clone();
            if attempt.remote_task.is_some() {
                self.send(index, &attempt, false);
            } else {
                self.outcome_unknown(now, index, &attempt, gate);
            }
        }
    }
}
