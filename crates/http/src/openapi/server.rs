//! The server itself: its health, its figures, its description.

use axum::http::Method;
use serde_json::json;

use super::described::Described;

pub(super) fn all() -> Vec<Described> {
    let of = |path, id, summary| Described::new("server", Method::GET, path, id, summary);
    let status = json!({
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"type": "string"}},
    });
    vec![
        of("/healthz", "isAlive", "Whether the process answers").answers(200, "It does.", status.clone()),
        of("/readyz", "isReady", "Whether it is any use to send requests")
            .answers(200, "It is.", status)
            .refuses(503, &["store_unavailable", "shutting_down"]),
        of("/metrics", "showMetrics", "Figures in the format of Prometheus")
            .answers_as("text/plain", 200, "The figures.", json!({"type": "string"}))
            .refuses(401, &["unauthenticated"])
            .refuses(403, &["forbidden"]),
        of(super::PATH, "showDescription", "This description").answers(
            200,
            "OpenAPI 3.1.",
            json!({"type": "object"}),
        ),
    ]
}
