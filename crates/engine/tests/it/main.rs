//! Tests across the boundary of the crate, by topic.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod agents;
mod commands;
mod commits;
mod crash_points;
mod harness;
mod recovery;
mod running;
mod shutdown;
mod threads;
mod time;
mod watching;
