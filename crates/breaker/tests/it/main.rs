//! The crate from outside: the breaker's table of transitions, a naive model of it, the guards, the `tower` layer.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod classify;
mod modes;
mod property;
mod recovery;
mod registry;
mod restore;
mod settings;
mod tower;
mod transitions;
mod windows;

use std::num::NonZeroU32;
use std::time::Duration;

use agentchains_breaker::{Breaker, Settings, State, Transition, Verdict};
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
        ..Settings::default()
    }
}

/// One call that ends at once.
fn call(breaker: &mut Breaker, verdict: Verdict, now: Timestamp) -> Option<Transition> {
    slow_call(breaker, verdict, now, 0)
}

/// One call that takes `millis`.
fn slow_call(breaker: &mut Breaker, verdict: Verdict, start: Timestamp, millis: i64) -> Option<Transition> {
    let ticket = breaker
        .acquire(start)
        .unwrap_or_else(|refused| panic!("{refused}"));
    breaker.record(ticket, verdict, start + SignedDuration::from_millis(millis))
}

/// Failures until it opens.
fn trip(breaker: &mut Breaker, now: Timestamp) {
    for _ in 0..breaker.settings().failure_threshold.get() {
        call(breaker, Verdict::Failure, now);
    }
    assert_eq!(breaker.state(), State::Open);
}
