//! Tools for the questions to people.

use agentchains_engine::{
    Caller, Engine,
    machine::{ApprovalStatus, Decision, ExecutionId},
    ports::{ApprovalFilter, PageRequest},
};
use rmcp::model::{Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{tool, workflows::page_size};
use crate::{
    outcome::{Outcome, ToolError, value},
    standing::{Question, question_schema},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    execution_id: Option<ExecutionId>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decide {
    approval_id: String,
    decision: String,
    comment: Option<String>,
    data: Option<Value>,
}

pub(super) fn list_tool() -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "execution_id": {"type": "string", "description": "Only those of this execution"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 200},
            "cursor": {"type": "string", "description": "next_cursor of the part before"},
        },
        "additionalProperties": false,
    });
    let output = json!({
        "type": "object",
        "properties": {
            "approvals": {"type": "array", "items": question_schema()},
            "next_cursor": {"type": ["string", "null"]},
        },
        "required": ["approvals"],
    });
    tool(
        "approvals_list",
        "Lists the questions that executions ask people and that are not answered yet.",
        input,
        output,
        ToolAnnotations::with_title("Questions to people")
            .read_only(true)
            .open_world(false),
    )
}

pub(super) async fn list(engine: &Engine, caller: &Caller, search: Search) -> Outcome {
    let filter = ApprovalFilter {
        status: Some(ApprovalStatus::Pending),
        execution_id: search.execution_id,
        root_execution_id: None,
    };
    let page = PageRequest {
        limit: page_size(search.limit)?,
        cursor: search.cursor,
    };
    let found = engine.approvals(caller, &filter, &page).await?;
    let approvals: Vec<Question<'_>> = found.items.iter().map(Question::of).collect();
    value(&json!({"approvals": approvals, "next_cursor": found.next_cursor}))
}

pub(super) fn decide_tool() -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "approval_id": {"type": "string"},
            "decision": {"type": "string", "description": "One of the question's actions, such as approve or reject"},
            "comment": {"type": "string"},
            "data": {"description": "What the question's form asks for"},
        },
        "required": ["approval_id", "decision"],
        "additionalProperties": false,
    });
    tool(
        "approval_decide",
        "Answers a question in the name of the person to whom the key belongs. Ask that person first.",
        input,
        question_schema(),
        ToolAnnotations::with_title("Answer a question")
            .read_only(false)
            .destructive(true)
            .open_world(false),
    )
}

pub(super) async fn decide(engine: &Engine, caller: &Caller, wanted: Decide) -> Outcome {
    let unknown = |_| ToolError::new(format!("there is no approval {:?}", wanted.approval_id));
    let decision = Decision {
        approval_id: wanted.approval_id.parse().map_err(unknown)?,
        decision: wanted.decision,
        by: caller.name.clone(),
        roles: caller.roles.clone(),
        comment: wanted.comment,
        data: wanted.data,
        shown_hash: None,
        request_key: None,
    };
    let row = engine.decide(caller, decision).await?;
    value(&Question::of(&row))
}
