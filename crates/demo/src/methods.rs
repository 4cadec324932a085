//! The methods of A2A 1.0 that these agents offer: `SendMessage`, `GetTask` and `CancelTask`.

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    agent::{Agent, Unavailable},
    message::{Message, id},
    rpc::{Fault, Request, RpcError},
};

/// Why a call has no result.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is answered with an error.
    Error(RpcError),
    /// It is answered with HTTP 503.
    Unavailable,
}

impl From<RpcError> for Refusal {
    fn from(error: RpcError) -> Self {
        Self::Error(error)
    }
}

impl From<Unavailable> for Refusal {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// Performs one call, whose body had `size` bytes.
pub(crate) async fn perform(agent: &Agent, request: Request, size: usize) -> Result<Value, Refusal> {
    let mut params = request.params;
    match request.method.as_str() {
        "SendMessage" => send_message(agent, &mut params, size).await,
        "GetTask" => Ok(get_task(agent, &params)?),
        "CancelTask" => Ok(cancel_task(agent, &params)?),
        "SendStreamingMessage" | "SubscribeToTask" | "ListTasks" => Err(Fault::UnsupportedOperation
            .because("this agent neither streams nor lists its tasks")
            .into()),
        "GetExtendedAgentCard" => Err(Fault::NoExtendedCard
            .because("this agent has one card only")
            .into()),
        method if method.contains("TaskPushNotificationConfig") => {
            Err(Fault::PushNotSupported.because("this agent does not push").into())
        }
        _ => Err(Fault::Method.because("there is no such method").into()),
    }
}

async fn send_message(agent: &Agent, params: &mut Map<String, Value>, size: usize) -> Result<Value, Refusal> {
    let message = Message::take(params)?;
    let empty = Map::new();
    let configuration = params
        .get("configuration")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let history_length = history_length(configuration)?;
    if let Some(task_id) = &message.task_id {
        return Err(refuse_to_continue(agent, task_id, message.context_id.as_deref()).into());
    }
    let return_immediately = configuration
        .get("returnImmediately")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let task_id = agent.start(message, size)?;
    if !return_immediately {
        agent.ended(&task_id).await;
    }
    let task = agent
        .task(&task_id, history_length)
        .ok_or_else(|| not_found(&task_id))?;
    Ok(json!({"task": task}))
}

/// Each task takes one message; what is wrong with a further one depends on the task that it names.
fn refuse_to_continue(agent: &Agent, task_id: &str, context_id: Option<&str>) -> RpcError {
    let tasks = agent.tasks();
    match tasks.get(task_id) {
        None => not_found(task_id),
        Some(task) if context_id.is_some_and(|context_id| context_id != task.context_id()) => {
            Fault::Params.because("message.contextId: is not that of the task")
        }
        Some(_) => Fault::UnsupportedOperation.because("a task of this agent takes no further message"),
    }
}

fn get_task(agent: &Agent, params: &Map<String, Value>) -> Result<Value, RpcError> {
    let (task_id, history_length) = (task_id(params)?, history_length(params)?);
    agent
        .task(&task_id, history_length)
        .ok_or_else(|| not_found(&task_id))
}

fn cancel_task(agent: &Agent, params: &Map<String, Value>) -> Result<Value, RpcError> {
    let (task_id, now) = (task_id(params)?, Instant::now());
    let mut tasks = agent.tasks();
    let task = tasks.get_mut(&task_id).ok_or_else(|| not_found(&task_id))?;
    if !task.cancel(now) {
        return Err(Fault::TaskNotCancelable.because(format!("task {task_id} has ended")));
    }
    Ok(task.to_json(now, Some(0)))
}

fn task_id(params: &Map<String, Value>) -> Result<String, RpcError> {
    id(params, "id")?.ok_or_else(|| Fault::Params.because("id: a text that is not empty is required"))
}

fn history_length(object: &Map<String, Value>) -> Result<Option<u64>, RpcError> {
    match object.get("historyLength") {
        None | Some(Value::Null) => Ok(None),
        Some(length) => match length.as_u64() {
            Some(length) => Ok(Some(length)),
            None => Err(Fault::Params.because("historyLength: must be a whole number, not negative")),
        },
    }
}

fn not_found(task_id: &str) -> RpcError {
    Fault::TaskNotFound.because(format!("there is no task {task_id}"))
}
