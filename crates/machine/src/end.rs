//! Ends: how an execution is wound down, and what it leaves.

use std::time::Duration;

use agentchains_workflow::Json;
use jiff::Timestamp;

use crate::{
    Ending, EventType, ExecutionStatus, Failure, FailureCode, Gate, HeldFor, Machine, NodeState, SkipCause,
    SkipReason, Waiting,
    dispatch::breaker_is_open,
    scope::{NodeKey, ScopeId},
    view::failure_code,
};

/// How long aborted calls may take to say that they are.
pub(crate) const ABORT_GRACE: Duration = Duration::from_secs(4);
/// How long cancelled children may take: they have calls of their own to abort.
pub(crate) const CHILD_GRACE: Duration = Duration::from_millis(4_800);

impl Machine {
    /// From here on nothing new starts. The execution ends when nothing is in flight any more.
    ///
    /// It ends in the manner that came first, but someone's cancel takes the place of any other.
    pub(crate) fn begin_ending(&mut self, ending: Ending, abort: bool) {
        if self.execution.ending.is_some() && ending != Ending::Cancel {
            return;
        }
        self.execution.ending = Some(ending);
        self.to_wind_down = Some(abort);
    }

    /// Withdraws and gives up what waits, once the end has begun, and aborts calls in flight where the end wants that.
    pub(crate) fn wind_down_execution(&mut self, now: Timestamp, gate: &dyn Gate) {
        let Some(abort) = self.to_wind_down.take() else {
            return;
        };
        for scope in self.live_scopes(ScopeId::TOP) {
            self.withdraw_questions_in(now, scope);
            self.give_up_waiting(now, scope, gate);
        }
        if abort {
            for scope in self.scope_ids() {
                self.abort_calls_in(now, scope);
            }
        }
    }

    /// What waits is given up: a retry, for its time or for a breaker, ends as after its last attempt, and an attempt
    /// about which a person was asked ends without an answer.
    pub(crate) fn give_up_waiting(&mut self, now: Timestamp, scope: ScopeId, gate: &dyn Gate) {
        let cut_short = self.is_cut_short();
        for key in self.keys(scope) {
            let row = self.row(key);
            match row.state.clone() {
                NodeState::Waiting(Waiting::Held { about, attempt, .. }) => match about {
                    HeldFor::AgentInput => self.abort_attempt(now, key, attempt),
                    HeldFor::Outcome if cut_short => self.attempt_aborted(now, key, &attempt, None, gate),
                    HeldFor::Outcome => self.outcome_stays_unknown(now, key, &attempt, gate),
                },
                NodeState::Waiting(Waiting::Retry { error, .. }) if !cut_short => {
                    self.node_failed(now, key, error);
                }
                NodeState::Waiting(Waiting::Breaker {
                    agent_id, retry_at, ..
                }) if !cut_short && row.attempts > 0 => {
                    let error = breaker_is_open(&row.path, &agent_id, retry_at, None);
                    self.node_failed(now, key, error);
                }
                _ => {}
            }
        }
    }

    /// Whether what waits ends at once, whatever it waits for.
    pub(crate) fn is_cut_short(&self) -> bool {
        matches!(
            self.execution.ending,
            Some(Ending::Cancel | Ending::Timeout | Ending::Quarantine)
        )
    }

    /// The execution's timeout is over. What is winding down already keeps its reason, and is not waited for longer.
    pub(crate) fn execution_timed_out(&mut self, now: Timestamp) {
        if self.execution.ending.is_some() {
            self.to_wind_down = Some(true);
            return;
        }
        let message = "the execution's timeout is over; give it a longer one, or retry it";
        self.execution.error = Some(Failure::of_execution(FailureCode::ExecutionTimeout, message));
        if self.execution.status == ExecutionStatus::Paused {
            self.set_status(now, ExecutionStatus::Running, None, EventType::ExecutionResumed);
        }
        self.begin_ending(Ending::Timeout, true);
    }

    pub(crate) fn fail_over_budget(&mut self, now: Timestamp, key: NodeKey) {
        let path = self.path(key).clone();
        let message = match self.execution.max_budget {
            Some(limit) => format!(
                "the next call does not fit into what is left of the {limit} USD; raise max_budget and retry"
            ),
            None => "the next call does not fit into what is left of a budget above or of the tenant's cap; raise \
                     that and retry"
                .to_owned(),
        };
        let failure = Failure::in_node(&path, FailureCode::BudgetExceeded, message);
        self.execution.error = Some(failure.clone());
        // A child execution is cancelled with everything else.
        if !matches!(self.row(key).state, NodeState::Child(_)) {
            self.settle(now, key, NodeState::Failed(failure.into()), EventType::NodeFailed);
        }
        self.begin_ending(Ending::Budget { node: path }, true);
    }

    pub(crate) fn finish_if_done(&mut self, now: Timestamp) {
        let in_flight = self.execution.in_flight + self.execution.children;
        if self.execution.status.is_terminal() || in_flight > 0 {
            return;
        }
        let all_settled = self.scope(ScopeId::TOP).tally.unsettled == 0;
        match self.execution.ending.clone() {
            Some(ending) => {
                self.settle_the_rest(now, &ending);
                let (status, event) = match ending {
                    Ending::Cancel => (ExecutionStatus::Cancelled, EventType::ExecutionCancelled),
                    _ => (ExecutionStatus::Failed, EventType::ExecutionFailed),
                };
                self.finish(now, status, event);
            }
            None if all_settled && self.execution.status == ExecutionStatus::Running => {
                self.finish_settled(now);
            }
            None => {}
        }
    }

    fn finish_settled(&mut self, now: Timestamp) {
        if self.execution.error.is_none() {
            match self.shape_output() {
                Ok(output) => self.execution.output = Some(output),
                Err(failure) => self.execution.error = Some(failure),
            }
        }
        if self.execution.error.is_none() {
            self.finish(now, ExecutionStatus::Completed, EventType::ExecutionCompleted);
        } else {
            self.finish(now, ExecutionStatus::Failed, EventType::ExecutionFailed);
        }
    }

    fn shape_output(&self) -> Result<Json, Failure> {
        let Some(template) = &self.workflow.settings().output else {
            return Ok(self.body_output(ScopeId::TOP));
        };
        template.render(&self.view(ScopeId::TOP)).map_err(|error| {
            let message = format!("the workflow's output cannot be rendered: {}", error.message);
            Failure::of_execution(failure_code(&error), message)
        })
    }

    /// Every node that has not settled will not: skipped, or cancelled, by the manner of the end.
    fn settle_the_rest(&mut self, now: Timestamp, ending: &Ending) {
        let keys: Vec<NodeKey> = self
            .live_scopes(ScopeId::TOP)
            .into_iter()
            .flat_map(|scope| self.keys_in_order(scope))
            .filter(|key| !self.row(*key).state.status().is_settled())
            .collect();
        for key in keys {
            let (state, event) = match ending {
                Ending::Failure { .. } if self.is_cut_off(key) => {
                    (NodeState::Skipped(self.skip_reason(key)), EventType::NodeSkipped)
                }
                Ending::Cancel | Ending::Timeout | Ending::Quarantine => (
                    NodeState::Cancelled { remote_cancel: None },
                    EventType::NodeCancelled,
                ),
                Ending::Failure { node } => {
                    (skipped(SkipCause::ExecutionFailed, node), EventType::NodeSkipped)
                }
                Ending::Budget { node } => (skipped(SkipCause::Budget, node), EventType::NodeSkipped),
            };
            self.set_state(now, key, state);
            self.emit_node(now, event, key);
        }
    }

    fn finish(&mut self, now: Timestamp, status: ExecutionStatus, event: EventType) {
        self.execution.finished_at = Some(now);
        self.set_status(now, status, None, event);
    }
}

fn skipped(cause: SkipCause, by: &crate::NodePath) -> NodeState {
    NodeState::Skipped(SkipReason {
        cause,
        by: by.clone(),
    })
}
