//! JSON-RPC 2.0 (section 9 of A2A, and section 3.2.1 of version 0.3).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use super::{
    call::{Call, JSON},
    rest, sse,
};
use crate::{
    error::{A2aError, Reason},
    operations::Answer,
    request::Operation,
    wire::{Dialect, Version, read},
};

/// A request of JSON-RPC, taken out of its envelope.
struct Request {
    id: Value,
    method: String,
    params: Map<String, Value>,
}

/// `POST /a2a/{agent}`.
pub(super) async fn answer(call: Call) -> Response {
    if !call.is_json() {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let agent = match call.agent().await {
        Ok(agent) => agent,
        Err(error) => return rest::refusal(&error, &call),
    };
    let request = match read_envelope(&call) {
        Ok(request) => request,
        Err((id, error)) => return failed(&id, &error, &call),
    };
    let Request { id, method, params } = request;
    let performed = async {
        let (operation, dialect) = operation(call.version()?, &method, params)?;
        let answer = call.door.perform(&call.caller, &*agent, operation).await?;
        Ok((answer, dialect))
    };
    match performed.await {
        Ok((answer, dialect)) => answered(id, answer, dialect, &call),
        Err(error) => failed(&id, &error, &call),
    }
}

fn answered(id: Value, answer: Answer, dialect: Dialect, call: &Call) -> Response {
    match answer {
        Answer::SentTask(task) => succeeded(&id, dialect.sent_task(&task)),
        Answer::SentMessage(message) => succeeded(&id, dialect.sent_message(&message)),
        Answer::Task(task) => succeeded(&id, dialect.task(&task)),
        Answer::Tasks { page, page_size } => succeeded(&id, dialect.tasks(&page, page_size)),
        Answer::Stream(followed) => {
            sse::response(followed, dialect, call.door.stop(), move |told| match told {
                Ok(result) => success(&id, result),
                Err(error) => failure(&id, &error).unwrap_or_else(|| error.to_rest()),
            })
        }
    }
}

/// The envelope's id, as far as there is one, goes with what is wrong with it.
fn read_envelope(call: &Call) -> Result<Request, (Value, A2aError)> {
    let body = call.json().map_err(|error| (Value::Null, error))?;
    let Value::Object(mut envelope) = body else {
        return Err((Value::Null, invalid("the request must be one object")));
    };
    let id = envelope.remove("id").unwrap_or_default();
    if !matches!(id, Value::Null | Value::String(_) | Value::Number(_)) {
        return Err((Value::Null, invalid("the id must be a text or a number")));
    }
    if envelope.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err((id, invalid("jsonrpc must be \"2.0\"")));
    }
    let Some(Value::String(method)) = envelope.remove("method") else {
        return Err((id, invalid("method must be a text")));
    };
    match envelope.remove("params").unwrap_or_default() {
        Value::Object(params) => Ok(Request { id, method, params }),
        Value::Null => Ok(Request {
            id,
            method,
            params: Map::new(),
        }),
        _ => Err((id, A2aError::field("params", "must be an object"))),
    }
}

fn invalid(message: &str) -> A2aError {
    A2aError::new(Reason::InvalidRequest, message)
}

/// What a method of a version asks for.
fn operation(
    version: Version,
    method: &str,
    params: Map<String, Value>,
) -> Result<(Operation, Dialect), A2aError> {
    let of_1_0 = || operation_of(&METHODS, method);
    let of_0_3 = || operation_of(&OLD_METHODS, method);
    let (kind, dialect) = match version {
        Version::V1_0 => (of_1_0(), Dialect::V1_0),
        Version::V0_3 => (of_0_3(), Dialect::JsonRpc0_3),
    };
    let Some(kind) = kind else {
        if version == Version::V0_3 && of_1_0().is_some() {
            let message = "version 0.3 has no such method; that of 1.0 needs the header A2A-Version: 1.0";
            return Err(A2aError::new(Reason::VersionNotSupported, message));
        }
        return Err(A2aError::new(Reason::MethodNotFound, "there is no such method"));
    };
    let operation = match kind {
        Kind::Send => Operation::Send(dialect.send(params)?),
        Kind::Stream => Operation::Stream(dialect.send(params)?),
        Kind::Get => Operation::Get(read::get(&params)?),
        Kind::List => Operation::List(dialect.list(params)?),
        Kind::Cancel => Operation::Cancel(read::task_id(&params)?),
        Kind::Subscribe => Operation::Subscribe(read::task_id(&params)?),
        Kind::PushNotifications => Operation::PushNotifications,
        Kind::ExtendedCard => Operation::ExtendedCard,
    };
    Ok((operation, dialect))
}

/// An operation, before its parameters are read.
#[derive(Clone, Copy)]
enum Kind {
    Send,
    Stream,
    Get,
    List,
    Cancel,
    Subscribe,
    PushNotifications,
    ExtendedCard,
}

/// The methods of version 1.0 (section 5.3 of A2A).
const METHODS: [(&str, Kind); 11] = [
    ("SendMessage", Kind::Send),
    ("SendStreamingMessage", Kind::Stream),
    ("GetTask", Kind::Get),
    ("ListTasks", Kind::List),
    ("CancelTask", Kind::Cancel),
    ("SubscribeToTask", Kind::Subscribe),
    ("CreateTaskPushNotificationConfig", Kind::PushNotifications),
    ("GetTaskPushNotificationConfig", Kind::PushNotifications),
    ("ListTaskPushNotificationConfigs", Kind::PushNotifications),
    ("DeleteTaskPushNotificationConfig", Kind::PushNotifications),
    ("GetExtendedAgentCard", Kind::ExtendedCard),
];

/// Those of version 0.3 (section 3.5.6 of it), in which lists are not had over JSON-RPC.
const OLD_METHODS: [(&str, Kind); 10] = [
    ("message/send", Kind::Send),
    ("message/stream", Kind::Stream),
    ("tasks/get", Kind::Get),
    ("tasks/cancel", Kind::Cancel),
    ("tasks/resubscribe", Kind::Subscribe),
    ("tasks/pushNotificationConfig/set", Kind::PushNotifications),
    ("tasks/pushNotificationConfig/get", Kind::PushNotifications),
    ("tasks/pushNotificationConfig/list", Kind::PushNotifications),
    ("tasks/pushNotificationConfig/delete", Kind::PushNotifications),
    ("agent/getAuthenticatedExtendedCard", Kind::ExtendedCard),
];

fn operation_of(methods: &[(&str, Kind)], method: &str) -> Option<Kind> {
    let found = methods.iter().find(|(name, _)| *name == method);
    found.map(|(_, kind)| *kind)
}

fn succeeded(id: &Value, result: Value) -> Response {
    json_response(&success(id, result))
}

fn failed(id: &Value, error: &A2aError, call: &Call) -> Response {
    match failure(id, error) {
        Some(body) => json_response(&body),
        None => rest::refusal(error, call),
    }
}

fn json_response(body: &Value) -> Response {
    let media_type = (header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    ([media_type], body.to_string()).into_response()
}

fn success(id: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

/// `None` where the transport tells the error.
fn failure(id: &Value, error: &A2aError) -> Option<Value> {
    Some(json!({"jsonrpc": "2.0", "id": id, "error": error.to_json_rpc()?}))
}
