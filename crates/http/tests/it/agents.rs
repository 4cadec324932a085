//! The registry of agents and their circuit breakers.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Api, and, chain, request, with_json};

fn definition() -> Value {
    json!({
        "agent_id": "web-search", "name": "Web Search", "url": "http://a.test",
        "timeout": "30s", "max_concurrency": 4, "pricing": {"per_call": 0.01}, "max_cost": 0.05,
        "on_unknown": "ask", "circuit_breaker": {"failure_threshold": 3},
    })
}

#[tokio::test]
async fn an_agent_is_registered_read_changed_and_removed() {
    let api = Api::start();
    let reply = api.post("/agents", definition()).await;
    let registered = reply.expect(201);
    assert_eq!(
        reply.header("location"),
        Some("/api/v3/orchestration/agents/web-search")
    );
    assert_eq!(reply.header("etag"), Some("\"1\""));
    assert_eq!(
        (&registered["protocol"], &registered["timeout"]),
        (&json!("a2a"), &json!(30))
    );
    assert_eq!(registered["circuit_breaker"]["recovery_timeout"], 30.0);
    assert_eq!(api.get("/agents/web-search").await.expect(200), registered);
    api.post("/agents", definition())
        .await
        .problem(409, "agent_exists");
    let reply = api
        .put("/agents/web-search", json!({"url": "http://b.test"}))
        .await;
    assert_eq!(reply.expect(200)["url"], "http://b.test");
    assert_eq!(reply.header("etag"), Some("\"2\""));
    api.delete("/agents/web-search").await.expect(204);
    api.delete("/agents/web-search").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_fallback_that_nobody_has_registered_is_a_warning_until_somebody_does() {
    let api = Api::start();
    let with_fallback = |url: &str| json!({"agent_id": "writer", "url": url, "fallback_agent_id": "other"});
    let registered = api
        .post("/agents", with_fallback("http://a.test"))
        .await
        .expect(201);
    let warning = &registered["warnings"][0];
    assert_eq!(
        (&warning["code"], &warning["pointer"]),
        (&json!("unknown_agent"), &json!("/fallback_agent_id"))
    );
    assert!(
        warning["message"].as_str().unwrap().contains("\"other\""),
        "{warning}"
    );
    let replaced = api.put("/agents/writer", with_fallback("http://b.test")).await;
    assert_eq!(replaced.expect(200)["warnings"], registered["warnings"]);
    let listed = api.get("/agents").await.expect(200);
    assert_eq!(listed["agents"][0]["warnings"], registered["warnings"]);
    let other = json!({"agent_id": "other", "url": "http://c.test"});
    assert_eq!(
        api.post("/agents", other).await.expect(201)["warnings"],
        json!([])
    );
    assert_eq!(api.get("/agents/writer").await.expect(200)["warnings"], json!([]));
}

#[tokio::test]
async fn a_change_made_from_another_revision_is_refused() {
    let api = Api::start();
    api.post("/agents", definition()).await.expect(201);
    let path = "/agents/web-search";
    let put = |tag| and(with_json(Method::PUT, path, definition()), "if-match", tag);
    api.send(put("\"2\"")).await.problem(412, "precondition_failed");
    api.send(put("\"1\"")).await.expect(200);
    let delete = |tag| {
        and(
            request(Method::DELETE, path, axum::body::Body::empty()),
            "if-match",
            tag,
        )
    };
    api.send(delete("\"1\""))
        .await
        .problem(412, "precondition_failed");
    api.send(delete("\"2\"")).await.expect(204);
}

#[tokio::test]
async fn definitions_that_break_a_rule_are_refused() {
    let api = Api::start();
    let with = |field: &str, value: Value| {
        let mut body = definition();
        body[field] = value;
        body
    };
    for (body, code, pointer) in [
        (json!({"agent_id": "a"}), "missing_field", "/url"),
        (with("url", json!("ftp://a.test")), "invalid_value", "/url"),
        (with("url", json!(5)), "wrong_type", "/url"),
        (with("protocol", json!("smoke")), "invalid_value", "/protocol"),
        (
            with("max_concurrency", json!(0)),
            "invalid_value",
            "/max_concurrency",
        ),
        (
            with("pricing", json!({"per_call": -1})),
            "invalid_value",
            "/pricing/per_call",
        ),
        (
            with("pricing", json!({"per_cal": 1})),
            "unknown_field",
            "/pricing/per_cal",
        ),
        (
            with("circuit_breaker", json!({"failure_threshold": 0})),
            "invalid_value",
            "/circuit_breaker/failure_threshold",
        ),
        (
            with("circuit_breaker", json!({"mode": "closed"})),
            "invalid_value",
            "/circuit_breaker/mode",
        ),
        (
            with("circuit_breaker", json!({"recovery_timeout": -1})),
            "invalid_value",
            "/circuit_breaker/recovery_timeout",
        ),
        (
            with(
                "circuit_breaker",
                json!({"recovery_timeout": 60, "max_recovery_timeout": 30}),
            ),
            "invalid_value",
            "/circuit_breaker/max_recovery_timeout",
        ),
        (
            with("circuit_breaker", json!({"window": {"last_calls": 10}})),
            "invalid_value",
            "/circuit_breaker/window",
        ),
        (
            with(
                "circuit_breaker",
                json!({"window": {"last_calls": 10, "failure_rate": 50}}),
            ),
            "invalid_value",
            "/circuit_breaker/window/failure_rate",
        ),
        (with("colour", json!("red")), "unknown_field", "/colour"),
    ] {
        let problem = api.post("/agents", &body).await.problem(422, code);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    api.post("/agents", definition()).await.expect(201);
    let problem = api
        .put("/agents/web-search", with("agent_id", json!("other")))
        .await
        .problem(422, "invalid_value");
    assert_eq!(problem["errors"][0]["pointer"], "/agent_id");
}

#[tokio::test]
async fn a_card_is_read_or_the_reason_given() {
    let api = Api::start();
    let found = api
        .post("/agents/discover", json!({"url": "http://up.test"}))
        .await
        .expect(200);
    assert_eq!(
        (&found["name"], &found["protocol_version"]),
        (&json!("Found"), &json!("1.0"))
    );
    api.post("/agents/discover", json!({"url": "http://down.test"}))
        .await
        .problem(422, "agent_unreachable");
    api.post("/agents/discover", json!({}))
        .await
        .problem(422, "missing_field");
}

#[tokio::test]
async fn health_says_whether_the_agent_can_be_reached() {
    let api = Api::start();
    for (id, url, disabled, status, code) in [
        ("up", "http://up.test", false, "ok", Value::Null),
        (
            "down",
            "http://down.test",
            false,
            "unreachable",
            json!("agent_unreachable"),
        ),
        (
            "locked",
            "http://locked.test",
            false,
            "not_called",
            json!("agent_auth_error"),
        ),
        ("retired", "http://down.test", true, "disabled", Value::Null),
    ] {
        api.post(
            "/agents",
            json!({"agent_id": id, "url": url, "disabled": disabled}),
        )
        .await
        .expect(201);
        let health = api.get(&format!("/agents/{id}/health")).await.expect(200);
        assert_eq!(
            (&health["agent_id"], &health["status"]),
            (&json!(id), &json!(status))
        );
        assert_eq!(health["error"]["code"], code);
        assert_eq!(health["circuit_breaker"], "closed");
    }
}

#[tokio::test]
async fn a_breaker_is_opened_and_closed_by_hand() {
    let api = Api::start();
    api.post("/agents", definition()).await.expect(201);
    let path = "/agents/web-search/circuit-breaker";
    let closed = api.get(path).await.expect(200);
    let expected = json!({
        "state": "closed", "mode": "normal", "failure_count": 0, "openings_in_a_row": 0, "opened_at": null,
        "retry_at": null, "half_open_in_flight": 0, "held_open": false, "transitions": [],
    });
    assert_eq!(closed, expected);
    let open = api.act(&format!("{path}/force-open")).await.expect(200);
    assert_eq!(
        (&open["state"], &open["held_open"], &open["retry_at"]),
        (&json!("open"), &json!(true), &Value::Null)
    );
    assert!(open["opened_at"].is_string());
    let reset = api.post(&format!("{path}/reset"), json!({})).await.expect(200);
    assert_eq!(
        (
            &reset["state"],
            &reset["held_open"],
            reset["transitions"].as_array().unwrap().len()
        ),
        (&json!("closed"), &json!(false), 2)
    );
    api.post(&format!("{path}/reset"), json!({"hard": true}))
        .await
        .problem(422, "unknown_field");
}

#[tokio::test]
async fn settings_of_a_breaker_that_make_no_sense_are_refused_where_they_stand() {
    let api = Api::start();
    let whole = "expected a whole number from 1 to 4294967295";
    let some_time = "0 seconds are too few: give a number of seconds above 0 and up to 31536000";
    for (settings, member, message) in [
        (json!({"failure_threshold": 0}), "/failure_threshold", whole),
        (json!({"failure_threshold": -1}), "/failure_threshold", whole),
        (
            json!({"half_open_max_calls": 1.5}),
            "/half_open_max_calls",
            "expected a whole number from 1 to 4294967295, found a number that is not whole",
        ),
        (json!({"recovery_timeout": 0}), "/recovery_timeout", some_time),
        (
            json!({"recovery_timeout": "30s"}),
            "/recovery_timeout",
            "expected a number, found a string",
        ),
        (json!({"probe_lease": 0}), "/probe_lease", some_time),
        (
            json!({"max_recovery_timeout": 1}),
            "/max_recovery_timeout",
            "expected a number of seconds that is not below recovery_timeout",
        ),
        (
            json!({"window": {"last_calls": 9, "minimum_calls": 10, "failure_rate": 0.5}}),
            "/window/minimum_calls",
            "expected a whole number that is not above last_calls, as no rate would ever count",
        ),
        (
            json!({"window": {"last_calls": 9, "slow_call_rate": 0.5}}),
            "/window/slow_call_duration",
            "`slow_call_duration` is required",
        ),
        (
            json!({"window": {"failure_rate": 0.5}}),
            "/window",
            "a window needs to know how far it reaches back: give last_calls or last_seconds",
        ),
        (
            json!({"mode": "open"}),
            "/mode",
            "expected one of normal, forced_open, forced_closed, observe_only",
        ),
    ] {
        let body = json!({"agent_id": "a", "url": "http://a.test", "circuit_breaker": settings});
        let refused = api.post("/agents", body).await.expect(422);
        let error = &refused["errors"][0];
        assert_eq!(error["pointer"], format!("/circuit_breaker{member}"));
        assert_eq!(error["message"], message, "{settings}");
    }
}

#[tokio::test]
async fn a_breaker_says_why_it_is_as_it_is() {
    let api = Api::start();
    api.post("/agents", json!({"agent_id": "slow", "url": "http://a.test"}))
        .await
        .expect(201);
    api.run(&chain(&["slow"]), &json!({})).await;
    let breaker = api.get("/agents/slow/circuit-breaker").await.expect(200);
    assert_eq!(
        breaker["window"],
        json!({"calls": 1, "failures": 0, "slow_calls": 1})
    );
    assert_eq!(
        (&breaker["state"], &breaker["openings_in_a_row"]),
        (&json!("open"), &json!(1))
    );
    let opened = &breaker["transitions"][0];
    assert_eq!(
        (&opened["from"], &opened["to"], &opened["reason"]),
        (&json!("closed"), &json!("open"), &json!("slow_call_rate"))
    );
    let health = api.get("/agents/slow/health").await.expect(200);
    assert_eq!(health["circuit_breaker"], "open");
}

#[tokio::test]
async fn a_breaker_in_a_forced_mode_is_neither_reset_nor_opened_by_hand() {
    let api = Api::start();
    api.post("/agents", json!({"agent_id": "off", "url": "http://a.test"}))
        .await
        .expect(201);
    let path = "/agents/off/circuit-breaker";
    let forced = api.get(path).await.expect(200);
    assert_eq!(
        (&forced["state"], &forced["mode"]),
        (&json!("open"), &json!("forced_open"))
    );
    for action in ["reset", "force-open"] {
        assert_eq!(api.act(&format!("{path}/{action}")).await.expect(200), forced);
    }
}

#[tokio::test]
async fn a_removed_agents_breaker_is_forgotten() {
    let api = Api::start();
    api.post("/agents", definition()).await.expect(201);
    let path = "/agents/web-search/circuit-breaker";
    api.act(&format!("{path}/force-open")).await.expect(200);
    api.delete("/agents/web-search").await.expect(204);
    api.get(path).await.problem(404, "not_found");
    api.post("/agents", definition()).await.expect(201);
    let afresh = api.get(path).await.expect(200);
    assert_eq!(
        (&afresh["state"], &afresh["transitions"]),
        (&json!("closed"), &json!([]))
    );
}

#[tokio::test]
async fn any_text_may_be_an_agents_id() {
    let api = Api::start();
    let body = json!({"agent_id": "a/b ü", "url": "http://a.test"});
    let reply = api.post("/agents", body).await;
    reply.expect(201);
    let location = reply.header("location").unwrap();
    assert_eq!(location, "/api/v3/orchestration/agents/a%2Fb%20%C3%BC");
    let path = location.strip_prefix(agentchains_http::BASE_PATH).unwrap();
    assert_eq!(api.get(path).await.expect(200)["agent_id"], "a/b ü");
}

#[tokio::test]
async fn a_credential_is_shown_by_its_place_and_taken_by_nothing_else() {
    let api = Api::start();
    let secret = json!({"stored": "search"});
    let oauth = json!({"type": "oauth2_client_credentials", "token_url": "https://a.test", "client_id": "a",
                       "client_secret": secret});
    let body = json!({"agent_id": "a", "url": "https://a.test", "auth": oauth, "rate_limit": 5, "disabled": true,
                      "headers": {"X-Team": "{{secrets.team}}"}});
    let registered = api.post("/agents", &body).await.expect(201);
    assert_eq!(registered["auth"], oauth);
    assert_eq!(registered["headers"], body["headers"]);
    assert_eq!(
        (
            &registered["rate_limit"],
            &registered["disabled"],
            &registered["source"]
        ),
        (&json!({"calls": 5, "per": 1}), &json!(true), &json!("registry"))
    );
    for (auth, code, pointer) in [
        (
            json!({"type": "bearer", "token": "canary"}),
            "wrong_type",
            "/auth/token",
        ),
        (
            json!({"type": "bearer", "token": {"value": "canary"}}),
            "unknown_field",
            "/auth/token/value",
        ),
        (json!({"type": "bearer"}), "missing_field", "/auth/token"),
        (json!({"type": "magic"}), "invalid_value", "/auth/type"),
        (
            json!({"type": "bearer", "token": secret, "tokn": 1}),
            "unknown_field",
            "/auth/tokn",
        ),
        (
            json!({"type": "bearer", "token": secret, "key": secret}),
            "invalid_value",
            "/auth/key",
        ),
        (json!("canary"), "wrong_type", "/auth"),
    ] {
        let body = json!({"agent_id": "b", "url": "https://a.test", "auth": auth});
        let problem = api.post("/agents", &body).await.problem(422, code);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
        assert!(!problem.to_string().contains("canary"), "{problem}");
    }
}

#[tokio::test]
async fn an_agent_of_the_settings_is_listed_and_not_changed() {
    let api = Api::start();
    let body = json!({"agent_id": "a", "url": "http://declared.test"});
    api.post("/agents", &body).await.expect(201);
    let listed = api.get("/agents").await.expect(200);
    assert_eq!(listed["agents"][0]["source"], "settings");
    api.put("/agents/a", body).await.problem(409, "agent_read_only");
    api.delete("/agents/a").await.problem(409, "agent_read_only");
}
