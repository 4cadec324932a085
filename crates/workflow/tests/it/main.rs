//! Tests across the boundary of the crate, by topic.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod branches;
mod codes;
mod compliance;
mod conditions;
mod decoding;
mod expression_properties;
mod expressions;
mod graph;
mod import;
mod json;
mod limits;
mod positions;
mod robustness;
mod schemas;
mod support;
mod template_syntax;
mod templates;
