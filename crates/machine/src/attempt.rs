//! Attempts: what their outcomes do to the node, to its next attempt and to the budget.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use agentchains_cost::{Charge, ReportedCost, Usage};
use agentchains_workflow::{Jitter, NodeIndex, OnUnknown, Retry};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{
    AgentReply, Attempt, AttemptFailure, AttemptOutcome, AttemptRow, AttemptStatus, EventType, Failure,
    FailureCode, Gate, Machine, NodePath, NodeState, RemoteCancel, RemoteTask, Waiting,
    event::{budget_data, retry_data},
    machine::after,
};

/// What an ended attempt says of its cost.
struct Bill {
    cost: ReportedCost,
    usage: Option<Usage>,
    reached_agent: bool,
}

impl Machine {
    pub(crate) fn task_accepted(&mut self, path: &NodePath, number: u32, task: RemoteTask) {
        let Some((index, mut attempt)) = self.attempt_in_flight(path, number) else {
            return;
        };
        if attempt.remote_task.is_none() {
            attempt.remote_task = Some(task);
            self.nodes[index.index()].state = NodeState::Running(attempt);
            self.node_changed(index);
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
        let Some((index, attempt)) = self.attempt_in_flight(path, number) else {
            return;
        };
        match outcome {
            AttemptOutcome::Succeeded(reply) => self.attempt_succeeded(now, index, &attempt, reply, gate),
            AttemptOutcome::Failed(failure) => self.attempt_failed(now, index, &attempt, failure, gate),
            AttemptOutcome::Aborted(remote_cancel) => {
                self.attempt_aborted(now, index, &attempt, remote_cancel, gate)
            }
            AttemptOutcome::Lost => self.outcome_unknown(now, index, &attempt, gate),
        }
    }

    fn attempt_in_flight(&self, path: &NodePath, number: u32) -> Option<(NodeIndex, Attempt)> {
        let index = self.find(path)?;
        match &self.nodes[index.index()].state {
            NodeState::Running(attempt) if attempt.number == number => Some((index, attempt.clone())),
            _ => None,
        }
    }

    fn attempt_succeeded(
        &mut self,
        now: Timestamp,
        index: NodeIndex,
        attempt: &Attempt,
        reply: AgentReply,
        gate: &dyn Gate,
    ) {
        let bill = Bill {
            cost: reply.cost,
            usage: reply.usage,
            reached_agent: true,
        };
        let misfit = self
            .workflow
            .graph()
            .node(index)
            .output_schema
            .as_ref()
            .and_then(|schema| {
                let mismatch = schema.validate(&reply.output).err()?;
                let message = format!(
                    "attempt {} of agent {:?} answered what does not fit output_schema: {mismatch}",
                    attempt.number, attempt.agent_id
                );
                Some(Failure::in_node(
                    &self.nodes[index.index()].path,
                    FailureCode::OutputSchemaMismatch,
                    message,
                ))
            });
        self.post(
            now,
            index,
            attempt,
            bill,
            AttemptStatus::Succeeded,
            misfit.clone(),
            gate,
        );
        match misfit {
            Some(failure) => self.node_failed(now, index, failure),
            None => self.node_completed(now, index, reply.output, None),
        }
    }

    fn attempt_failed(
        &mut self,
        now: Timestamp,
        index: NodeIndex,
        attempt: &Attempt,
        failed: AttemptFailure,
        gate: &dyn Gate,
    ) {
        let path = self.nodes[index.index()].path.clone();
        let failure = Failure::in_node(&path, failed.code, failed.message);
        let bill = Bill {
            cost: failed.cost,
            usage: failed.usage,
            reached_agent: failed.reached_agent,
        };
        self.post(
            now,
            index,
            attempt,
            bill,
            AttemptStatus::Failed,
            Some(failure.clone()),
            gate,
        );
        let workflow = Arc::clone(&self.workflow);
        let retry = workflow.graph().node(index).retry.as_ref();
        let attempts_allowed = retry.map_or(NonZeroU32::MIN, |retry| retry.max_attempts).get();
        match retry {
            Some(retry)
                if failed.retryable
                    && attempt.number < attempts_allowed
                    && self.execution.ending.is_none() =>
            {
                let due_at = after(now, self.backoff(&path, retry, attempt.number))
                    .max(failed.retry_after.unwrap_or(Timestamp::MIN));
                self.set_state(
                    now,
                    index,
                    NodeState::Waiting(Waiting::Retry {
                        due_at,
                        error: failure.clone(),
                    }),
                );
                let data = retry_data(&self.nodes[index.index()], &failure, due_at);
                self.emit(now, EventType::NodeRetrying, data);
            }
            _ => self.node_failed(now, index, failure),
        }
    }

    pub(crate) fn attempt_aborted(
        &mut self,
        now: Timestamp,
        index: NodeIndex,
        attempt: &Attempt,
        remote_cancel: Option<RemoteCancel>,
        gate: &dyn Gate,
    ) {
        let bill = Bill {
            cost: ReportedCost::Absent,
            usage: None,
            reached_agent: true,
        };
        self.post(now, index, attempt, bill, AttemptStatus::Aborted, None, gate);
        self.settle(
            now,
            index,
            NodeState::Cancelled { remote_cancel },
            EventType::NodeCancelled,
        );
    }

    /// A crash left the outcome of an attempt unknown (language reference, section 8).
    pub(crate) fn outcome_unknown(
        &mut self,
        now: Timestamp,
        index: NodeIndex,
        attempt: &Attempt,
        gate: &dyn Gate,
    ) {
        let of_agent = gate.terms(&attempt.agent_id).map(|terms| terms.on_unknown);
        let policy = self
            .graph()
            .node(index)
            .on_unknown
            .or(of_agent)
            .unwrap_or_default();
        // A resend is no start: only an abort keeps it from being made.
        if policy == OnUnknown::Resend && self.execution.abort_deadline.is_none() {
            let attempt = Attempt {
                remote_task: None,
                ..attempt.clone()
            };
            self.nodes[index.index()].state = NodeState::Running(attempt.clone());
            self.node_changed(index);
            return self.send(index, &attempt, false);
        }
        let message = format!(
            "a crash left the outcome of attempt {} at agent {:?} unknown; look there, then retry the execution",
            attempt.number, attempt.agent_id
        );
        let failure = Failure::in_node(
            &self.nodes[index.index()].path,
            FailureCode::OutcomeUnknown,
            message,
        );
        let bill = Bill {
            cost: ReportedCost::Absent,
            usage: None,
            reached_agent: true,
        };
        self.post(
            now,
            index,
            attempt,
            bill,
            AttemptStatus::Failed,
            Some(failure.clone()),
            gate,
        );
        self.node_failed(now, index, failure);
    }

    /// Posts an ended attempt to the ledger: what it really cost replaces its reservation.
    #[expect(
        clippy::too_many_arguments,
        reason = "one line of the ledger has that many columns"
    )]
    fn post(
        &mut self,
        now: Timestamp,
        index: NodeIndex,
        attempt: &Attempt,
        bill: Bill,
        status: AttemptStatus,
        error: Option<Failure>,
        gate: &dyn Gate,
    ) {
        let charge = charge_for(attempt, &bill, now, gate);
        let mut budget = self.budget();
        let settlement = budget.settle(attempt.reserved, charge.amount);
        self.set_budget(&budget);
        self.execution.cost_known &= charge.known;
        let row = &mut self.nodes[index.index()];
        row.cost = row.cost.saturating_add(charge.amount);
        row.cost_known &= charge.known;
        row.usage.clone_from(&bill.usage);
        let line = AttemptRow {
            status,
            cost: charge.amount,
            cost_known: charge.known,
            usage: bill.usage,
            error,
            finished_at: Some(now),
            ..AttemptRow::started(row.path.clone(), attempt)
        };
        self.attempt_changed(line);
        for percent in settlement.crossed {
            let data = budget_data(&self.execution, Some(percent));
            self.emit(now, EventType::BudgetThreshold, data);
        }
    }

    /// Exponential backoff. The jitter is a digest of what is retried, so that a step stays deterministic.
    fn backoff(&self, path: &NodePath, retry: &Retry, failed_attempts: u32) -> Duration {
        let exponent = i32::try_from(failed_attempts - 1).unwrap_or(i32::MAX);
        // Bounded, because nothing times infinity is no number.
        let growth = retry.multiplier.powi(exponent).min(f64::MAX);
        let seconds = retry.initial_interval.as_secs_f64() * growth;
        let delay = Duration::try_from_secs_f64(seconds)
            .unwrap_or(retry.max_interval)
            .min(retry.max_interval);
        match retry.jitter {
            Jitter::None => delay,
            Jitter::Full => {
                let digest =
                    Sha256::digest(format!("backoff {}/{path}#{failed_attempts}", self.execution.id));
                let fraction = f64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
                    / f64::from(u32::MAX);
                delay.mul_f64(fraction)
            }
        }
    }
}

fn charge_for(attempt: &Attempt, bill: &Bill, now: Timestamp, gate: &dyn Gate) -> Charge {
    if !bill.reached_agent && bill.cost == ReportedCost::Absent {
        return Charge::NONE;
    }
    let prices = gate
        .terms(&attempt.agent_id)
        .map(|terms| terms.prices.clone())
        .unwrap_or_default();
    let elapsed = Duration::try_from(now.duration_since(attempt.started_at)).unwrap_or_default();
    prices.charge(bill.cost, bill.usage.as_ref(), elapsed, attempt.reserved)
}
