//! Attempts: what their outcomes do to the node, to its next attempt and to the budget.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use agentchains_cost::{Charge, ReportedCost, Usage};
use agentchains_workflow::NodeIndex;
use jiff::Timestamp;

use crate::{
    AgentReply, Attempt, AttemptFailure, AttemptOutcome, AttemptRow, AttemptStatus, EventType, Failure,
    FailureCode, Gate, Machine, NodePath, NodeState, RemoteCancel, RemoteTask, Waiting,
    backoff::backoff,
    event::{budget_data, retry_data},
    machine::after,
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
        let Some((index, _)) = self.attempt_in_flight(path, number) else {
            return;
        };
        let known = &mut self.nodes[index.index()].remote_task;
        if known.is_none() {
            *known = Some(task);
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
                self.attempt_aborted(now, index, &attempt, remote_cancel, gate);
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
        let ended = Ended {
            status: AttemptStatus::Succeeded,
            error: misfit.clone(),
            cost: reply.cost,
            usage: reply.usage,
            reached_agent: true,
        };
        self.post(now, index, attempt, ended, gate);
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
        let ended = Ended {
            status: AttemptStatus::Failed,
            error: Some(failure.clone()),
            cost: failed.cost,
            usage: failed.usage,
            reached_agent: failed.reached_agent,
        };
        self.post(now, index, attempt, ended, gate);
        let workflow = Arc::clone(&self.workflow);
        let retry = workflow.graph().node(index).retry.as_ref();
        let attempts_allowed = retry.map_or(NonZeroU32::MIN, |retry| retry.max_attempts).get();
        match retry {
            Some(retry)
                if failed.retryable
                    && attempt.number < attempts_allowed
                    && self.execution.ending.is_none() =>
            {
                let delay = backoff(self.execution.id, &path, retry, attempt.number);
                let due_at = after(now, delay).max(failed.retry_after.unwrap_or(Timestamp::MIN));
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
        let ended = Ended::without_a_word(AttemptStatus::Aborted, None);
        self.post(now, index, attempt, ended, gate);
        self.settle(
            now,
            index,
            NodeState::Cancelled { remote_cancel },
            EventType::NodeCancelled,
        );
    }

    /// Posts an ended attempt to the ledger: what it really cost replaces its reservation.
    pub(crate) fn post(
        &mut self,
        now: Timestamp,
        index: NodeIndex,
        attempt: &Attempt,
        ended: Ended,
        gate: &dyn Gate,
    ) {
        let charge = charge_for(attempt, &ended, now, gate);
        let mut budget = self.budget();
        let settlement = budget.settle(attempt.reserved, charge.amount);
        self.set_budget(&budget);
        self.execution.cost_known &= charge.known;
        let row = &mut self.nodes[index.index()];
        row.cost = row.cost.saturating_add(charge.amount);
        row.cost_known &= charge.known;
        row.usage.clone_from(&ended.usage);
        let line = AttemptRow {
            status: ended.status,
            cost: charge.amount,
            cost_known: charge.known,
            usage: ended.usage,
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
    let prices = gate
        .terms(&attempt.agent_id)
        .map(|terms| terms.prices.clone())
        .unwrap_or_default();
    let elapsed = Duration::try_from(now.duration_since(attempt.started_at)).unwrap_or_default();
    prices.charge(ended.cost, ended.usage.as_ref(), elapsed, attempt.reserved)
}
