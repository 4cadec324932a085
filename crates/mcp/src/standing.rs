//! How an execution stands, as tools tell it.

use agentchains_engine::{
    Caller, Engine,
    cost::Usd,
    machine::{
        ApprovalId, ApprovalRow, ApprovalStatus, ExecutionId, ExecutionRow, Failure, PauseReason, WorkflowId,
        time::rfc3339_millis,
    },
    ports::{ApprovalFilter, PageRequest},
    workflow::Json,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::outcome::{Outcome, value};

/// Questions of one execution that are told.
const MAX_QUESTIONS: u32 = 50;

/// An execution that waits for a person, whatever the engine calls that.
const INPUT_REQUIRED: &str = "input_required";

/// How an execution stands.
#[derive(Serialize)]
struct Standing<'a> {
    execution_id: ExecutionId,
    workflow_id: WorkflowId,
    workflow_version: u32,
    status: &'static str,
    pause_reason: Option<PauseReason>,
    /// The questions to people that it waits for.
    approvals: Vec<Question<'a>>,
    output: Option<&'a Json>,
    error: Option<&'a Failure>,
    cost_usd: Usd,
    reserved_usd: Usd,
    max_budget: Option<Usd>,
    nodes_total: u32,
    nodes_settled: u32,
    #[serde(with = "rfc3339_millis")]
    created_at: Timestamp,
    #[serde(with = "rfc3339_millis::option")]
    finished_at: Option<Timestamp>,
}

/// A question to a person.
#[derive(Serialize)]
pub(crate) struct Question<'a> {
    approval_id: ApprovalId,
    execution_id: ExecutionId,
    node_id: &'a str,
    status: &'static str,
    message: &'a str,
    shown: &'a Json,
    actions: &'a [String],
}

impl<'a> Question<'a> {
    pub(crate) fn of(row: &'a ApprovalRow) -> Self {
        Self {
            approval_id: row.id,
            execution_id: row.execution_id,
            node_id: &row.node_id,
            status: row.status.as_str(),
            message: &row.message,
            shown: &row.shown,
            actions: &row.actions,
        }
    }
}

/// Says how an execution stands.
pub(crate) async fn of(engine: &Engine, caller: &Caller, row: &ExecutionRow) -> Outcome {
    let spending = engine.spending(caller, row).await?;
    let asks = row.pause_reason == Some(PauseReason::Approval);
    let questions = if asks {
        pending(engine, caller, row).await?
    } else {
        Vec::new()
    };
    value(&Standing {
        execution_id: row.id,
        workflow_id: row.workflow_id,
        workflow_version: row.workflow_version,
        status: if asks { INPUT_REQUIRED } else { row.status.as_str() },
        pause_reason: row.pause_reason,
        approvals: questions.iter().map(Question::of).collect(),
        output: row.output.as_ref(),
        error: row.error.as_ref().filter(|_| row.status.is_terminal()),
        cost_usd: spending.cost,
        reserved_usd: spending.reserved,
        max_budget: row.max_budget,
        nodes_total: row.nodes_total,
        nodes_settled: row.nodes_settled,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

/// The pending questions of an execution and of those below it.
pub(crate) async fn pending(
    engine: &Engine,
    caller: &Caller,
    row: &ExecutionRow,
) -> Result<Vec<ApprovalRow>, agentchains_engine::EngineError> {
    let root = row
        .parent
        .as_ref()
        .map_or(row.id, |parent| parent.root_execution_id);
    let filter = ApprovalFilter {
        status: Some(ApprovalStatus::Pending),
        execution_id: None,
        root_execution_id: Some(root),
    };
    let page = PageRequest {
        limit: MAX_QUESTIONS,
        cursor: None,
    };
    let found = engine.approvals(caller, &filter, &page).await?;
    Ok(found.items)
}

/// The JSON Schema of what [`of`] gives.
pub(crate) fn schema() -> Value {
    let money = json!({"type": "number", "minimum": 0});
    let moment = json!({"type": "string", "format": "date-time"});
    let or_null = |schema: &str| json!({"type": [schema, "null"]});
    json!({
        "type": "object",
        "properties": {
            "execution_id": {"type": "string"},
            "workflow_id": {"type": "string"},
            "workflow_version": {"type": "integer"},
            "status": {
                "type": "string",
                "description": "input_required: it waits for a person, see approvals",
                "enum": [
                    "pending", "running", "paused", "cancelling", "completed", "failed", "cancelled",
                    INPUT_REQUIRED,
                ],
            },
            "pause_reason": or_null("string"),
            "approvals": {"type": "array", "items": question_schema()},
            "output": {"description": "What it gave, once it is completed"},
            "error": or_null("object"),
            "cost_usd": money,
            "reserved_usd": money,
            "max_budget": {"type": ["number", "null"], "minimum": 0},
            "nodes_total": {"type": "integer"},
            "nodes_settled": {"type": "integer"},
            "created_at": moment,
            "finished_at": {"type": ["string", "null"], "format": "date-time"},
        },
        "required": ["execution_id", "workflow_id", "status", "cost_usd"],
    })
}

/// The JSON Schema of a [`Question`].
pub(crate) fn question_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "approval_id": {"type": "string"},
            "execution_id": {"type": "string"},
            "node_id": {"type": "string"},
            "status": {"type": "string"},
            "message": {"type": "string"},
            "shown": {"description": "What the person is to judge"},
            "actions": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["approval_id", "execution_id", "status", "message", "actions"],
    })
}
