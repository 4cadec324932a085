//! The JSON of requests and answers, apart from what other crates already define with their types: approvals,
//! failures, agents' definitions, breakers.

pub(crate) mod agent;
pub(crate) mod ahead;
mod asked;
pub(crate) mod cost;
pub(crate) mod decision;
pub(crate) mod event;
pub(crate) mod execute;
pub(crate) mod execution;
pub(crate) mod node;
pub(crate) mod waiting;
pub(crate) mod webhook;
pub(crate) mod workflow;

use agentchains_engine::ports::Page;
use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

/// A part of a list under its plural name.
pub(crate) fn list<T: Serialize>(plural: &'static str, page: Page<T>) -> Response {
    Json(List { plural, page }).into_response()
}

struct List<T> {
    plural: &'static str,
    page: Page<T>,
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(2))?;
        object.serialize_entry(self.plural, &self.page.items)?;
        object.serialize_entry("next_cursor", &self.page.next_cursor)?;
        object.end()
    }
}
