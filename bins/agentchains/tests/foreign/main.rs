//! The real binary with agents and clients of others: `cargo xtask test` installs what they need and runs these tests, which are
//! ignored otherwise.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

#[expect(dead_code, reason = "the other tests of the binary need more of it")]
#[path = "../it/client.rs"]
mod client;
mod clients;
mod description;
mod mcp;
#[path = "../../../../crates/agents/tests/foreign/process.rs"]
mod process;
#[expect(dead_code, reason = "the other tests of the binary need more of it")]
#[path = "../it/server.rs"]
mod server;
mod tck;
mod workflows;
