//! Executions: started, steered, read, forgotten.

use std::time::Duration;

use agentchains_engine::{
    machine::{ExecutionId, ExecutionRow, ExecutionStatus, WorkflowId},
    ports::{ExecutionFilter, Page, Right},
};
use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use super::{
    wait::{MAX_SECONDS, rested},
    workflows::located,
};
use crate::{
    BASE_PATH,
    access::demand,
    app::Api,
    extract::{Id, IdempotencyKey, LargeText, Query, SmallText, Text},
    json::read_or_empty,
    live::stream,
    problem::Problem,
    wire::{
        self,
        ahead::Rehearsed,
        event::EventFrame,
        execute::{Execute, Nothing, Resume},
        execution::{Execution, Explained, Started, Summary},
    },
};

/// `POST /workflows/{id}/execute`. A dry run is answered with 200 and starts nothing.
pub(crate) async fn execute(
    api: Api,
    Id(workflow_id): Id<WorkflowId>,
    mut query: Query,
    key: IdempotencyKey,
    Text(text): LargeText,
) -> Result<Response, Problem> {
    let expected = format!("a whole number of seconds from 0 to {MAX_SECONDS}");
    let wait = query.parsed("wait", &expected, |text| {
        text.parse().ok().filter(|seconds| *seconds <= MAX_SECONDS)
    });
    query.finish()?;
    let mut body: Execute = read_or_empty(&text)?;
    let dry_run = body.dry_run.take();
    let request = body.into_request(key.of(&text, api.engine.now()))?;
    if let Some(suppose) = dry_run {
        let report = api
            .engine
            .dry_run(api.caller(), workflow_id, request, suppose)
            .await?;
        return Ok(Json(Rehearsed::from(report)).into_response());
    }
    let Some(seconds) = wait else {
        let started = api.engine.start(api.caller(), workflow_id, request).await?;
        return Ok(accepted(started.id));
    };
    let (id, rest) = api
        .engine
        .start_and_watch(api.caller(), workflow_id, request)
        .await?;
    match rested(&api, rest, Duration::from_secs(seconds)).await? {
        Some(row) => Ok((place_of(id), shown(&api, &row).await?).into_response()),
        None => Ok(accepted(id)),
    }
}

/// 202: the execution was started.
pub(crate) fn accepted(id: ExecutionId) -> Response {
    let answer = Started {
        execution_id: id,
        status: ExecutionStatus::Running,
    };
    (StatusCode::ACCEPTED, place_of(id), Json(answer)).into_response()
}

fn place_of(id: ExecutionId) -> [(HeaderName, HeaderValue); 1] {
    let location = located(format!("{BASE_PATH}/executions/{id}"));
    [(header::LOCATION, location)]
}

/// `GET /executions`.
pub(crate) async fn list(api: Api, mut query: Query) -> Result<Response, Problem> {
    let moment = "an RFC 3339 time, such as 2026-11-22T10:15:00Z";
    let mut filter = ExecutionFilter {
        workflow_id: query.parsed("workflow_id", "the id of a workflow", |text| text.parse().ok()),
        statuses: Vec::new(),
        labels: query.prefixed("label."),
        started_after: query.parsed("started_after", moment, |text| text.parse().ok()),
        started_before: query.parsed("started_before", moment, |text| text.parse().ok()),
    };
    for status in query.texts("status") {
        match status.parse() {
            Ok(status) => filter.statuses.push(status),
            Err(_) => {
                let known: Vec<&str> = ExecutionStatus::ALL
                    .iter()
                    .map(|status| status.as_str())
                    .collect();
                query.refuse("status", &format!("must be one of {}", known.join(", ")));
            }
        }
    }
    let page = query.page();
    query.finish()?;
    let found = api.engine.executions(api.caller(), &filter, &page).await?;
    Ok(wire::list(
        "executions",
        found.map(|row| json!(Summary::of(&row))),
    ))
}

/// `GET /executions/{id}`.
pub(crate) async fn show(api: Api, Id(id): Id<ExecutionId>, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    one(&api, id).await
}

/// An execution as it is.
async fn one(api: &Api, id: ExecutionId) -> Result<Response, Problem> {
    let row = api.engine.execution(api.caller(), id).await?;
    shown(api, &row).await
}

/// An execution as this row, and its nodes for what it waits on.
async fn shown(api: &Api, row: &ExecutionRow) -> Result<Response, Problem> {
    // What has ended waits for nothing, so its nodes need not be read.
    let nodes = if row.status.is_terminal() {
        Vec::new()
    } else {
        api.engine.waiting_nodes(api.caller(), row.id).await?
    };
    let spending = api.engine.spending(api.caller(), row).await?;
    Ok(Json(Execution::of(row, spending, &nodes)).into_response())
}

/// `POST /executions/{id}/pause`.
pub(crate) async fn pause(
    api: Api,
    Id(id): Id<ExecutionId>,
    query: Query,
    Text(text): SmallText,
) -> Result<Response, Problem> {
    query.finish()?;
    let Nothing {} = read_or_empty(&text)?;
    let row = api.engine.pause(api.caller(), id).await?;
    shown(&api, &row).await
}

/// `POST /executions/{id}/cancel`.
pub(crate) async fn cancel(
    api: Api,
    Id(id): Id<ExecutionId>,
    query: Query,
    Text(text): SmallText,
) -> Result<Response, Problem> {
    query.finish()?;
    let Nothing {} = read_or_empty(&text)?;
    let row = api.engine.cancel(api.caller(), id).await?;
    shown(&api, &row).await
}

/// `POST /executions/{id}/resume`: lifts a pause, raises a budget, or decides what is waited for.
pub(crate) async fn resume(
    api: Api,
    Id(id): Id<ExecutionId>,
    query: Query,
    Text(text): SmallText,
) -> Result<Response, Problem> {
    query.finish()?;
    let body: Resume = read_or_empty(&text)?;
    let caller = api.caller().clone();
    let max_budget = body.max_budget;
    let Some((approval_id, decision)) = body.into_decision()? else {
        demand(&caller, Right::Run)?;
        let row = api.engine.resume(&caller, id, max_budget).await?;
        return shown(&api, &row).await;
    };
    demand(&caller, Right::Decide)?;
    let decision = decision.on(approval_id, &api)?;
    let row = api.engine.decide_in(&caller, id, decision).await?;
    shown(&api, &row).await
}

/// `GET /executions/{id}/events`: those that there are, or a stream of them.
pub(crate) async fn events(
    api: Api,
    Id(id): Id<ExecutionId>,
    mut query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let number = "the sequence number of an event, or 0";
    let after = query.parsed("after", number, sequence);
    // A cursor is where the part before ended, so it goes before where the first part began.
    let cursor = query.parsed("cursor", "one that this list gave out", sequence);
    let limit = query.limit();
    query.finish()?;
    let after = cursor.or(after);
    if stream::is_wanted(&headers) {
        return stream::events(api, id, after, &headers).await;
    }
    let after = after.unwrap_or(0);
    // One more than is wanted tells whether there are more.
    let mut events = api.engine.events(api.caller(), id, after, limit + 1).await?;
    let has_more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let next_cursor = events
        .last()
        .filter(|_| has_more)
        .map(|last| last.seq.to_string());
    let page = Page {
        items: events.iter().map(|event| EventFrame::of(id, event)).collect(),
        next_cursor,
    };
    Ok(wire::list("events", page))
}

/// A sequence number that stores can hold.
pub(crate) fn sequence(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| i64::try_from(*number).is_ok())
}

/// `GET /executions/{id}/explain`.
pub(crate) async fn explain(api: Api, Id(id): Id<ExecutionId>, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let (row, nodes) = api.engine.explain(api.caller(), id).await?;
    let answer = Explained {
        status: row.status,
        pause_reason: row.pause_reason,
        nodes,
    };
    Ok(Json(answer).into_response())
}

/// `DELETE /executions/{id}`.
pub(crate) async fn delete(api: Api, Id(id): Id<ExecutionId>, query: Query) -> Result<StatusCode, Problem> {
    query.finish()?;
    api.engine.delete_execution(api.caller(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
