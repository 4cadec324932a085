//! Tests across the boundary of the crate, by topic.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod advice;
mod bodies;
mod branches;
mod codes;
mod compliance;
mod composites;
mod conditions;
mod decoding;
mod document_schema;
mod expression_properties;
mod expressions;
mod graph;
mod import;
mod json;
mod limits;
mod nesting;
mod nesting_properties;
mod pictures;
mod positions;
mod reachability;
mod robustness;
mod schemas;
mod support;
mod template_syntax;
mod templates;
