//! Streams of updates as Server-Sent Events (WHATWG HTML, section 9.2).

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse as _, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::{StreamExt as _, future, stream};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{agent::Followed, error::A2aError, wire::Dialect};

/// How often something is sent, so that nobody on the way takes the connection for dead.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

/// The type of the event that tells why a stream breaks off.
const ERROR: &str = "error";

/// A task, then what becomes of it. Ends early when the server is to stop; the task goes on.
pub(super) fn response(
    followed: Followed,
    dialect: Dialect,
    stop: &CancellationToken,
    envelope: impl Fn(Result<Value, A2aError>) -> Value + Send + 'static,
) -> Response {
    let first = Ok(dialect.sent_task(&followed.task));
    let updates = followed.updates.map(move |update| Ok(dialect.update(&update?)));
    let told = stream::once(future::ready(first))
        .chain(updates)
        .map(move |told: Result<Value, A2aError>| {
            let is_error = told.is_err();
            let event = Event::default().data(envelope(told).to_string());
            Ok::<_, Infallible>(if is_error { event.event(ERROR) } else { event })
        })
        .take_until(stop.clone().cancelled_owned());
    let signs_of_life = KeepAlive::new().interval(SIGN_OF_LIFE_EVERY);
    Sse::new(told).keep_alive(signs_of_life).into_response()
}
