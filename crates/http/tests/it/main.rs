//! The HTTP surface over a real engine on a store in memory, with agents in this process.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod access;
mod agent_questions;
mod agents;
mod ahead;
mod approvals;
mod bills;
mod conventions;
mod executions;
mod idempotency;
mod lists;
mod live;
mod openapi;
mod refusals;
mod server;
mod stream;
mod support;
mod templates;
mod trees;
mod workflows;
