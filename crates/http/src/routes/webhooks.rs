//! Webhooks: addresses that are told of events.

use std::sync::Arc;

use agentchains_engine::ports::{self, Page, WebhookDirectory};
use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::workflows::located;
use crate::{
    BASE_PATH,
    app::Api,
    extract::{IdempotencyKey, Query, SmallText, Text, WebhookId},
    json::read,
    problem::Problem,
    wire::{
        self,
        webhook::{MadeWebhook, Wanted, Webhook, WebhookState},
    },
};

/// The webhooks, where the program has them.
fn directory(api: &Api) -> Result<&Arc<dyn WebhookDirectory>, Problem> {
    api.webhooks.as_ref().ok_or_else(Problem::unknown_route)
}

fn found(api: &Api, id: &str) -> Result<ports::Webhook, Problem> {
    let webhook = directory(api)?.get(api.tenant(), id);
    webhook.ok_or_else(|| Problem::not_found("webhook", id))
}

/// `GET /webhooks`: newest first.
pub(crate) async fn list(api: Api, mut query: Query) -> Result<Response, Problem> {
    let webhooks = directory(&api)?.list(api.tenant());
    let page = query.page();
    let begin = match &page.cursor {
        None => 0,
        Some(cursor) if is_cursor(cursor) => webhooks.partition_point(|webhook| webhook.id >= *cursor),
        Some(_) => {
            query.refuse("cursor", "must be one that this list gave out");
            0
        }
    };
    query.finish()?;
    let rest = &webhooks[begin..];
    let shown = &rest[..rest.len().min(page.limit as usize)];
    let items: Vec<Value> = shown.iter().map(|webhook| json!(Webhook::of(webhook))).collect();
    let last = shown.last().filter(|_| shown.len() < rest.len());
    let next_cursor = last.map(|webhook| webhook.id.clone());
    Ok(wire::list("webhooks", Page { items, next_cursor }))
}

/// Whether a text looks like an id, which cursors are.
fn is_cursor(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// `POST /webhooks`. The secret is in this answer only.
pub(crate) async fn create(
    api: Api,
    query: Query,
    key: IdempotencyKey,
    Text(text): SmallText,
) -> Result<Response, Problem> {
    query.finish()?;
    let webhooks = directory(&api)?;
    let wanted: Wanted = read(&text)?;
    let now = api.engine.now();
    let idempotency = key.of(&text, now);
    let (webhook, secret) = webhooks
        .create(api.tenant(), wanted.into(), idempotency, now)
        .await?;
    let location = located(format!("{BASE_PATH}/webhooks/{}", webhook.id));
    let webhook = Webhook::of(&webhook);
    let made = Json(MadeWebhook { webhook, secret });
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], made).into_response())
}

/// `GET /webhooks/{id}`.
pub(crate) async fn show(api: Api, WebhookId(id): WebhookId, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let webhook = found(&api, &id)?;
    let pending = directory(&api)?.pending(&id).await?;
    let webhook = Webhook::of(&webhook);
    Ok(Json(WebhookState { webhook, pending }).into_response())
}

/// `DELETE /webhooks/{id}`: what it was still to be told is not told any more.
pub(crate) async fn remove(api: Api, WebhookId(id): WebhookId, query: Query) -> Result<StatusCode, Problem> {
    query.finish()?;
    directory(&api)?.remove(api.tenant(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
