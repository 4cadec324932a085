//! Questions to people, and their answers.

use agentchains_engine::{
    machine::{ApprovalId, ApprovalRow, ApprovalStatus},
    ports::{ApprovalFilter, Page, PageRequest, Right},
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
    let mine = query.parsed("mine", "true or false", |text| text.parse().ok());
    let page = query.page();
    query.finish()?;
    // Without authentication everybody is the same person, and every question is theirs.
    let found = if mine == Some(true) && !api.doorkeeper.is_open() {
        addressed_to_caller(&api, &filter, page).await?
    } else {
        api.engine.approvals(api.caller(), &filter, &page).await?
    };
    Ok(wire::list("approvals", found))
}

/// Parts of the list that are looked through for one answer.
const MAX_PARTS: usize = 20;

/// The questions of a part that the caller may decide. It may have fewer than were asked for, though more follow.
async fn addressed_to_caller(
    api: &Api,
    filter: &ApprovalFilter,
    mut page: PageRequest,
) -> Result<Page<ApprovalRow>, Problem> {
    let caller = api.caller();
    let mut found = Page {
        items: Vec::new(),
        next_cursor: None,
    };
    if !caller.may(Right::Decide) {
        return Ok(found);
    }
    for _ in 0..MAX_PARTS {
        found = api.engine.approvals(caller, filter, &page).await?;
        found
            .items
            .retain(|row| row.is_addressed_to(&caller.name, &caller.roles));
        if !found.items.is_empty() || found.next_cursor.is_none() {
            break;
        }
        page.cursor.clone_from(&found.next_cursor);
    }
    Ok(found)
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
