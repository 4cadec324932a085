//! Cutting short: what is inside of a group or loop that fails, is satisfied, or is given up.

use agentchains_workflow::OnFailure;
use jiff::Timestamp;

use crate::{
    Attempt, ChildCommand, ChildRun, Effect, EventType, Gate, HeldFor, Machine, NodeState, SkipCause,
    SkipReason, Waiting,
    end::{ABORT_GRACE, CHILD_GRACE},
    machine::after,
    scope::{NodeKey, ScopeId},
};

impl Machine {
    /// Lets a scope that fails come to its end: nothing new starts, calls in flight end, or are aborted where
    /// `on_failure` says so; once none is, what is left is skipped.
    pub(crate) fn wind_down(&mut self, now: Timestamp, scope: ScopeId, gate: &dyn Gate) {
        for inner in self.live_scopes(scope) {
            self.withdraw_questions_in(now, inner);
            self.give_up_waiting(now, inner, gate);
            if self.workflow.settings().on_failure == OnFailure::Cancel {
                self.abort_calls_in(now, inner);
            }
        }
        if self.scope(scope).tally.active == 0 {
            self.skip_rest(now, scope);
        }
    }

    /// Skips what has not settled in a scope and inside of it.
    fn skip_rest(&mut self, now: Timestamp, scope: ScopeId) {
        let around = self.scope(scope).around.map(|around| around.node);
        let inside = around.map(|around| self.inner_scopes(around)).unwrap_or_default();
        let own = self
            .first_failure(&[scope])
            .or_else(|| self.first_failure(&inside));
        let by = own
            .and_then(|(failure, _)| failure.node)
            .or_else(|| around.map(|around| self.path(around).clone()));
        let Some(by) = by else { return };
        for key in self.unsettled_inside(scope) {
            let reason = if self.is_cut_off(key) {
                self.skip_reason(key)
            } else {
                SkipReason {
                    cause: SkipCause::ExecutionFailed,
                    by: by.clone(),
                }
            };
            self.set_state(now, key, NodeState::Skipped(reason));
            self.emit_node(now, EventType::NodeSkipped, key);
        }
    }

    /// Ends what has not settled in a scope: what has not started never does, and what is in flight is aborted and
    /// settles by itself, without further consequences.
    pub(crate) fn cut_off(&mut self, now: Timestamp, scope: ScopeId, gate: &dyn Gate) {
        if !self.scope(scope).begun {
            return;
        }
        for inner in self.live_scopes(scope) {
            self.withdraw_questions_in(now, inner);
            self.abort_calls_in(now, inner);
        }
        for key in self.unsettled_inside(scope) {
            match self.row(key).state.clone() {
                NodeState::Running(_) | NodeState::Child(_) => {}
                NodeState::Waiting(Waiting::Held { about, attempt, .. }) => match about {
                    HeldFor::AgentInput => self.abort_attempt(now, key, attempt),
                    HeldFor::Outcome => self.attempt_aborted(now, key, &attempt, None, gate),
                },
                _ => {
                    self.set_state(now, key, NodeState::Cancelled { remote_cancel: None });
                    self.emit_node(now, EventType::NodeCancelled, key);
                }
            }
        }
    }

    fn unsettled_inside(&self, scope: ScopeId) -> Vec<NodeKey> {
        let scopes = self.live_scopes(scope);
        let keys = scopes.into_iter().flat_map(|scope| self.keys_in_order(scope));
        keys.filter(|key| !self.row(*key).state.status().is_settled())
            .collect()
    }

    /// Wants the calls and children in flight in a scope to end.
    pub(crate) fn abort_calls_in(&mut self, now: Timestamp, scope: ScopeId) {
        for key in self.keys(scope) {
            match self.row(key).state.clone() {
                NodeState::Running(attempt) if attempt.abort_by.is_none() => {
                    self.abort_attempt(now, key, attempt);
                }
                NodeState::Child(child) if child.cancel_by.is_none() => {
                    let execution_id = child.execution_id;
                    let cancel_by = Some(after(now, CHILD_GRACE));
                    self.set_state(now, key, NodeState::Child(ChildRun { cancel_by, ..child }));
                    self.effect(Effect::CommandChild {
                        execution_id,
                        command: ChildCommand::Cancel,
                    });
                }
                _ => {}
            }
        }
    }

    /// Wants an attempt to end, and waits a moment for its agent to say so.
    pub(crate) fn abort_attempt(&mut self, now: Timestamp, key: NodeKey, attempt: Attempt) {
        let abort_by = Some(after(now, ABORT_GRACE));
        let was_held = self.row(key).state.waits();
        self.set_state(now, key, NodeState::Running(Attempt { abort_by, ..attempt }));
        if was_held {
            // No start, but the events tell each status.
            self.emit_node(now, EventType::NodeWaiting, key);
        }
        self.abort(key);
    }

    /// Wants one attempt aborted.
    pub(crate) fn abort(&mut self, key: NodeKey) {
        let row = self.row(key);
        let NodeState::Running(attempt) = &row.state else {
            return;
        };
        let effect = Effect::Abort {
            path: row.path.clone(),
            attempt: attempt.number,
            agent_id: attempt.agent_id.clone(),
            message_id: attempt.message_id,
            remote_task: row.remote_task.clone(),
        };
        self.effect(effect);
    }
}
