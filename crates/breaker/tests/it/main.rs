//! The crate from outside: the breaker's table of transitions, a naive model of it, the registry's guards.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod model;
mod registry;
mod settings;
mod transitions;

use std::num::NonZeroU32;
use std::time::Duration;

use agentchains_breaker::Settings;
use jiff::{SignedDuration, Timestamp};

/// The moment this many milliseconds after noon.
fn at(millis: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
    noon + SignedDuration::from_millis(millis)
}

/// Settings with a recovery timeout in milliseconds.
fn settings(failure_threshold: u32, recovery_timeout: u64, half_open_max_calls: u32) -> Settings {
    Settings {
        failure_threshold: NonZeroU32::new(failure_threshold).expect("a threshold above zero"),
        recovery_timeout: Duration::from_millis(recovery_timeout),
        half_open_max_calls: NonZeroU32::new(half_open_max_calls).expect("at least one call"),
    }
}
