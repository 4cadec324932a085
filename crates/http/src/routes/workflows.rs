//! Workflows: created, changed, archived, read, judged.

use agentchains_engine::{
    machine::WorkflowId,
    ports::{Creation, WorkflowFilter},
    workflow::PictureFormat,
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use crate::{
    BASE_PATH,
    app::Api,
    errors::not_json,
    extract::{Id, IdempotencyKey, IfMatch, LargeText, Query, Text, etag},
    json::read_or_empty,
    problem::{Finding, Problem},
    wire::{
        self,
        ahead::Estimate,
        workflow::{Summary, Verdict, Version, Workflow},
    },
};

/// `POST /workflows`.
pub(crate) async fn create(
    api: Api,
    query: Query,
    key: IdempotencyKey,
    Text(text): LargeText,
) -> Result<Response, Problem> {
    query.finish()?;
    let idempotency = key.of(&text, api.engine.now());
    let created = api
        .engine
        .create_workflow(api.caller(), &text, idempotency)
        .await?;
    let view = match created {
        Creation::Created(view) | Creation::Replayed(view) => view,
        Creation::KeyReused => return Err(agentchains_engine::EngineError::IdempotencyKeyReused.into()),
    };
    let location = format!("{BASE_PATH}/workflows/{}", view.record.id);
    let headers = [
        (header::LOCATION, located(location)),
        (header::ETAG, etag(view.version)),
    ];
    Ok((StatusCode::CREATED, headers, Json(Workflow::at_creation(&view))).into_response())
}

/// A path as a header's value.
pub(crate) fn located(path: String) -> HeaderValue {
    HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static(BASE_PATH))
}

/// `GET /workflows`.
pub(crate) async fn list(api: Api, mut query: Query) -> Result<Response, Problem> {
    let filter = WorkflowFilter {
        name_contains: query.text("q"),
        archived: query.parsed("status", "active or archived", |status| match status {
            "active" => Some(false),
            "archived" => Some(true),
            _ => None,
        }),
        ..WorkflowFilter::default()
    };
    let page = query.page();
    query.finish()?;
    let found = api.engine.workflows(api.caller(), &filter, &page).await?;
    Ok(wire::list(
        "workflows",
        found.map(|record| json!(Summary::of(&record))),
    ))
}

/// `GET /workflows/{id}`.
pub(crate) async fn show(api: Api, Id(id): Id<WorkflowId>, mut query: Query) -> Result<Response, Problem> {
    let version = query.parsed("version", "the number of a version", |text| text.parse().ok());
    query.finish()?;
    let view = api.engine.workflow(api.caller(), id, version).await?;
    Ok(([(header::ETAG, etag(view.version))], Json(Workflow::of(&view))).into_response())
}

/// `GET /workflows/{id}/graph`: the picture of a version.
pub(crate) async fn graph(api: Api, Id(id): Id<WorkflowId>, mut query: Query) -> Result<Response, Problem> {
    let formats: Vec<&str> = PictureFormat::ALL.iter().map(|format| format.as_str()).collect();
    let expected = format!("one of {}", formats.join(", "));
    let format = query.parsed("format", &expected, |text| text.parse().ok());
    let version = query.parsed("version", "the number of a version", |text| text.parse().ok());
    query.finish()?;
    let format = format.unwrap_or_default();
    let view = api.engine.workflow(api.caller(), id, version).await?;
    let tag = etag(view.version);
    // A large workflow takes a while to be drawn.
    let drawn = tokio::task::spawn_blocking(move || view.workflow.picture(format)).await;
    let picture = drawn.map_err(|_| Problem::internal())?;
    let media_type = match format {
        PictureFormat::Mermaid => "text/plain; charset=utf-8",
        PictureFormat::Dot => "text/vnd.graphviz; charset=utf-8",
        PictureFormat::Svg => "image/svg+xml",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_SECURITY_POLICY, PICTURE_POLICY),
        (header::ETAG, tag),
    ];
    Ok((headers, picture).into_response())
}

/// A picture brings its own style, and nothing else.
const PICTURE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");

/// `PUT /workflows/{id}`.
pub(crate) async fn update(
    api: Api,
    Id(id): Id<WorkflowId>,
    query: Query,
    if_match: IfMatch,
    Text(text): LargeText,
) -> Result<Response, Problem> {
    query.finish()?;
    let seen = seen(&api, id, &if_match).await?;
    let view = api.engine.update_workflow(api.caller(), id, seen, &text).await?;
    Ok(([(header::ETAG, etag(view.version))], Json(Workflow::of(&view))).into_response())
}

/// `DELETE /workflows/{id}`.
pub(crate) async fn archive(
    api: Api,
    Id(id): Id<WorkflowId>,
    query: Query,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    let seen = seen(&api, id, &if_match).await?;
    api.engine.archive_workflow(api.caller(), id, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /workflows/{id}/publish`.
pub(crate) async fn publish(api: Api, Id(id): Id<WorkflowId>, query: Query) -> Result<Response, Problem> {
    set_published(&api, id, query, true).await
}

/// `POST /workflows/{id}/unpublish`.
pub(crate) async fn unpublish(api: Api, Id(id): Id<WorkflowId>, query: Query) -> Result<Response, Problem> {
    set_published(&api, id, query, false).await
}

async fn set_published(
    api: &Api,
    id: WorkflowId,
    query: Query,
    published: bool,
) -> Result<Response, Problem> {
    query.finish()?;
    let view = api.engine.publish_workflow(api.caller(), id, published).await?;
    Ok(([(header::ETAG, etag(view.version))], Json(Workflow::of(&view))).into_response())
}

/// The version that the change must find.
async fn seen(api: &Api, id: WorkflowId, if_match: &IfMatch) -> Result<Option<u32>, Problem> {
    if *if_match == IfMatch::Any {
        return Ok(None);
    }
    let present = api.engine.workflow(api.caller(), id, None).await?;
    if_match.seen(present.record.version)
}

/// `GET /workflows/{id}/versions`.
pub(crate) async fn versions(
    api: Api,
    Id(id): Id<WorkflowId>,
    mut query: Query,
) -> Result<Response, Problem> {
    let page = query.page();
    query.finish()?;
    let found = api.engine.versions(api.caller(), id, &page).await?;
    Ok(wire::list(
        "versions",
        found.map(|record| json!(Version::of(&record))),
    ))
}

/// `POST /workflows/validate`: 200 whatever is wrong with the document, as long as it is JSON.
pub(crate) async fn validate(api: Api, query: Query, Text(text): LargeText) -> Result<Response, Problem> {
    query.finish()?;
    let validation = api.engine.validate(api.caller(), &text).await?;
    if !validation.is_json {
        return Err(not_json(validation.errors.iter().map(Finding::from).collect()));
    }
    Ok(Json(Verdict::of(&validation)).into_response())
}

/// `POST /workflows/{id}/estimate`: what an execution may cost and take.
pub(crate) async fn estimate(
    api: Api,
    Id(id): Id<WorkflowId>,
    query: Query,
    Text(text): LargeText,
) -> Result<Response, Problem> {
    query.finish()?;
    let body: Estimate = read_or_empty(&text)?;
    let estimate = api.engine.estimate(api.caller(), id, body.into()).await?;
    Ok(Json(estimate).into_response())
}
