//! The nodes of an execution.

use agentchains_engine::{machine::ExecutionId, ports::Page};
use axum::{extract::State, response::Response};
use serde_json::json;

use crate::{
    app::Api,
    extract::{Id, Query},
    problem::Problem,
    wire::{self, node::nodes},
};

/// `GET /executions/{id}/nodes`: in the order of the document; the cursor is the position that comes next.
pub(crate) async fn list(
    State(api): State<Api>,
    Id(id): Id<ExecutionId>,
    mut query: Query,
) -> Result<Response, Problem> {
    let limit = query.limit() as usize;
    let from = query.parsed("cursor", "one that this list gave out", |text| {
        text.parse::<usize>().ok()
    });
    query.finish()?;
    let view = api.engine.execution_view(&api.caller(), id).await?;
    let from = from.unwrap_or(0);
    let next = from.saturating_add(limit);
    let page = Page {
        items: nodes(&view, from, limit).iter().map(|node| json!(node)).collect(),
        next_cursor: (next < view.workflow.graph().len()).then(|| next.to_string()),
    };
    Ok(wire::list("nodes", page))
}
