//! The events: what an execution tells the world, numbered without gaps and written with the rows.

use agentchains_workflow::Json;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{ApprovalRow, ExecutionRow, Failure, NodeRow, NodeState, Waiting, row::Ending, status::words};

words! {
    /// Type of an event. Dotted: what it is about, and what happened to it.
    EventType("event type") {
        /// The first nodes may start.
        ExecutionStarted = "execution.started",
        /// Nothing new starts.
        ExecutionPaused = "execution.paused",
        /// It goes on.
        ExecutionResumed = "execution.resumed",
        /// A cancel was recorded.
        ExecutionCancelling = "execution.cancelling",
        /// Terminal.
        ExecutionCompleted = "execution.completed",
        /// Terminal.
        ExecutionFailed = "execution.failed",
        /// Terminal.
        ExecutionCancelled = "execution.cancelled",
        /// An attempt was recorded and is sent next.
        NodeStarted = "node.started",
        /// It has an output.
        NodeCompleted = "node.completed",
        /// It failed for good.
        NodeFailed = "node.failed",
        /// An attempt failed and another one is due.
        NodeRetrying = "node.retrying",
        /// It will not run.
        NodeSkipped = "node.skipped",
        /// It waits for a person or a breaker.
        NodeWaiting = "node.waiting",
        /// It was cut off by the end of the execution.
        NodeCancelled = "node.cancelled",
        /// A person is asked.
        ApprovalRequested = "approval.requested",
        /// A person decided.
        ApprovalDecided = "approval.decided",
        /// The question no longer stands.
        ApprovalExpired = "approval.expired",
        /// Spending crossed a part of the budget.
        BudgetThreshold = "budget.threshold",
        /// The budget does not allow the next call.
        BudgetExhausted = "budget.exhausted",
    }
}

/// One event of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Counts from 1 within the execution, without gaps.
    pub seq: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// When.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    pub at: Timestamp,
    /// The particulars, by type.
    pub data: Json,
}

/// The particulars of a `node.*` event: the node as it now is, and what changed with it.
#[must_use]
pub fn node_data(row: &NodeRow) -> Json {
    data_of(row, Map::new())
}

fn data_of(row: &NodeRow, mut data: Map<String, Value>) -> Json {
    data.insert("node_id".into(), row.node_id.clone().into());
    data.insert("path".into(), row.path.as_str().into());
    data.insert("type".into(), row.kind.as_str().into());
    data.insert("attempt".into(), row.attempts.into());
    data.insert("status".into(), row.state.status().as_str().into());
    let mut output = None;
    match &row.state {
        NodeState::Pending => {}
        NodeState::Running(attempt) => {
            data.insert("agent_id".into(), attempt.agent_id.clone().into());
            data.insert("reserved_usd".into(), json!(attempt.reserved));
        }
        NodeState::Open { .. } => {}
        NodeState::Child(child) => {
            data.insert("child_execution_id".into(), json!(child.execution_id));
        }
        NodeState::Waiting(waiting) => {
            data.insert("waiting_on".into(), waiting_on(waiting));
            data.insert("cost_usd".into(), json!(row.cost));
        }
        NodeState::Completed(done) => {
            output = Some(&done.output);
            add_cost(&mut data, row);
            data.insert("used_fallback".into(), done.replaced.is_some().into());
            data.insert("reused".into(), row.reused.into());
        }
        NodeState::Failed(failed) => {
            data.insert("error".into(), json!(failed.failure));
            if let Some(remote_cancel) = failed.remote_cancel {
                data.insert("remote_cancel".into(), json!(remote_cancel));
            }
            add_cost(&mut data, row);
        }
        NodeState::Skipped(reason) => {
            data.insert("skip_reason".into(), json!(reason));
        }
        NodeState::Cancelled { remote_cancel } => {
            data.insert("remote_cancel".into(), json!(remote_cancel));
            data.insert("cost_usd".into(), json!(row.cost));
        }
    }
    with_output(&data, output)
}

/// What a node waits for, as it is shown: of an attempt that is held only what identifies it.
fn waiting_on(waiting: &Waiting) -> Value {
    match waiting {
        Waiting::Held {
            about,
            approval_id,
            attempt,
            ..
        } => json!({
            "kind": about,
            "approval_id": approval_id,
            "agent_id": attempt.agent_id,
            "attempt": attempt.number,
        }),
        waiting => json!(waiting),
    }
}

/// What a settled node has cost and used; marks of what was wrong with that only where something was.
fn add_cost(data: &mut Map<String, Value>, row: &NodeRow) {
    data.insert("cost_usd".into(), json!(row.cost));
    data.insert("cost_known".into(), row.cost_known.into());
    data.insert("usage".into(), json!(row.usage));
    if row.usage.as_ref().is_some_and(|usage| usage.cost_invalid) {
        data.insert("cost_invalid".into(), true.into());
    }
    if !row.overrun.is_zero() {
        data.insert("overrun_usd".into(), json!(row.overrun));
    }
}

/// The particulars of an `execution.*` event, with who asked for it where somebody did.
#[must_use]
pub fn execution_data(row: &ExecutionRow, by: Option<&str>) -> Json {
    let mut data = Map::new();
    if let Some(by) = by {
        data.insert("by".into(), by.into());
    }
    data.insert("status".into(), row.status.as_str().into());
    data.insert("cost_usd".into(), json!(row.spent));
    if let Some(reason) = row.pause_reason {
        data.insert("pause_reason".into(), reason.as_str().into());
    }
    if let Some(error) = &row.error {
        data.insert("error".into(), json!(error));
    }
    if let Some(Ending::Timeout) = &row.ending {
        data.insert("timed_out".into(), true.into());
    }
    with_output(&data, row.output.as_ref())
}

fn with_output(data: &Map<String, Value>, output: Option<&Json>) -> Json {
    let output = output.map(|output| ("output", output));
    Json::object(data, output.as_slice())
}

/// The particulars of an `approval.*` event: the question as the API shows it.
#[must_use]
pub fn approval_data(row: &ApprovalRow) -> Json {
    let question = ApprovalRow {
        shown: Json::null(),
        ..row.clone()
    };
    match json!(question) {
        Value::Object(small) => Json::object(&small, &[("shown", &row.shown)]),
        other => other.into(),
    }
}

/// The particulars of a `budget.*` event.
#[must_use]
pub fn budget_data(row: &ExecutionRow, percent: Option<u8>) -> Json {
    let mut data = json!({
        "spent_usd": row.spent,
        "reserved_usd": row.reserved,
        "max_budget": row.max_budget,
    });
    if let (Some(percent), Value::Object(fields)) = (percent, &mut data) {
        fields.insert("percent".into(), percent.into());
    }
    data.into()
}

/// The particulars of a `node.retrying` event.
#[must_use]
pub fn retry_data(row: &NodeRow, error: &Failure, due_at: Timestamp) -> Json {
    let mut data = Map::new();
    data.insert("error".into(), json!(error));
    data.insert("due_at".into(), crate::time::format_millis(due_at).into());
    data_of(row, data)
}
