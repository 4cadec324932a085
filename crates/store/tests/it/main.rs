//! The store at its boundary: the conformance suite on every backend, and what only a database on disk can show.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod backends;
mod breakers;
mod conformance;
mod corruption;
mod failure;
mod files;
mod large_values;
mod lifecycle;
mod plans;
#[cfg(unix)]
mod postgres;
mod purses;
mod round_trip;
