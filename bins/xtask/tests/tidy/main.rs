//! What the workspace holds itself to and no other tool checks: the direction of its dependencies, the sizes
//! of its files and functions, headers, and nothing left lying about.
//!
//! A failing check lists each place as `file:line` with what to do there.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod arrows;
mod functions;
mod sizes;
mod tables;
mod text;
mod tree;
