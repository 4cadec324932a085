//! The MCP server over HTTP, as clients of both generations speak to it.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod access;
mod approvals;
mod asking;
mod generations;
mod resources;
mod support;
mod tasks;
mod tools;
