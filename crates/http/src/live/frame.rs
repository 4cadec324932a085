//! The text frames that the server sends.

use agentchains_engine::{
    Missed, Notice, Published, Said,
    breaker::{Reason, State},
    machine::{Event, ExecutionId, NodePath, time::rfc3339_millis},
};
use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::{problem::Problem, wire::event::EventFrame};

/// What an agent says: not numbered, because it is not kept.
#[derive(Serialize)]
struct ProgressFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    execution_id: ExecutionId,
    #[serde(with = "rfc3339_millis")]
    at: Timestamp,
    data: ProgressData<'a>,
}

#[derive(Serialize)]
struct ProgressData<'a> {
    node_id: &'a str,
    path: &'a NodePath,
    #[serde(rename = "type")]
    kind: &'static str,
    attempt: u32,
    status: &'static str,
    agent_id: &'a str,
    text: &'a str,
}

/// A circuit breaker's change: of the server, not of an execution, and not numbered.
#[derive(Serialize)]
struct BreakerFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(with = "rfc3339_millis")]
    at: Timestamp,
    data: BreakerData<'a>,
}

#[derive(Serialize)]
struct BreakerData<'a> {
    agent_id: &'a str,
    state: State,
    #[serde(with = "rfc3339_millis::option")]
    retry_at: Option<Timestamp>,
    reason: Reason,
}

/// What has happened in an execution, for all who watch it.
pub(super) fn published(execution_id: ExecutionId, event: &Published) -> Utf8Bytes {
    let frame = |event: &Event| event_text(execution_id, event);
    // What was made as text is text.
    Utf8Bytes::try_from(event.text(frame).clone()).unwrap_or_default()
}

/// An event of an execution as JSON, the same on every way to those who are told of it.
#[must_use]
pub fn event_text(execution_id: ExecutionId, event: &Event) -> String {
    text(&EventFrame::of(execution_id, event))
}

pub(super) fn notice(notice: &Notice) -> Utf8Bytes {
    match notice {
        Notice::Event { execution_id, event } => published(*execution_id, event),
        Notice::Said(said) => progress(said).into(),
        Notice::Breaker {
            agent_id,
            transition,
            retry_at,
        } => Utf8Bytes::from(text(&BreakerFrame {
            kind: match transition.to {
                State::Closed => "breaker.closed",
                State::Open => "breaker.opened",
                State::HalfOpen => "breaker.half_opened",
            },
            at: transition.at,
            data: BreakerData {
                agent_id,
                state: transition.to,
                retry_at: *retry_at,
                reason: transition.reason,
            },
        })),
    }
}

/// What an agent says while it works.
pub(super) fn progress(said: &Said) -> String {
    text(&ProgressFrame {
        kind: "node.progress",
        execution_id: said.execution_id,
        at: said.at,
        data: ProgressData {
            node_id: said.path.node_id(),
            path: &said.path,
            kind: "agent_call",
            attempt: said.attempt,
            status: "running",
            agent_id: &said.agent_id,
            text: &said.text,
        },
    })
}

/// The client was too slow: `seq` is the last number that it can have got, so it goes on with `?after=<seq>`.
pub(super) fn resync_required(missed: Missed) -> String {
    text(&json!({
        "type": "resync_required",
        "execution_id": missed.execution_id,
        "seq": missed.after_seq,
    }))
}

/// The answer to a decision that counts.
pub(super) fn approval_result(approval: &impl Serialize) -> String {
    text(&json!({"type": "approval.result", "approval": approval}))
}

/// The answer to a frame that was refused.
pub(super) fn error(problem: &Problem) -> String {
    text(&json!({"type": "error", "problem": problem.to_json()}))
}

fn text(frame: &impl Serialize) -> String {
    // Values of these types always have a JSON form.
    serde_json::to_string(frame).unwrap_or_default()
}
