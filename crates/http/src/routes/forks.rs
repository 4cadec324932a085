//! Executions that are made from terminal ones.

use agentchains_engine::machine::ExecutionId;
use axum::response::Response;

use super::executions::accepted;
use crate::{
    app::Api,
    extract::{Id, IdempotencyKey, LargeText, Query, SmallText, Text},
    json::read_or_empty,
    problem::Problem,
    wire::execute::{Fork, Nothing},
};

/// `POST /executions/{id}/fork`.
pub(crate) async fn fork(
    api: Api,
    Id(id): Id<ExecutionId>,
    query: Query,
    key: IdempotencyKey,
    Text(text): LargeText,
) -> Result<Response, Problem> {
    query.finish()?;
    let body: Fork = read_or_empty(&text)?;
    let request = body.into_request(key.of(&text, api.engine.now()));
    let started = api.engine.fork(api.caller(), id, request).await?;
    Ok(accepted(started.id))
}

/// `POST /executions/{id}/retry`.
pub(crate) async fn retry(
    api: Api,
    Id(id): Id<ExecutionId>,
    query: Query,
    key: IdempotencyKey,
    Text(text): SmallText,
) -> Result<Response, Problem> {
    query.finish()?;
    let Nothing {} = read_or_empty(&text)?;
    let idempotency = key.of(&text, api.engine.now());
    let started = api.engine.retry(api.caller(), id, idempotency).await?;
    Ok(accepted(started.id))
}
