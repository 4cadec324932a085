//! What an execution has cost.

use agentchains_engine::machine::ExecutionId;
use axum::{
    Json,
    response::{IntoResponse as _, Response},
};

use crate::{
    app::Api,
    extract::{Id, Query},
    problem::Problem,
    wire::cost::Cost,
};

/// `GET /executions/{id}/cost`.
pub(crate) async fn show(api: Api, Id(id): Id<ExecutionId>, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let bill = api.engine.bill(api.caller(), id).await?;
    Ok(Json(Cost::from(&bill)).into_response())
}
