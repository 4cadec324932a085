//! Questions to people, and their answers.

use agentchains_engine::{
    machine::{ApprovalId, ApprovalStatus},
    ports::ApprovalFilter,
};
use axum::{
    Json,
    response::{IntoResponse as _, Response},
};

use crate::{
    app::Api,
    extract::{Id, IdempotencyKey, Query, SmallText, Text},
    json::read,
    problem::Problem,
    wire::{self, decision::Decision},
};

/// `GET /approvals`.
pub(crate) async fn list(api: Api, mut query: Query) -> Result<Response, Problem> {
    let known: Vec<&str> = ApprovalStatus::ALL.iter().map(|status| status.as_str()).collect();
    let filter = ApprovalFilter {
        status: query.parsed("status", &format!("one of {}", known.join(", ")), |text| {
            text.parse().ok()
        }),
        execution_id: query.parsed("execution_id", "the id of an execution", |text| text.parse().ok()),
        root_execution_id: None,
    };
    // Without authentication everybody is the same person, and every question is theirs.
    query.parsed("mine", "true or false", |text| text.parse::<bool>().ok());
    let page = query.page();
    query.finish()?;
    let found = api.engine.approvals(api.caller(), &filter, &page).await?;
    Ok(wire::list("approvals", found))
}

/// `GET /approvals/{id}`.
pub(crate) async fn show(api: Api, Id(id): Id<ApprovalId>, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let row = api.engine.approval(api.caller(), id).await?;
    Ok(Json(row).into_response())
}

/// `POST /approvals/{id}/decision`.
pub(crate) async fn decide(
    api: Api,
    Id(id): Id<ApprovalId>,
    query: Query,
    key: IdempotencyKey,
    Text(text): SmallText,
) -> Result<Response, Problem> {
    query.finish()?;
    let body: Decision = read(&text)?;
    let caller = api.caller().clone();
    let mut decision = body.on(id, &api)?;
    decision.request_key = key.digest();
    let row = api.engine.decide(&caller, decision).await?;
    Ok(Json(row).into_response())
}
