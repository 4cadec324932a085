//! What cases are played against.

use std::sync::Arc;

use serde_json::Value;

use crate::desk::Desk;

/// A request to the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its method.
    pub method: &'static str,
    /// Its path with its query, below the API's base path.
    pub path: String,
    /// Its body, as JSON text.
    pub body: Option<String>,
    /// Its `Idempotency-Key`.
    pub key: Option<String>,
}

/// An answer of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null when there is none.
    pub body: Value,
}

/// An engine behind its API, with a world around it that a case commands.
pub trait Subject {
    /// Sends a request and waits for the answer.
    fn send(&mut self, request: Request) -> Answer;

    /// The address of an agent of the case.
    fn agent_url(&self, agent_id: &str) -> String;

    /// Lets everything go on that can without time passing. Where that cannot be known, as over a network, it waits
    /// a moment; `round` counts these from 0. False when waiting once more is of no use.
    fn settle(&mut self, round: usize) -> bool;

    /// Lets time pass until something is due; `round` counts from 0. False when nothing will come of it.
    fn pass_time(&mut self, round: usize) -> bool;

    /// Moves simulated time on by a duration such as `"2h"`.
    fn advance(&mut self, by: &str);

    /// Kills the engine as a crash does, and starts it again on the same store. `meanwhile` happens in between.
    fn restart(&mut self, meanwhile: &dyn Fn());
}

/// Makes a subject for one case.
pub trait Stage: Sync {
    /// What the case is played against.
    type Subject<'a>: Subject
    where
        Self: 'a;

    /// A subject whose agents are spoken for by the desk. `number` is of this case alone; with `restarts` the
    /// subject is killed, so that no other case may depend on it.
    fn subject(&self, number: usize, desk: Arc<Desk>, restarts: bool) -> Self::Subject<'_>;
}
