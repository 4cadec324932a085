//! Where a socket's events come from.

use agentchains_engine::{EventStream, Live, Missed, Notices, machine::ExecutionId, ports::StoreError};
use axum::extract::ws::Utf8Bytes;

use super::frame;

/// A stream of events.
pub(super) enum Source {
    /// All executions and the circuit breakers.
    Everything(Notices),
    /// One execution.
    Execution(ExecutionId, Box<EventStream>),
}

/// What comes next.
pub(super) enum Next {
    /// A frame to send.
    Frame(Utf8Bytes),
    /// Nothing: the terminal event has been sent, or the engine has stopped.
    End,
    /// The client was too slow to be told everything.
    Missed(Missed),
    /// The events cannot be read.
    Failed(StoreError),
}

impl Source {
    /// Waits for what comes next. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Next {
        match self {
            Self::Everything(notices) => match notices.next().await {
                Ok(Some(notice)) => Next::Frame(frame::notice(&notice)),
                Ok(None) => Next::End,
                Err(missed) => Next::Missed(missed),
            },
            Self::Execution(id, events) => match events.next_live().await {
                Ok(Some(Live::Event(event))) => Next::Frame(frame::published(*id, &event)),
                Ok(Some(Live::Said(said))) => Next::Frame(frame::progress(&said).into()),
                Ok(None) => Next::End,
                Err(error) => Next::Failed(error),
            },
        }
    }
}
