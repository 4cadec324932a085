//! Executions as tasks (the extension `io.modelcontextprotocol/tasks`, SEP-2663): a task's id is that of its execution, so
//! that a task is as durable as that, and there is nothing else to be kept.

use std::borrow::Cow;

use agentchains_engine::{
    Caller, EngineError,
    machine::{ExecutionId, ExecutionRow, ExecutionStatus, PauseReason},
    ports::Right,
};
use jiff::Timestamp;
use rmcp::{
    ErrorData,
    model::{
        CallToolResponse, CreateTaskResult, DetailedTask, GetTaskResult, InputResponses, JsonObject, Task,
        TaskPayload, TaskStatus,
    },
};
use serde_json::Value;

use crate::{
    McpServer, asking,
    outcome::{IntoResult as _, ToolError},
    standing,
};

/// How often a client should ask, in milliseconds.
const POLL_INTERVAL_MS: u64 = 1000;

/// The task of an execution that was started just now.
pub(crate) fn created(row: &ExecutionRow, now: Timestamp) -> CallToolResponse {
    CallToolResponse::Task(CreateTaskResult::new(task(row, now)))
}

fn task(row: &ExecutionRow, now: Timestamp) -> Task {
    let moment = |at: Timestamp| format!("{at:.3}");
    let changed_at = row.finished_at.unwrap_or(now);
    Task::new(
        row.id.to_string(),
        TaskStatus::Working,
        moment(row.created_at),
        moment(changed_at),
    )
    .with_poll_interval_ms(POLL_INTERVAL_MS)
}

/// How a task stands. `asks` says whether the client can be asked what the execution asks people.
pub(crate) async fn get(
    server: &McpServer,
    caller: &Caller,
    task_id: &str,
    asks: bool,
) -> Result<GetTaskResult, ErrorData> {
    let engine = &server.engine;
    let row = execution(server, caller, task_id).await?;
    let failed = |error: EngineError| internal(&error);
    let mut task = task(&row, engine.now());
    let payload = match (row.status, row.pause_reason) {
        (ExecutionStatus::Cancelled, _) => TaskPayload::Cancelled,
        (ExecutionStatus::Completed | ExecutionStatus::Failed, _) => TaskPayload::Completed {
            result: result(server, caller, &row).await,
        },
        (_, Some(PauseReason::Approval)) if asks => {
            let input_requests = asking::requests(engine, caller, &row).await.map_err(failed)?;
            if input_requests.is_empty() {
                task = task.with_status_message("it waits for another person");
                TaskPayload::Working
            } else {
                TaskPayload::InputRequired { input_requests }
            }
        }
        (_, Some(PauseReason::Approval)) => {
            task = task.with_status_message("it waits for a person, who decides elsewhere");
            TaskPayload::Working
        }
        (status, _) => {
            task = task.with_status_message(status.as_str());
            TaskPayload::Working
        }
    };
    Ok(GetTaskResult::new(DetailedTask::new(task, payload)))
}

/// What the tool gives that made the task.
async fn result(server: &McpServer, caller: &Caller, row: &ExecutionRow) -> JsonObject {
    let outcome = standing::of(&server.engine, caller, row).await;
    match serde_json::to_value(outcome.into_result()) {
        Ok(Value::Object(result)) => result,
        // A result is an object.
        _ => JsonObject::default(),
    }
}

/// Decides by what the person behind the client has answered.
pub(crate) async fn update(
    server: &McpServer,
    caller: &Caller,
    task_id: &str,
    responses: InputResponses,
) -> Result<(), ErrorData> {
    let row = execution(server, caller, task_id).await?;
    if !server.approvals || !caller.may(Right::Decide) {
        return Err(refused(
            "questions to people are not answered through this client",
        ));
    }
    let decided = asking::decide(&server.engine, caller, row.id, &responses).await;
    decided
        .map(drop)
        .map_err(|error: ToolError| refused(error.to_string()))
}

/// Ends a task's execution.
pub(crate) async fn cancel(server: &McpServer, caller: &Caller, task_id: &str) -> Result<(), ErrorData> {
    let row = execution(server, caller, task_id).await?;
    if !caller.may(Right::Run) {
        return Err(refused(
            "this key may not cancel executions; ask for one with another role",
        ));
    }
    // One that has ended stays as it is.
    if row.status.is_terminal() {
        return Ok(());
    }
    let cancelled = server.engine.cancel(caller, row.id).await;
    cancelled.map(drop).map_err(|error| refused(error.to_string()))
}

async fn execution(server: &McpServer, caller: &Caller, task_id: &str) -> Result<ExecutionRow, ErrorData> {
    let unknown = || refused(format!("there is no task {task_id:?}"));
    let id: ExecutionId = task_id.parse().map_err(|_| unknown())?;
    match server.engine.execution(caller, id).await {
        Ok(row) => Ok(row),
        Err(EngineError::NotFound { .. }) => Err(unknown()),
        Err(error) => Err(internal(&error)),
    }
}

fn refused(why: impl Into<Cow<'static, str>>) -> ErrorData {
    ErrorData::invalid_params(why, None)
}

fn internal(error: &EngineError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
