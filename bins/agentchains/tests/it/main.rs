//! The real binary, driven from outside: over HTTP, over WebSocket, by signals and by its command line.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

mod a2a;
mod agent_secrets;
mod agents;
mod bad_input;
mod bill_race;
mod budget_race;
mod canaries;
mod client;
mod command_line;
mod config;
mod conformance;
mod crash;
mod guide;
mod hostile_agents;
mod idempotency;
mod keys;
mod mcp;
mod metrics;
#[cfg(unix)]
mod oidc;
mod postgres;
mod remote;
mod resume;
mod secrets;
mod server;
mod ssrf;
#[cfg(unix)]
mod store_trouble;
mod tenants;
mod tls;
mod torture;
mod webhooks;
