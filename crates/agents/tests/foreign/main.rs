//! Agents of others, built on the public SDKs, as processes of their own. `cargo xtask test` installs what they need
//! and runs these tests, which are ignored otherwise.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside of test functions may fail the test, too"
)]

mod adk;
mod behaviours;
mod process;
mod sdks;
#[expect(dead_code, reason = "the other tests of the runner need more of it")]
#[path = "../it/support.rs"]
mod support;
mod usage;
mod way;
