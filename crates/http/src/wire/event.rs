//! Events, the same in lists, on streams and on WebSockets.

use agentchains_engine::{
    machine::{Event, EventType, ExecutionId, time::rfc3339_millis},
    workflow::Json,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// One event of an execution.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(crate) struct EventFrame<'a> {
    /// What happened.
    #[serde(rename = "type")]
    kind: EventType,
    /// Where.
    execution_id: ExecutionId,
    /// Counts from 1 within the execution, without gaps.
    seq: u64,
    /// When.
    #[serde(with = "rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    at: Timestamp,
    /// The particulars, by type.
    data: &'a Json,
}

impl<'a> EventFrame<'a> {
    pub(crate) fn of(execution_id: ExecutionId, event: &'a Event) -> Self {
        Self {
            kind: event.kind,
            execution_id,
            seq: event.seq,
            at: event.at,
            data: &event.data,
        }
    }
}
