//! HTTP+JSON (section 11 of A2A; section 3.2.3 of version 0.3).

use axum::{
    Extension, Router,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use serde_json::{Map, Value};

use super::{
    call::{A2A_JSON, Call, JSON},
    sse,
};
use crate::{
    door::Door,
    error::{A2aError, Reason},
    operations::Answer,
    request::Operation,
    wire::{Dialect, Version, read},
};

/// When a client may try again, in seconds: about as long as a restart takes.
const RETRY_AFTER_SECONDS: u32 = 2;

/// What a path below a task's may ask for.
const SUBSCRIBE: &str = "subscribe";
const CANCEL: &str = "cancel";

/// The version that the routes below a prefix are of.
#[derive(Clone, Copy)]
struct Served(Version);

/// The routes of a version, below the agent's address.
pub(super) fn routes(version: Version) -> Router<Door> {
    let extended = match version {
        Version::V1_0 => "/extendedAgentCard",
        Version::V0_3 => "/card",
    };
    Router::new()
        .route("/message:send", post(send))
        .route("/message:stream", post(stream))
        .route("/tasks", get(list))
        .route("/tasks/{task}", get(show).post(act))
        .route("/tasks/{task}/pushNotificationConfigs", any(push_notifications))
        .route(
            "/tasks/{task}/pushNotificationConfigs/{config}",
            any(push_notifications),
        )
        .route(extended, get(extended_card))
        .layer(Extension(Served(version)))
}

async fn send(served: Extension<Served>, call: Call) -> Response {
    answer(*served, call, |call, dialect| {
        Ok(Operation::Send(dialect.send(body(call)?)?))
    })
    .await
}

async fn stream(served: Extension<Served>, call: Call) -> Response {
    answer(*served, call, |call, dialect| {
        Ok(Operation::Stream(dialect.send(body(call)?)?))
    })
    .await
}

async fn list(served: Extension<Served>, call: Call) -> Response {
    answer(*served, call, |call, dialect| {
        Ok(Operation::List(dialect.list(call.query.clone())?))
    })
    .await
}

/// `GET /tasks/{id}` and `GET /tasks/{id}:subscribe`.
async fn show(served: Extension<Served>, call: Call) -> Response {
    answer(*served, call, |call, _| match task_and_verb(call) {
        (id, Some(SUBSCRIBE)) => Ok(Operation::Subscribe(id)),
        (id, None) => {
            let mut params = call.query.clone();
            params.insert("id".to_owned(), id.into());
            Ok(Operation::Get(read::get(&params)?))
        }
        _ => Err(no_such_verb()),
    })
    .await
}

/// `POST /tasks/{id}:cancel` and `POST /tasks/{id}:subscribe`.
async fn act(served: Extension<Served>, call: Call) -> Response {
    answer(*served, call, |call, _| match task_and_verb(call) {
        (id, Some(CANCEL)) => Ok(Operation::Cancel(id)),
        (id, Some(SUBSCRIBE)) => Ok(Operation::Subscribe(id)),
        _ => Err(no_such_verb()),
    })
    .await
}

async fn push_notifications(served: Extension<Served>, call: Call) -> Response {
    answer(*served, call, |_, _| Ok(Operation::PushNotifications)).await
}

async fn extended_card(served: Extension<Served>, call: Call) -> Response {
    answer(*served, call, |_, _| Ok(Operation::ExtendedCard)).await
}

fn no_such_verb() -> A2aError {
    A2aError::new(Reason::MethodNotFound, "a task takes :cancel and :subscribe")
}

/// A task's id, and what the path wants with it.
fn task_and_verb(call: &Call) -> (String, Option<&'static str>) {
    let named = call.place.task.as_deref().unwrap_or_default();
    for verb in [SUBSCRIBE, CANCEL] {
        if let Some(id) = named.strip_suffix(verb).and_then(|id| id.strip_suffix(':')) {
            return (id.to_owned(), Some(verb));
        }
    }
    (named.to_owned(), None)
}

fn body(call: &Call) -> Result<Map<String, Value>, A2aError> {
    if !call.is_json() {
        let message = format!("the body must be JSON; send it with Content-Type: {A2A_JSON}");
        return Err(A2aError::new(Reason::MediaTypeNotSupported, message));
    }
    match call.json()? {
        Value::Object(body) => Ok(body),
        _ => Err(A2aError::new(
            Reason::InvalidRequest,
            "the body must be an object",
        )),
    }
}

/// Carries out what `read` finds to be asked for.
async fn answer(
    Served(served): Served,
    call: Call,
    read: impl FnOnce(&Call, Dialect) -> Result<Operation, A2aError>,
) -> Response {
    let dialect = match served {
        Version::V1_0 => Dialect::V1_0,
        Version::V0_3 => Dialect::Rest0_3,
    };
    let performed = async {
        let agent = call.agent().await?;
        check_version(call.version()?, served)?;
        let operation = read(&call, dialect)?;
        call.door.perform(&call.caller, &*agent, operation).await
    };
    match performed.await {
        Ok(answer) => answered(answer, dialect, &call),
        Err(error) => refusal(&error, &call),
    }
}

/// The path has to be one of the version that the request names.
fn check_version(named: Version, served: Version) -> Result<(), A2aError> {
    if named == served {
        return Ok(());
    }
    let message = match served {
        Version::V1_0 => "this path is one of version 1.0, and needs the header A2A-Version: 1.0",
        Version::V0_3 => "this path is one of version 0.3; those of 1.0 have no /v1",
    };
    Err(A2aError::new(Reason::VersionNotSupported, message))
}

fn answered(answer: Answer, dialect: Dialect, call: &Call) -> Response {
    let body = match answer {
        Answer::SentTask(task) => dialect.sent_task(&task),
        Answer::SentMessage(message) => dialect.sent_message(&message),
        Answer::Task(task) => dialect.task(&task),
        Answer::Tasks { page, page_size } => dialect.tasks(&page, page_size),
        Answer::Stream(followed) => {
            return sse::response(followed, dialect, call.door.stop(), |told| {
                told.unwrap_or_else(|error| error.to_rest())
            });
        }
    };
    ([media_type(call)], body.to_string()).into_response()
}

/// How a request is refused that is one of HTTP.
pub(super) fn refusal(error: &A2aError, call: &Call) -> Response {
    let body = error.to_rest().to_string();
    let mut response = (error.http_status(), [media_type(call)], body).into_response();
    if error.reason == Reason::Unavailable {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
    }
    response
}

/// Answers have the media type of A2A where the request has it, or asks for it: clients of 1.0.0 know no other than that of
/// JSON.
fn media_type(call: &Call) -> (header::HeaderName, HeaderValue) {
    let named = [header::CONTENT_TYPE, header::ACCEPT];
    let mut named = named.iter().flat_map(|name| call.headers.get_all(name));
    let is_a2a = named.any(|value| value.to_str().is_ok_and(|value| value.contains(A2A_JSON)));
    let media_type = if is_a2a { A2A_JSON } else { JSON };
    (header::CONTENT_TYPE, HeaderValue::from_static(media_type))
}
