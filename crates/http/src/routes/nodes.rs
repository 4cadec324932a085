//! The nodes of an execution.

use agentchains_engine::{machine::ExecutionId, ports::Page};
use axum::response::Response;

use crate::{
    app::Api,
    extract::{Id, Query},
    problem::Problem,
    wire::{
        self,
        node::{Place, nodes},
    },
};

/// `GET /executions/{id}/nodes`: in the order of the document; the cursor is the place of the last node.
pub(crate) async fn list(api: Api, Id(id): Id<ExecutionId>, mut query: Query) -> Result<Response, Problem> {
    let limit = query.limit() as usize;
    let after = query.parsed("cursor", "one that this list gave out", Place::parse);
    query.finish()?;
    let view = api.engine.execution_view(api.caller(), id).await?;
    let (listed, last) = nodes(&view, after.as_ref(), limit);
    let page = Page {
        items: listed,
        next_cursor: last.map(|place| place.to_string()),
    };
    Ok(wire::list("nodes", page))
}
