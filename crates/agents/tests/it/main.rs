//! The runner and the registry at their boundary: real sockets, honest agents and scripted ones.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside of test functions may fail the test, too"
)]

mod availability;
mod cards;
mod credentials;
mod demo_agents;
mod dialects;
mod following;
mod hostile;
mod inline;
mod kinds;
mod limits;
mod lookups;
mod questions;
mod registry;
mod requests;
mod resolving;
mod scripted;
mod streams;
mod support;
mod tls;
mod tls_agent;
mod webhooks;
