//! The JSON of requests and answers, apart from what other crates already define with their types: approvals,
//! events, failures, agents' definitions, breakers.

pub(crate) mod agent;
mod asked;
pub(crate) mod cost;
pub(crate) mod decision;
pub(crate) mod execute;
pub(crate) mod execution;
pub(crate) mod node;
pub(crate) mod waiting;
pub(crate) mod workflow;

use agentchains_engine::ports::Page;
use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value};

/// A part of a list under its plural name.
pub(crate) fn list(plural: &'static str, page: Page<Value>) -> Response {
    let mut object = Map::new();
    object.insert(plural.into(), page.items.into());
    object.insert("next_cursor".into(), page.next_cursor.into());
    Json(object).into_response()
}
