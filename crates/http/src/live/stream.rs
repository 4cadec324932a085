//! One execution's events as a stream (Server-Sent Events, WHATWG HTML section 9.2), for who cannot or need not open a
//! socket.
//!
//! Each event has its number as its id, so that a client that lost its connection goes on where it was; browsers do so by
//! themselves. All have the type `message`: what they are stands in their data, as in a socket's frames.

use std::{convert::Infallible, time::Duration};

use agentchains_engine::{EventStream, Live, machine::ExecutionId};
use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use tokio::time::{Instant, Interval, interval_at};

use super::{ADMITTED_EVERY, frame};
use crate::{
    app::Api,
    problem::{Finding, Problem},
    routes::executions::sequence,
};

/// The number of the last event that a client has.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How often something is sent, so that nobody on the way takes the connection for dead.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

/// Whether a client wants events as they happen.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter();
    let mut ranges = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    ranges.any(|range| {
        let media_type = range.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("text/event-stream")
    })
}

/// The events after the last one that the client has, or after `after`, up to the terminal one. Who has that one already
/// is told that there will be nothing more (204), since browsers would ask for ever.
pub(crate) async fn events(
    api: Api,
    id: ExecutionId,
    after: Option<u64>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let after = match headers.get(LAST_EVENT_ID) {
        Some(last) => {
            let number = last.to_str().ok().and_then(sequence);
            number.ok_or_else(|| refused("/Last-Event-ID", "must be the number of an event"))?
        }
        None => after.unwrap_or(0),
    };
    let execution = api.engine.execution(api.caller(), id).await?;
    if after > execution.last_seq {
        let message = format!("the execution's last event is number {}", execution.last_seq);
        return Err(refused("/after", &message));
    }
    if after == execution.last_seq && execution.status.is_terminal() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = api.engine.follow(api.caller(), id, after).await?;
    let watching = Watching {
        id,
        events,
        admitted: interval_at(Instant::now() + ADMITTED_EVERY, ADMITTED_EVERY),
        api,
    };
    let happening = stream::unfold(watching, |mut watching| async {
        let next = watching.next().await?;
        Some((Ok::<_, Infallible>(next), watching))
    });
    let signs_of_life = KeepAlive::new().interval(SIGN_OF_LIFE_EVERY);
    Ok(Sse::new(happening).keep_alive(signs_of_life).into_response())
}

fn refused(pointer: &str, message: &str) -> Problem {
    Problem::invalid(vec![Finding::new("invalid_value", pointer, message)])
}

/// A client that listens.
struct Watching {
    id: ExecutionId,
    events: EventStream,
    admitted: Interval,
    api: Api,
}

impl Watching {
    /// `None` after the terminal event, and where the client is to come back with the number of the last one: when the
    /// server stops, the events cannot be read, or the client's key was revoked.
    async fn next(&mut self) -> Option<Event> {
        let stop = self.api.stop.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return None,
                _ = self.admitted.tick() => {
                    if !self.api.still_admits_caller().await {
                        return None;
                    }
                }
                happened = self.events.next_live() => {
                    return match happened {
                        Ok(Some(Live::Event(event))) => {
                            let data = frame::published(self.id, &event);
                            Some(Event::default().id(event.seq.to_string()).data(data.as_str()))
                        }
                        Ok(Some(Live::Said(said))) => Some(Event::default().data(frame::progress(&said))),
                        Ok(None) => None,
                        Err(error) => {
                            tracing::warn!(%error, "a stream of events ends early");
                            None
                        }
                    };
                }
            }
        }
    }
}
