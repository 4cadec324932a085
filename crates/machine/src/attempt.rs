//! Attempts: what their outcomes do to the node, to its next attempt and to the budget.

use std::{num::NonZeroU32, time::Duration};

use agentchains_cost::{Charge, ReportedCost, Usage};
use jiff::Timestamp;

use crate::{
    AgentReply, Attempt, AttemptFailure, AttemptOutcome, AttemptRow, AttemptStatus, EventType, Failure, Gate,
    Machine, NodeFailure, NodePath, NodeState, RemoteCancel, RemoteTask, Waiting,
    backoff::backoff,
    event::{budget_data, retry_data},
    machine::after,
    scope::NodeKey,
};

/// How an attempt ended, as far as the ledger is concerned.
pub(crate) struct Ended {
    status: AttemptStatus,
    error: Option<Failure>,
    cost: ReportedCost,
    usage: Option<Usage>,
    /// Whether the request reached the agent, or may have.
    reached_agent: bool,
}

impl Ended {
    /// The agent may have been at work, and does not say what that cost.
    pub(crate) const fn without_a_word(status: AttemptStatus, error: Option<Failure>) -> Self {
        Self {
            status,
            error,
            cost: ReportedCost::Absent,
            usage: None,
            reached_agent: true,
        }
    }
}

impl Machine {
    pub(crate) fn task_accepted(&mut self, path: &NodePath, number: u32, task: RemoteTask) {
        let Some((key, _)) = self.attempt_in_flight(path, number) else {
            return;
        };
        let known = &mut self.row_mut(key).remote_task;
        if known.is_none() {
            *known = Some(task);
            self.node_changed(key);
        }
    }

    pub(crate) fn attempt_ended(
        &mut self,
        now: Timestamp,
        path: &NodePath,
        number: u32,
        outcome: AttemptOutcome,
        gate: &dyn Gate,
    ) {
        let Some((key, attempt)) = self.attempt_in_flight(path, number) else {
            return;
        };
        match outcome {
            // What a person has refused does not come to a good end any more.
            _ if attempt.rejected.is_some() && !matches!(outcome, AttemptOutcome::Aborted(_)) => {}
            AttemptOutcome::Succeeded(reply) => self.attempt_succeeded(now, key, &attempt, reply, gate),
            AttemptOutcome::Failed(failure) => self.attempt_failed(now, key, &attempt, failure, gate),
            AttemptOutcome::Aborted(remote_cancel) => {
                self.attempt_aborted(now, key, &attempt, remote_cancel, gate);
            }
            AttemptOutcome::Lost => self.outcome_unknown(now, key, &attempt, gate),
            AttemptOutcome::InputRequired(question) => self.agent_asks(now, key, attempt, question),
        }
    }

    fn attempt_in_flight(&self, path: &NodePath, number: u32) -> Option<(NodeKey, Attempt)> {
        let key = self.find(path)?;
        match &self.row(key).state {
            NodeState::Running(attempt) if attempt.number == number => Some((key, attempt.clone())),
            _ => None,
        }
    }

    fn attempt_succeeded(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        attempt: &Attempt,
        reply: AgentReply,
        gate: &dyn Gate,
    ) {
        let misfit = self.misfit(key, &reply.output);
        let ended = Ended {
            status: AttemptStatus::Succeeded,
            error: misfit.clone(),
            cost: reply.cost,
            usage: reply.usage,
            reached_agent: true,
        };
        self.post(now, key, attempt, ended, gate);
        match misfit {
            Some(failure) => self.node_failed(now, key, failure),
            None => self.complete(now, key, reply.output, None, None),
        }
    }

    fn attempt_failed(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        attempt: &Attempt,
        failed: AttemptFailure,
        gate: &dyn Gate,
    ) {
        let path = self.row(key).path.clone();
        let failure = Failure::in_node(&path, failed.code, failed.message);
        let ended = Ended {
            status: AttemptStatus::Failed,
            error: Some(failure.clone()),
            cost: failed.cost,
            usage: failed.usage,
            reached_agent: failed.reached_agent,
        };
        self.post(now, key, attempt, ended, gate);
        let again = failed.retryable && attempt.abort_by.is_none();
        self.try_again_or_give_up(now, key, failure, again, failed.retry_after);
    }

    /// Ends a node's last attempt: another one follows where that may help and `retry` allows it.
    pub(crate) fn try_again_or_give_up(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        failure: Failure,
        retryable: bool,
        retry_after: Option<Timestamp>,
    ) {
        let row = self.row(key);
        let attempts = row.attempts - row.attempts_before;
        let retry = self.node(key).retry.as_ref();
        let allowed = retry.map_or(NonZeroU32::MIN, |retry| retry.max_attempts).get();
        let may_start =
            self.execution.ending.is_none() && !self.is_closed(key.scope) && !self.is_stopping(key.scope);
        match retry {
            Some(retry) if retryable && attempts < allowed && may_start => {
                let delay = backoff(self.execution.id, &row.path, retry, attempts);
                let due_at = after(now, delay).max(retry_after.unwrap_or(Timestamp::MIN));
                let waiting = Waiting::Retry {
                    due_at,
                    error: failure.clone(),
                };
                self.set_state(now, key, NodeState::Waiting(waiting));
                let data = retry_data(self.row(key), &failure, due_at);
                self.emit(now, EventType::NodeRetrying, data);
            }
            _ => {
                let failed = NodeFailure {
                    retryable,
                    ..failure.into()
                };
                self.node_gave_up(now, key, failed);
            }
        }
    }

    pub(crate) fn attempt_aborted(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        attempt: &Attempt,
        remote_cancel: Option<RemoteCancel>,
        gate: &dyn Gate,
    ) {
        if let Some(failure) = attempt.rejected.as_deref() {
            let ended = Ended::without_a_word(AttemptStatus::Failed, Some(failure.clone()));
            self.post(now, key, attempt, ended, gate);
            let failed = NodeFailure {
                remote_cancel,
                ..failure.clone().into()
            };
            return self.node_gave_up(now, key, failed);
        }
        let ended = Ended::without_a_word(AttemptStatus::Aborted, None);
        self.post(now, key, attempt, ended, gate);
        self.settle(
            now,
            key,
            NodeState::Cancelled { remote_cancel },
            EventType::NodeCancelled,
        );
    }

    /// Posts an ended attempt to the ledger: what it really cost replaces its reservation.
    pub(crate) fn post(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        attempt: &Attempt,
        ended: Ended,
        gate: &dyn Gate,
    ) {
        let charge = charge_for(attempt, &ended, now, gate);
        gate.settle(attempt.started_at, attempt.reserved, charge.amount);
        let mut budget = self.budget();
        let settlement = budget.settle(attempt.reserved, charge.amount);
        self.set_budget(&budget);
        self.execution.cost_known &= charge.known;
        let mut usage = ended.usage;
        if charge.invalid {
            usage.get_or_insert_default().cost_invalid = true;
        }
        // Where nothing was reserved nobody knew what it might cost, and it broke no promise.
        let was_bounded = !attempt.reserved.is_zero();
        let overrun = settlement.overrun.filter(|_| was_bounded).unwrap_or_default();
        let row = self.row_mut(key);
        row.cost = row.cost.saturating_add(charge.amount);
        row.cost_known &= charge.known;
        row.overrun = row.overrun.saturating_add(overrun);
        row.usage.clone_from(&usage);
        let line = AttemptRow {
            status: ended.status,
            cost: charge.amount,
            cost_known: charge.known,
            lines: charge.lines,
            price_version: charge.price_version,
            overrun,
            usage,
            error: ended.error,
            finished_at: Some(now),
            ..AttemptRow::started(row.path.clone(), attempt)
        };
        self.attempt_changed(line);
        for percent in settlement.crossed {
            let data = budget_data(&self.execution, Some(percent));
            self.emit(now, EventType::BudgetThreshold, data);
        }
    }
}

fn charge_for(attempt: &Attempt, ended: &Ended, now: Timestamp, gate: &dyn Gate) -> Charge {
    if !ended.reached_agent && ended.cost == ReportedCost::Absent {
        return Charge::NONE;
    }
    let terms = gate.terms(&attempt.agent_id).unwrap_or_default();
    let elapsed = Duration::try_from(now.duration_since(attempt.started_at)).unwrap_or_default();
    Charge {
        price_version: terms.price_version,
        ..terms
            .prices
            .charge(ended.cost, ended.usage.as_ref(), elapsed, attempt.reserved)
    }
}
