//! Ends: how an execution is wound down, and what it leaves.

use std::{sync::Arc, time::Duration};

use agentchains_workflow::NodeIndex;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    Effect, Ending, EventType, ExecutionStatus, Failure, FailureCode, Gate, Machine, NodeFailure, NodeState,
    RemoteCancel, SkipCause, SkipReason, Waiting, dispatch::breaker_is_open, event::node_data,
    machine::after, scope::failure_code,
};

/// How long aborted calls may take to say that they are.
const ABORT_GRACE: Duration = Duration::from_secs(4);

impl Machine {
    /// From here on nothing new starts. The execution ends when nothing is in flight any more.
    ///
    /// It ends in the manner that came first, but someone's cancel takes the place of any other.
    pub(crate) fn begin_ending(&mut self, now: Timestamp, ending: Ending, abort: bool) {
        if self.execution.ending.is_some() && ending != Ending::Cancel {
            return;
        }
        self.execution.ending = Some(ending);
        self.withdraw_questions(now);
        if abort && self.execution.abort_deadline.is_none() {
            self.execution.abort_deadline = Some(after(now, ABORT_GRACE));
            self.abort_calls();
        }
        self.give_up_retries(now);
    }

    pub(crate) fn abort_calls(&mut self) {
        let running: Vec<Effect> = self
            .nodes
            .iter()
            .filter_map(|row| match &row.state {
                NodeState::Running(attempt) => Some(Effect::Abort {
                    path: row.path.clone(),
                    attempt: attempt.number,
                    agent_id: attempt.agent_id.clone(),
                    remote_task: row.remote_task.clone(),
                }),
                _ => None,
            })
            .collect();
        for effect in running {
            self.effect(effect);
        }
    }

    /// A retry that waits, for its time or for a breaker, is given up: its node ends as after its last attempt.
    fn give_up_retries(&mut self, now: Timestamp) {
        if !matches!(
            self.execution.ending,
            Some(Ending::Failure { .. } | Ending::Budget { .. })
        ) {
            return;
        }
        for index in self.workflow_handle().graph().indices() {
            let row = &self.nodes[index.index()];
            let error = match &row.state {
                NodeState::Waiting(Waiting::Retry { error, .. }) => error.clone(),
                NodeState::Waiting(Waiting::Breaker {
                    agent_id, retry_at, ..
                }) if row.attempts > 0 => breaker_is_open(&row.path, agent_id, *retry_at),
                _ => continue,
            };
            self.node_failed(now, index, error);
        }
    }

    /// Calls that did not say in time that they are aborted are not waited for.
    fn abandon_calls(&mut self, now: Timestamp, gate: &dyn Gate) {
        for index in self.workflow_handle().graph().indices() {
            if let NodeState::Running(attempt) = &self.nodes[index.index()].state {
                let attempt = attempt.clone();
                self.attempt_aborted(now, index, &attempt, Some(RemoteCancel::Unknown), gate);
            }
        }
    }

    pub(crate) fn execution_timed_out(&mut self, now: Timestamp) {
        let message = "the execution's timeout is over; give it a longer one, or retry it";
        self.execution.error = Some(Failure::of_execution(FailureCode::ExecutionTimeout, message));
        if self.execution.status == ExecutionStatus::Paused {
            self.set_status(now, ExecutionStatus::Running, None, EventType::ExecutionResumed);
        }
        self.begin_ending(now, Ending::Timeout, true);
    }

    pub(crate) fn fail_over_budget(&mut self, now: Timestamp, index: NodeIndex) {
        let path = self.nodes[index.index()].path.clone();
        let budget = self.budget();
        let message = format!(
            "the next call does not fit into the budget: {} of {} USD are spent; raise max_budget and retry",
            budget.spent(),
            budget.limit().unwrap_or_default(),
        );
        let failure = Failure::in_node(&path, FailureCode::BudgetExceeded, message);
        self.execution.error = Some(failure.clone());
        let failed = NodeFailure {
            failure,
            handled: false,
        };
        self.settle(now, index, NodeState::Failed(failed), EventType::NodeFailed);
        self.begin_ending(now, Ending::Budget { node: path }, true);
    }

    pub(crate) fn finish_if_done(&mut self, now: Timestamp, gate: &dyn Gate) {
        if self.execution.status.is_terminal() {
            return;
        }
        match self.execution.ending.clone() {
            Some(ending) => {
                if self
                    .execution
                    .abort_deadline
                    .is_some_and(|deadline| deadline <= now)
                {
                    self.abandon_calls(now, gate);
                }
                if self.execution.in_flight == 0 {
                    self.settle_the_rest(now, &ending);
                    let (status, event) = match ending {
                        Ending::Cancel => (ExecutionStatus::Cancelled, EventType::ExecutionCancelled),
                        _ => (ExecutionStatus::Failed, EventType::ExecutionFailed),
                    };
                    self.finish(now, status, event);
                }
            }
            None if self.execution.nodes_settled == self.execution.nodes_total
                && self.execution.status == ExecutionStatus::Running =>
            {
                self.finish_settled(now);
            }
            None => {}
        }
    }

    fn finish_settled(&mut self, now: Timestamp) {
        if self.execution.error.is_none() {
            match self.shape_output() {
                Ok(output) => self.execution.output = Some(Arc::new(output)),
                Err(failure) => self.execution.error = Some(failure),
            }
        }
        if self.execution.error.is_none() {
            self.finish(now, ExecutionStatus::Completed, EventType::ExecutionCompleted);
        } else {
            self.finish(now, ExecutionStatus::Failed, EventType::ExecutionFailed);
        }
    }

    fn shape_output(&self) -> Result<Value, Failure> {
        if let Some(template) = &self.workflow.settings().output {
            return template.render(self).map_err(|error| {
                let message = format!("the workflow's output cannot be rendered: {}", error.message);
                Failure::of_execution(failure_code(&error), message)
            });
        }
        let graph = self.graph();
        let outputs: Map<String, Value> = graph
            .sinks()
            .filter_map(|index| match &self.nodes[index.index()].state {
                NodeState::Completed(done) => {
                    Some((graph.node(index).id.clone(), Value::clone(&done.output)))
                }
                _ => None,
            })
            .collect();
        Ok(Value::Object(outputs))
    }

    /// Every node that has not settled will not: skipped, or cancelled, by the manner of the end.
    fn settle_the_rest(&mut self, now: Timestamp, ending: &Ending) {
        for index in self.workflow_handle().graph().indices() {
            let row = &self.nodes[index.index()];
            let state = match (&row.state, ending) {
                (state, _) if state.status().is_settled() => continue,
                (_, Ending::Cancel | Ending::Timeout) => NodeState::Cancelled { remote_cancel: None },
                (_, Ending::Failure { node }) => skipped(SkipCause::ExecutionFailed, node),
                (_, Ending::Budget { node }) => skipped(SkipCause::Budget, node),
            };
            let event = match state {
                NodeState::Skipped(_) => EventType::NodeSkipped,
                _ => EventType::NodeCancelled,
            };
            self.set_state(now, index, state);
            self.emit(now, event, node_data(&self.nodes[index.index()]));
        }
    }

    fn finish(&mut self, now: Timestamp, status: ExecutionStatus, event: EventType) {
        self.execution.finished_at = Some(now);
        self.execution.abort_deadline = None;
        self.set_status(now, status, None, event);
    }
}

fn skipped(cause: SkipCause, by: &crate::NodePath) -> NodeState {
    NodeState::Skipped(SkipReason {
        cause,
        by: by.clone(),
    })
}
