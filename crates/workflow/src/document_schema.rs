//! How a document is written, as types of which its JSON Schema is made (sections 1 and 7).
//!
//! [`check`](crate::check) reads documents by itself, because it tells all that is wrong and where, and knows rules
//! that no schema can tell. Whatever it takes fits the schema, and what has a field too many, one too few or one of
//! another type fits neither.

#![expect(
    dead_code,
    reason = "the fields are there for their names, types and documentation"
)]

mod config;
mod node;
mod scalar;

use std::num::NonZeroU32;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use crate::{
    document::{OnBudget, OnFailure, Scheduling, UnknownCost},
    limits,
};
use node::Node;
use scalar::{Amount, Any, Duration, ValueSchema, never_null};

/// A document of the workflow language.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, transform = never_null)]
pub struct WorkflowDocument {
    /// Shown to people.
    #[schemars(length(min = 1, max = limits::MAX_NAME_CHARS))]
    name: String,
    /// Shown to people.
    #[schemars(length(max = limits::MAX_DESCRIPTION_CHARS))]
    description: Option<String>,
    /// What is done. Their ids differ in the whole document, by more than case.
    #[schemars(length(min = 1))]
    nodes: Vec<Node>,
    /// In which order; `depends_on` of a node says the same.
    edges: Option<Vec<Edge>>,
    /// What the input of an execution must fit.
    input_schema: Option<ValueSchema>,
    /// A template that shapes the execution's output. Without it: the outputs of the sinks that ran, by node id.
    output: Option<Any>,
    /// The budget of an execution; without it there is no limit, and 0 is that nothing may be spent.
    max_budget: Option<Amount>,
    /// What happens when the budget is exhausted; `fail` unless given.
    on_budget: Option<OnBudget>,
    /// What a budget does with calls whose price nobody knows; `allow` unless given.
    unknown_cost: Option<UnknownCost>,
    /// Limit for the whole execution, waiting for people included.
    timeout: Option<Duration>,
    /// When a node whose join is satisfied may start; `eager` unless given.
    scheduling: Option<Scheduling>,
    /// Attempts of one execution that may be in flight at once; 64 unless given.
    #[schemars(range(max = limits::MAX_CONCURRENCY))]
    max_concurrency: Option<NonZeroU32>,
    /// What an unhandled failure of a node does to the rest; `drain` unless given.
    on_failure: Option<OnFailure>,
}

/// The JSON Schema (2020-12) of documents.
///
/// ```
/// use agentchains_workflow::{Schema, document_schema};
/// use serde_json::json;
///
/// let schema = Schema::of(document_schema()).ok_or("that is a schema")?;
/// let mut document = json!({"name": "One", "nodes": [{"id": "ask", "type": "human_approval"}]});
/// assert!(schema.validate(&document).is_ok());
/// document["nodes"][0]["type"] = json!("human");
/// assert!(schema.validate(&document).is_err());
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn document_schema() -> Value {
    let settings = SchemaSettings::draft2020_12();
    settings
        .into_generator()
        .into_root_schema_for::<WorkflowDocument>()
        .to_value()
}

/// Leads from one node to another of the same scope.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowEdge", deny_unknown_fields, transform = never_null)]
struct Edge {
    /// The id of the node before.
    from: String,
    /// The id of the node after.
    to: String,
    /// The outcome of the node before that the edge is for: `true`, `false`, a label, `approved`, `rejected`.
    when: Option<String>,
}
