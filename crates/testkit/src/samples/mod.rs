//! Rows to test with: plain ones to build on, and between them every state and every field that there is.
//!
//! Moments have whole milliseconds and ids are UUIDs of version 7, as in production.

mod approvals;
mod attempts;
mod executions;
mod nodes;

use std::time::Duration;

use agentchains_cost::Usage;
use agentchains_machine::{
    ApprovalId, Changes, Event, EventType, ExecutionId, ExecutionRow, Failure, FailureCode, Json, NodePath,
    WorkflowId,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Builder;

pub use self::{
    approvals::{approval, full_approval},
    attempts::{attempt, full_attempt},
    executions::{child, endings, execution, full_execution, make_fork, parent},
    nodes::{full_node, node, node_states},
};

/// The tenant of all samples.
pub const TENANT: &str = "acme";

/// When the samples begin, in milliseconds since the Unix epoch.
const BEGIN_MILLIS: u32 = 1_700_000_000;

/// A moment, `millis` after the samples begin.
#[must_use]
pub fn at(millis: u32) -> Timestamp {
    Timestamp::UNIX_EPOCH
        + SignedDuration::from_secs(i64::from(BEGIN_MILLIS))
        + SignedDuration::from_millis(i64::from(millis))
}

fn uuid_v7(ordinal: u32) -> uuid::Uuid {
    let millis = u64::from(BEGIN_MILLIS) * 1000 + u64::from(ordinal);
    Builder::from_unix_timestamp_millis(millis, &[7; 10]).into_uuid()
}

/// The id of the `ordinal`-th execution; later ones are greater.
#[must_use]
pub fn execution_id(ordinal: u32) -> ExecutionId {
    ExecutionId::from_uuid(uuid_v7(ordinal))
}

/// The id of the `ordinal`-th workflow; later ones are greater.
#[must_use]
pub fn workflow_id(ordinal: u32) -> WorkflowId {
    WorkflowId::from_uuid(uuid_v7(ordinal))
}

/// The id of the `ordinal`-th question; later ones are greater.
#[must_use]
pub fn approval_id(ordinal: u32) -> ApprovalId {
    ApprovalId::from_uuid(uuid_v7(ordinal))
}

/// An event.
#[must_use]
pub fn event(seq: u64, kind: EventType) -> Event {
    Event {
        seq,
        kind,
        at: at(14),
        data: json!({ "seq": seq }).into(),
    }
}

/// Changes that record an execution or move it on by `events` events, and that change nothing else.
#[must_use]
pub fn changes(mut execution: ExecutionRow, events: u32) -> Changes {
    let first = execution.last_seq + 1;
    execution.last_seq += u64::from(events);
    let events = (first..=execution.last_seq)
        .map(|seq| event(seq, EventType::ExecutionStarted))
        .collect();
    Changes {
        execution,
        nodes: Vec::new(),
        attempts: Vec::new(),
        approvals: Vec::new(),
        events,
        seeds: Vec::new(),
    }
}

/// Usage with every field.
#[must_use]
pub fn usage() -> Usage {
    Usage {
        input_tokens: Some(u64::MAX),
        output_tokens: Some(2),
        cached_tokens: Some(3),
        reasoning_tokens: Some(4),
        compute_time: Some(Duration::from_millis(1500)),
        model: Some("large".to_owned()),
        lower_bound: true,
        cost_invalid: true,
    }
}

/// A failure in a node, due to one inside of it, due to one that is in no node.
#[must_use]
pub fn failure() -> Failure {
    let execution = Failure::of_execution(FailureCode::ExecutionTimeout, "it took longer than 30 min");
    let inner = Failure::in_node(
        &path("refine[2]/draft"),
        FailureCode::SubworkflowFailed,
        "the child failed",
    );
    Failure::in_node(&path("refine"), FailureCode::LoopFailed, "iteration 2 failed")
        .caused_by(inner.caused_by(execution))
}

/// A path of a node.
#[must_use]
pub fn path(text: &str) -> NodePath {
    NodePath::from(text.to_owned())
}

/// A value that is nested deeper than parsers of JSON like, with numbers that are easily rounded.
#[must_use]
pub fn deep_value() -> Json {
    let bottom = json!([0.1 + 0.2, 1.0e-7 / 3.0, i64::MIN, u64::MAX, "\u{0}\"\\"]);
    (0..130).fold(bottom, |inner, _| json!({ "inner": inner })).into()
}
