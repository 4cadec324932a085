//! Tools for workflows and their executions.

use std::{str::FromStr, time::Duration};

use agentchains_engine::{
    Caller, Engine, StartRequest,
    cost::Usd,
    machine::{ExecutionId, WorkflowId},
    ports::{PageRequest, WorkflowFilter},
};
use rmcp::model::{Tool, ToolAnnotations};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};

use super::{Called, tool};
use crate::{
    outcome::{Outcome, ToolError, value},
    standing,
    waiting::{Waiting, rested},
};

/// How long `workflow_execute` waits by itself, in seconds.
const WAIT_SECONDS: u64 = 30;

/// How long it may be told to wait, in seconds: clients give up on tools some day.
const MAX_WAIT_SECONDS: u64 = 600;

/// Workflows in one part of the list, at the most.
const MAX_PAGE: u32 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Execute {
    workflow: String,
    #[serde(default = "no_input")]
    input: Value,
    max_budget: Option<Number>,
    wait_seconds: Option<u64>,
}

fn no_input() -> Value {
    json!({})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    execution_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    name: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(super) fn execute_tool() -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "workflow": {"type": "string", "description": "The id of a workflow, or its exact name"},
            "input": {"description": "What the workflow is given; an empty object unless given"},
            "max_budget": {"type": "number", "minimum": 0, "description": "The most that it may cost, in USD"},
            "wait_seconds": {
                "type": "integer", "minimum": 0, "maximum": MAX_WAIT_SECONDS, "default": WAIT_SECONDS,
                "description": "How long to wait for its end; it goes on in any case",
            },
        },
        "required": ["workflow"],
        "additionalProperties": false,
    });
    tool(
        "workflow_execute",
        "Starts a workflow and waits a while for its end. Gives the execution as it then stands; call workflow_status \
         later where it has not ended.",
        input,
        standing::schema(),
        ToolAnnotations::with_title("Run a workflow")
            .read_only(false)
            .open_world(true),
    )
}

pub(super) async fn execute(
    engine: &Engine,
    caller: &Caller,
    wanted: Execute,
    waiting: &Waiting<'_>,
) -> Result<Called, ToolError> {
    let wait = wanted.wait_seconds.unwrap_or(WAIT_SECONDS);
    if wait > MAX_WAIT_SECONDS {
        return Err(ToolError::new(format!(
            "wait_seconds is at most {MAX_WAIT_SECONDS}"
        )));
    }
    let within = Duration::from_secs(wait);
    let max_budget = wanted.max_budget.as_ref().map(budget).transpose()?;
    let workflow = engine.find_workflow(caller, &wanted.workflow).await?;
    if let Some(answers) = &waiting.answers {
        if engine.execution(caller, answers.execution).await?.workflow_id != workflow.id {
            return Err(answers.elsewhere());
        }
        let asks = answers.decide(engine, caller).await?;
        let row = rested(engine, caller, answers.execution, 0, within, waiting.progress).await?;
        return Ok(Called::execution(row, asks));
    }
    let request = StartRequest {
        input: wanted.input,
        max_budget,
        ..StartRequest::default()
    };
    let started = engine.start(caller, workflow.id, request).await?;
    if waiting.is_elsewhere {
        return Ok(Called::execution(started, false));
    }
    let row = rested(engine, caller, started.id, 0, within, waiting.progress).await?;
    Ok(Called::execution(row, true))
}

/// An amount as it was written: read as a binary fraction, it would be another one.
fn budget(amount: &Number) -> Result<Usd, ToolError> {
    let amount =
        Usd::from_str(&amount.to_string()).map_err(|error| ToolError::new(format!("max_budget: {error}")))?;
    if amount < Usd::ZERO {
        return Err(ToolError::new("max_budget cannot be less than nothing"));
    }
    Ok(amount)
}

pub(super) fn status_tool() -> Tool {
    tool(
        "workflow_status",
        "Says how an execution stands: its status, what it gave or why it failed, what it cost, and which questions to \
         people it waits for.",
        which_schema(),
        standing::schema(),
        ToolAnnotations::with_title("How an execution stands")
            .read_only(true)
            .open_world(false),
    )
}

pub(super) async fn status(
    engine: &Engine,
    caller: &Caller,
    which: Which,
    waiting: &Waiting<'_>,
) -> Result<Called, ToolError> {
    let id = which.id()?;
    let asks = match &waiting.answers {
        None => true,
        Some(answers) if answers.execution == id => answers.decide(engine, caller).await?,
        Some(answers) => return Err(answers.elsewhere()),
    };
    Ok(Called::execution(engine.execution(caller, id).await?, asks))
}

pub(super) fn cancel_tool() -> Tool {
    tool(
        "workflow_cancel",
        "Ends an execution: what runs is aborted, and nothing new starts.",
        which_schema(),
        standing::schema(),
        ToolAnnotations::with_title("Cancel an execution")
            .read_only(false)
            .destructive(true)
            .open_world(false),
    )
}

pub(super) async fn cancel(engine: &Engine, caller: &Caller, which: Which) -> Result<Called, ToolError> {
    Ok(Called::execution(
        engine.cancel(caller, which.id()?).await?,
        false,
    ))
}

fn which_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"execution_id": {"type": "string", "description": "As workflow_execute gave it"}},
        "required": ["execution_id"],
        "additionalProperties": false,
    })
}

impl Which {
    fn id(&self) -> Result<ExecutionId, ToolError> {
        let unknown = |_| ToolError::new(format!("there is no execution {:?}", self.execution_id));
        self.execution_id.parse().map_err(unknown)
    }
}

pub(super) fn list_tool() -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "Only those with this text in their name"},
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": MAX_PAGE},
            "cursor": {"type": "string", "description": "next_cursor of the part before"},
        },
        "additionalProperties": false,
    });
    let workflow = json!({
        "type": "object",
        "properties": {
            "workflow_id": {"type": "string"},
            "name": {"type": "string"},
            "description": {"type": ["string", "null"]},
            "version": {"type": "integer"},
        },
        "required": ["workflow_id", "name", "version"],
    });
    let output = json!({
        "type": "object",
        "properties": {
            "workflows": {"type": "array", "items": workflow},
            "next_cursor": {"type": ["string", "null"]},
        },
        "required": ["workflows"],
    });
    tool(
        "workflow_list",
        "Names the workflows that can be started, newest first. Their documents, with the inputs that they take, are \
         resources.",
        input,
        output,
        ToolAnnotations::with_title("Workflows")
            .read_only(true)
            .open_world(false),
    )
}

#[derive(Serialize)]
struct Listed {
    workflow_id: WorkflowId,
    name: String,
    description: Option<String>,
    version: u32,
}

pub(super) async fn list(engine: &Engine, caller: &Caller, search: Search) -> Outcome {
    let filter = WorkflowFilter {
        name_contains: search.name,
        archived: Some(false),
        ..WorkflowFilter::default()
    };
    let page = PageRequest {
        limit: page_size(search.limit)?,
        cursor: search.cursor,
    };
    let found = engine.workflows(caller, &filter, &page).await?;
    let workflows = found.items.into_iter().map(|record| Listed {
        workflow_id: record.id,
        name: record.name,
        description: record.description,
        version: record.version,
    });
    let workflows: Vec<Listed> = workflows.collect();
    value(&json!({"workflows": workflows, "next_cursor": found.next_cursor}))
}

pub(super) fn page_size(limit: Option<u32>) -> Result<u32, ToolError> {
    let limit = limit.unwrap_or(MAX_PAGE);
    if (1..=MAX_PAGE).contains(&limit) {
        return Ok(limit);
    }
    Err(ToolError::new(format!("limit is from 1 to {MAX_PAGE}")))
}
