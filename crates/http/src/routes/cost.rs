//! What an execution has cost.

use agentchains_engine::machine::ExecutionId;
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};

use crate::{
    app::Api,
    extract::{Id, Query},
    problem::Problem,
    wire::cost::Cost,
};

/// `GET /executions/{id}/cost`.
pub(crate) async fn show(
    State(api): State<Api>,
    Id(id): Id<ExecutionId>,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let caller = api.caller();
    // In this order, so that every attempt's node, and every child that a node has heard of, is there.
    let attempts = api.engine.attempts(&caller, id).await?;
    let view = api.engine.execution_view(&caller, id).await?;
    let children = api.engine.children(&caller, id).await?;
    let purse = api.engine.purse(&caller, id).await?;
    Ok(Json(Cost::of(&view, &attempts, &children, purse.as_ref())).into_response())
}
