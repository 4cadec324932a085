//! Published workflows as agents, as clients of both versions speak to them over both bindings.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod access;
mod approvals;
mod cards;
mod client;
mod hostile;
mod refusals;
mod server;
mod tasks;
mod tck;
mod wire;
