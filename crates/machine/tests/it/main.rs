//! Tests across the boundary of the crate, by topic.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod agent_questions;
mod approvals;
mod breaker;
mod children;
mod conditions;
mod control;
mod endings;
mod expiry;
mod explain;
mod forks;
mod groups;
mod harness;
mod interplay;
mod joins;
mod loops;
mod money;
mod property;
mod recovery;
mod requests;
mod retries;
mod scheduling;
mod time;
