//! What holds for every answer: ids, HEAD, origins, panics, the end of the server.

use std::{sync::Arc, time::Duration};

use agentchains_http::{RenderMetrics, ServerOptions};
use axum::{body::Body, http::Method};
use serde_json::json;

use crate::support::{Api, and, chain, request, with_json};

#[tokio::test]
async fn every_answer_has_a_request_id_which_is_the_clients_where_it_is_sane() {
    let api = Api::start();
    for path in ["/healthz", "/workflows", "/nothing", "/executions/x"] {
        let reply = api.get(path).await;
        assert_eq!(reply.header("x-request-id").unwrap().len(), 36, "{path}");
        let named = and(
            request(Method::GET, path, Body::empty()),
            "x-request-id",
            "order-66.a",
        );
        assert_eq!(
            api.send(named).await.header("x-request-id"),
            Some("order-66.a"),
            "{path}"
        );
        let insane = and(request(Method::GET, path, Body::empty()), "x-request-id", "a b");
        assert_ne!(
            api.send(insane).await.header("x-request-id"),
            Some("a b"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let api = Api::start();
    for (path, status) in [
        ("/healthz", 200),
        ("/workflows", 200),
        ("/executions/x", 404),
        ("/nothing", 404),
    ] {
        let reply = api.send(request(Method::HEAD, path, Body::empty())).await;
        assert_eq!((reply.status.as_u16(), &*reply.text), (status, ""), "{path}");
        assert!(reply.header("x-request-id").is_some(), "{path}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_read_nothing_and_change_nothing() {
    let api = Api::start();
    let from = |method, path| {
        and(
            request(method, path, Body::empty()),
            "origin",
            "https://evil.test",
        )
    };
    let reply = api.send(from(Method::GET, "/workflows")).await;
    reply.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), None);
    api.send(from(Method::POST, "/workflows"))
        .await
        .problem(403, "origin_not_allowed");
    api.send(from(Method::DELETE, "/workflows/x"))
        .await
        .problem(403, "origin_not_allowed");
    api.send(from(Method::GET, "/ws"))
        .await
        .problem(403, "origin_not_allowed");
    api.send(from(Method::OPTIONS, "/workflows"))
        .await
        .problem(405, "method_not_allowed");
}

#[tokio::test]
async fn pages_of_allowed_origins_may_use_everything() {
    let dashboard = "https://dashboard.test";
    let api = Api::with_options(ServerOptions {
        allowed_origins: vec![dashboard.into()],
        ..ServerOptions::default()
    });
    let create = and(
        with_json(Method::POST, "/workflows", chain(&["echo"])),
        "origin",
        dashboard,
    );
    let reply = api.send(create).await;
    reply.expect(201);
    assert_eq!(reply.header("access-control-allow-origin"), Some(dashboard));
    let preflight = request(Method::OPTIONS, "/workflows", Body::empty());
    let preflight = and(
        and(preflight, "origin", dashboard),
        "access-control-request-method",
        "POST",
    );
    let reply = api.send(preflight).await;
    assert_eq!(reply.header("access-control-allow-origin"), Some(dashboard));
    assert!(
        reply
            .header("access-control-allow-headers")
            .unwrap()
            .contains("idempotency-key")
    );
    let other = and(
        request(Method::GET, "/workflows", Body::empty()),
        "origin",
        "https://evil.test",
    );
    assert_eq!(api.send(other).await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_handler_that_panics_costs_one_answer_and_tells_nothing() {
    let api = Api::start();
    let reply = api
        .post("/agents/discover", json!({"url": "http://bug.test"}))
        .await;
    reply.problem(500, "internal");
    assert!(!reply.text.contains("secret"));
    api.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_server_that_winds_down_says_so_and_when_to_come_back() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    assert_eq!(api.get("/readyz").await.expect(200), json!({"status": "ready"}));
    api.engine.shutdown(Duration::ZERO).await;
    for reply in [
        api.get("/readyz").await,
        api.act(&format!("/workflows/{id}/execute")).await,
    ] {
        reply.problem(503, "shutting_down");
        assert_eq!(reply.header("retry-after"), Some("2"));
    }
    api.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn metrics_are_text_for_prometheus_where_the_program_measures() {
    Api::start().get("/metrics").await.problem(404, "unknown_route");
    let metrics: RenderMetrics = Arc::new(|| "up 1\n".to_owned());
    let api = Api::measured(ServerOptions::default(), Some(metrics));
    let reply = api.get("/metrics").await;
    assert_eq!((reply.status.as_u16(), &*reply.text), (200, "up 1\n"));
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
}

#[tokio::test]
async fn every_answer_tells_browsers_not_to_guess_keep_or_frame_it() {
    let api = Api::start();
    for path in ["/healthz", "/workflows", "/nothing", "/executions/x"] {
        let reply = api.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{path}");
        }
    }
}
