//! Webhooks.

use axum::http::Method;

use super::{described::Described, schemas::Schemas};
use crate::wire::webhook::{MadeWebhook, Wanted, Webhook, WebhookState};

fn of(method: Method, path: &'static str, id: &'static str, summary: &'static str) -> Described {
    Described::guarded("webhooks", method, path, id, summary)
}

pub(super) fn all(schemas: &mut Schemas) -> Vec<Described> {
    vec![
        of(
            Method::GET,
            "/webhooks",
            "listWebhooks",
            "The webhooks, the newest first",
        )
        .paged()
        .lists("webhooks", schemas.written::<Webhook<'_>>()),
        of(
            Method::POST,
            "/webhooks",
            "createWebhook",
            "Tells an address of events from now on",
        )
        .idempotent()
        .body(schemas.read::<Wanted>())
        .answers(
            201,
            "The webhook, with its secret.",
            schemas.written::<MadeWebhook<'_>>(),
        )
        .with_header(201, "Location", "Where it is.")
        .leads_to(201, "id", &["showWebhook", "removeWebhook"])
        .refuses(409, &["too_many_webhooks"])
        .refuses(422, &["agent_address_refused"]),
        of(
            Method::GET,
            "/webhooks/{id}",
            "showWebhook",
            "A webhook; never its secret",
        )
        .answers(200, "The webhook.", schemas.written::<WebhookState<'_>>()),
        of(
            Method::DELETE,
            "/webhooks/{id}",
            "removeWebhook",
            "Tells an address of nothing more",
        )
        .answers_nothing(204, "It is gone, and with it what it was still to be told.")
        .refuses(409, &["webhook_read_only"]),
    ]
}
