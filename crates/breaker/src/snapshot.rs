//! What others may see of a breaker: its state, and how it got there.
//!
//! Owns the names of the HTTP API for these and the bound on what is remembered.

use std::collections::VecDeque;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::Mode;
use crate::window::Counts;

/// How many transitions a breaker remembers: the last 20.
pub const MAX_TRANSITIONS: usize = 20;

/// Whether calls go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CircuitBreakerState")]
pub enum State {
    /// They do, and failures are counted.
    Closed,
    /// They are refused.
    Open,
    /// A few do, to see whether the agent is well again.
    HalfOpen,
}

/// Why a breaker changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CircuitBreakerReason")]
pub enum Reason {
    /// As many calls in a row failed as the settings bear.
    FailureThreshold,
    /// The part of the calls in the window that failed reached the rate of the settings.
    FailureRate,
    /// The part of the calls in the window that were slow reached the rate of the settings.
    SlowCallRate,
    /// The recovery timeout was over and a call asked to go through.
    RecoveryTimeout,
    /// A call that went through half-open succeeded.
    ProbeSucceeded,
    /// A call that went through half-open failed.
    ProbeFailed,
    /// A call that went through half-open succeeded, but was slow where slow calls open the breaker.
    ProbeSlow,
    /// No call that went through half-open ended within the lease.
    ProbeLeaseOver,
    /// Somebody closed it by hand.
    Reset,
    /// Somebody opened it by hand.
    ForcedOpen,
    /// Another replica told of its own breaker, which is open or was reset by hand.
    Hint,
    /// A snapshot was restored, and calls that were in flight in it are lost.
    Restored,
}

/// One change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CircuitBreakerTransition")]
pub struct Transition {
    /// When.
    #[serde(serialize_with = "rfc3339::time")]
    #[schemars(with = "Timestamp")]
    pub at: Timestamp,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub reason: Reason,
    /// Whether the breaker only observed: it would have let calls through or refused them, and did not. In JSON
    /// only where it is true.
    #[serde(default, skip_serializing_if = "is_false")]
    pub observed_only: bool,
}

/// A breaker at one moment.
///
/// It can be stored as JSON, given to [`Breaker::restore`](crate::Breaker::restore) after a restart, and to
/// [`Breaker::adopt`](crate::Breaker::adopt) of another replica's breaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CircuitBreaker")]
pub struct Snapshot {
    /// Its state. An open breaker becomes half-open with the first call after `retry_at`, not before. In a
    /// forced mode the state that is forced, while the breaker observes the one that it would have.
    pub state: State,
    /// Failures in a row up to this moment.
    pub failure_count: u32,
    /// Since when it is open, by its own decision or held open by hand; not in a forced mode.
    #[serde(serialize_with = "rfc3339::optional_time")]
    #[schemars(with = "Option<Timestamp>")]
    pub opened_at: Option<Timestamp>,
    /// From when on a call may try again, while it is open and not held open.
    #[serde(serialize_with = "rfc3339::optional_time")]
    #[schemars(with = "Option<Timestamp>")]
    pub retry_at: Option<Timestamp>,
    /// Calls that went through half-open and have not ended.
    pub half_open_in_flight: u32,
    /// The mode.
    #[serde(default)]
    pub mode: Mode,
    /// Whether somebody opened it by hand, so that no call tries again before a reset.
    #[serde(default)]
    pub held_open: bool,
    /// How many times in a row it has opened without closing in between, those by hand left out.
    #[serde(default)]
    pub openings_in_a_row: u32,
    /// The counts of its window as of the last call, while it has one. They are those that opened the breaker
    /// while it is open, and are not restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Counts>,
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

    /// The last of `transitions`.
    pub(crate) fn from_tail(transitions: &[Transition]) -> Self {
        let first = transitions.len().saturating_sub(MAX_TRANSITIONS);
        Self(transitions.iter().skip(first).copied().collect())
    }

    pub(crate) fn last(&self) -> Option<&Transition> {
        self.0.back()
    }

    pub(crate) fn to_vec(&self) -> Vec<Transition> {
        self.0.iter().copied().collect()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
fn is_false(value: &bool) -> bool {
    !value
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
