//! What others may see of a breaker: its state, and how it got there.
//!
//! Owns the names of the HTTP API for these and the bound on what is remembered.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;

/// How many transitions a breaker remembers: the last 20.
pub const MAX_TRANSITIONS: usize = 20;

/// Whether calls go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// They do, and failures are counted.
    Closed,
    /// They are refused.
    Open,
    /// A few do, to see whether the agent is well again.
    HalfOpen,
}

/// Why a breaker changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// As many calls in a row failed as the settings bear.
    FailureThreshold,
    /// The recovery timeout was over and a call asked to go through.
    RecoveryTimeout,
    /// A call that went through half-open succeeded.
    ProbeSucceeded,
    /// A call that went through half-open failed.
    ProbeFailed,
    /// Somebody closed it by hand.
    Reset,
    /// Somebody opened it by hand.
    ForcedOpen,
}

/// One change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// When.
    #[serde(serialize_with = "rfc3339::time")]
    pub at: Timestamp,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub reason: Reason,
}

/// A breaker at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its state. An open breaker becomes half-open with the first call after `retry_at`, not before.
    pub state: State,
    /// Failures in a row up to this moment.
    pub failure_count: u32,
    /// Since when it is open.
    #[serde(serialize_with = "rfc3339::optional_time")]
    pub opened_at: Option<Timestamp>,
    /// From when on a call may try again, while it is open.
    #[serde(serialize_with = "rfc3339::optional_time")]
    pub retry_at: Option<Timestamp>,
    /// Calls that went through half-open and have not ended.
    pub half_open_in_flight: u32,
    /// The last transitions, the oldest first.
    pub transitions: Vec<Transition>,
}

/// The last [`MAX_TRANSITIONS`] transitions.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(VecDeque<Transition>);

impl History {
    pub(crate) fn push(&mut self, transition: Transition) {
        if self.0.len() >= MAX_TRANSITIONS {
            self.0.pop_front();
        }
        self.0.push_back(transition);
    }

    pub(crate) fn to_vec(&self) -> Vec<Transition> {
        self.0.iter().copied().collect()
    }
}

/// Times as the HTTP API writes them: RFC 3339 in UTC with milliseconds.
mod rfc3339 {
    use jiff::Timestamp;
    use serde::Serializer;

    pub(super) fn time<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{at:.3}"))
    }

    pub(super) fn optional_time<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => time(at, to),
            None => to.serialize_none(),
        }
    }
}
