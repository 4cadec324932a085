//! The agents at their boundary: HTTP as anyone would send it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers outside of test functions may fail the test, too"
)]

mod client;
mod content;
mod protocol;
mod witness;
