//! Tests across the boundary of the crate, by topic.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod agents;
mod breakers;
mod children;
mod commands;
mod commits;
mod crash_points;
mod dry_run;
mod estimate;
mod estimate_bounds;
mod estimate_remarks;
mod fairness;
mod forks;
mod harness;
mod limits;
mod local;
mod metrics;
mod purses;
mod quarantine;
mod recovery;
mod references;
mod retention;
mod running;
mod shutdown;
mod store_faults;
mod threads;
mod time;
mod trees;
mod watching;
