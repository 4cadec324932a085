//! The runner and the registry at their boundary: real sockets, honest agents and scripted ones.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside of test functions may fail the test, too"
)]

mod cards;
mod demo_agents;
mod following;
mod hostile;
mod inline;
mod questions;
mod registry;
mod requests;
mod scripted;
mod support;
