//! The agents of the world: how their calls end, and whether they may be called.

use agentchains_cost::ReportedCost;
use agentchains_machine::{AttemptFailure, AttemptOutcome, FailureCode, Input, NodeState, RemoteCancel};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    document::agent_id,
    events::Event,
    plan::one_of,
    world::{World, pick},
};
use crate::harness::{asks, broke, refused, reply_costing, succeeded, usd};

/// What an agent's failures may be.
const AGENT_CODES: &[FailureCode] = &[
    FailureCode::AgentUnreachable,
    FailureCode::AgentTimeout,
    FailureCode::AgentConnectionLost,
    FailureCode::AgentHttpError,
    FailureCode::AgentAuthError,
    FailureCode::AgentRateLimited,
    FailureCode::AgentProtocolError,
    FailureCode::AgentResponseTooLarge,
    FailureCode::AgentFailed,
    FailureCode::AgentAddressRefused,
];
/// What may be said of the task of an aborted attempt.
const ABORTED: &[Option<RemoteCancel>] = &[None, Some(RemoteCancel::Confirmed), Some(RemoteCancel::Refused)];

impl World {
    pub(super) fn agents(&mut self, event: &Event) {
        match event {
            Event::Answer { call, ending } => {
                if let Some((node, attempt)) = pick(self.run.open_calls.keys(), *call) {
                    self.answer(&node, attempt, *ending);
                }
            }
            Event::Stray {
                node,
                attempt,
                ending,
            } => {
                if let Some(node) = pick(self.run.rows.nodes.keys(), *node) {
                    self.stray(node, *attempt, *ending);
                }
            }
            Event::Accept { call } => {
                if let Some((node, attempt)) = pick(self.run.open_calls.keys(), *call) {
                    self.run.accepts(&node, &format!("task-{attempt}"));
                }
            }
            _ => {}
        }
    }

    fn answer(&mut self, node: &str, attempt: u32, ending: u8) {
        let was_aborted = self.run.aborts.contains(&(node.to_owned(), attempt));
        let outcome = match outcome(ending, self.run.now) {
            _ if was_aborted && ending.is_multiple_of(2) => {
                AttemptOutcome::Aborted(one_of(ending / 2, ABORTED))
            }
            // An agent loses only a task that it had.
            AttemptOutcome::Lost if self.run.node(node).remote_task.is_none() => return,
            outcome @ AttemptOutcome::InputRequired(_) => {
                self.run.accepts(node, &format!("task-{attempt}"));
                outcome
            }
            outcome => outcome,
        };
        let key = (node.to_owned(), attempt);
        let call = self.run.open_calls.get(&key).cloned();
        self.run.attempt_ends(node, attempt, outcome);
        // What ends nothing takes no answer's place: the abort of a rejected question is still to be answered.
        if matches!(&self.run.node(node).state, NodeState::Running(running) if running.rejected.is_some()) {
            self.run.open_calls.extend(call.map(|call| (key, call)));
        }
    }

    /// A result that nobody waits for.
    fn stray(&mut self, node: String, attempt: u32, ending: u8) {
        let key = (node, attempt);
        if !self.run.open_calls.contains_key(&key) {
            let outcome = outcome(ending, self.run.now);
            let step = self.run.attempt_ends(&key.0, attempt, outcome);
            let mut attempts = step.changes.attempts.iter();
            assert!(
                attempts.all(|line| line.finished_at.is_none()),
                "a stray result ended an attempt"
            );
        }
    }

    pub(super) fn gate(&mut self, event: &Event) {
        let gate = &mut self.run.gate;
        match event {
            Event::Busy { agent } => gate.busy(&agent_id(*agent)),
            Event::Open { agent, seconds } => {
                let retry_at = self.run.later(&format!("{seconds}s"));
                self.run.gate.open(&agent_id(*agent), retry_at);
            }
            Event::Well { agent } => gate.well(&agent_id(*agent)),
            Event::Leave { agent } => gate.unregister(&agent_id(*agent)),
            _ => {}
        }
        self.feed(Input::Tick);
    }
}

/// How an attempt ends.
fn outcome(choice: u8, now: Timestamp) -> AttemptOutcome {
    let output = json!({"choice": choice});
    match choice % 8 {
        0 => AttemptOutcome::Failed(AttemptFailure {
            code: one_of(choice / 8, AGENT_CODES),
            ..broke()
        }),
        1 => AttemptOutcome::Failed(AttemptFailure {
            code: FailureCode::AgentRateLimited,
            retry_after: now.checked_add(SignedDuration::from_secs(7)).ok(),
            reached_agent: false,
            cost: ReportedCost::Absent,
            ..broke()
        }),
        2 => AttemptOutcome::Failed(refused()),
        3 => AttemptOutcome::Lost,
        // More than any node may reserve.
        4 => reply_costing(output, "0.9"),
        5 => succeeded(output, ReportedCost::Absent),
        6 => asks(&format!("Question {choice}?")),
        _ => succeeded(output, ReportedCost::Usd(usd("0.1"))),
    }
}
