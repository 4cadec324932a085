//! Bad requests: each gets its 4xx with a stable code, stores nothing and leaves the server as it was.

use axum::{
    body::{Body, Bytes},
    http::{Method, Request, header},
};
use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::support::{Api, Reply, and, chain, full, request, with_json};

const JSON: &str = "application/json";
const ABSENT: &str = "0198c0de-0000-7000-8000-000000000000";

async fn send(api: &Api, method: &str, path: &str, content_type: &str, body: impl Into<Body>) -> Reply {
    let mut request = request(method.parse().unwrap(), path, body.into());
    if !content_type.is_empty() {
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    }
    api.send(request).await
}

async fn nothing_is_stored(api: &Api) {
    assert_eq!(api.get("/workflows").await.expect(200)["workflows"], json!([]));
}

#[tokio::test]
async fn text_that_is_no_json_is_refused() {
    let api = Api::start();
    let bodies: [&[u8]; 7] = [
        b"",
        b" ",
        b"{\"name\":\"t\",}",
        b"{}{}",
        b"{\"name\":\"t",
        b"{\"name\":\"\xff\xfe\"}",
        b"\xef\xbb\xbf{}",
    ];
    for path in ["/workflows", "/workflows/validate", "/agents"] {
        for body in bodies {
            let reply = send(&api, "POST", path, JSON, body).await;
            let problem = reply.problem(400, "invalid_json");
            assert_eq!(problem["errors"][0]["code"], "invalid_json");
        }
    }
    nothing_is_stored(&api).await;
}

#[tokio::test]
async fn json_that_is_no_workflow_is_refused() {
    let api = Api::start();
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let nodes = |nodes: &str| format!(r#"{{"name":"t","nodes":{nodes}}}"#);
    let node = |more: &str| nodes(&format!(r#"[{{"id":"a","type":"agent_call"{more}}}]"#));
    let deep = format!(r#","agent_id":"echo","config":{}1"#, "{\"x\":".repeat(100_000));
    for (document, code) in [
        (r#""{\"name\":\"t\"}""#.to_owned(), "wrong_type"),
        ("null".to_owned(), "wrong_type"),
        (nested(129), "too_deep"),
        (node(&deep), "too_deep"),
        (
            r#"{"name":"t","nodes":[],"nodes":[]}"#.to_owned(),
            "duplicate_key",
        ),
        (node(r#","agent_id":"a","agent\u005fid":"b""#), "duplicate_key"),
        (nodes("{}"), "wrong_type"),
        (nodes("[null]"), "wrong_type"),
        (nodes("[]"), "empty_workflow"),
        (node(""), "missing_field"),
        (node(r#","agent_id":5"#), "wrong_type"),
        (node(r#","agent_id":"echo","config":[1]"#), "wrong_type"),
        (node(r#","agent_id":"echo","timeouts":5"#), "unknown_field"),
    ] {
        let problem = api
            .post("/workflows", document)
            .await
            .problem(422, "invalid_workflow");
        let errors = problem["errors"].as_array().unwrap();
        assert!(
            errors.iter().any(|error| error["code"] == code),
            "{code}: {problem}"
        );
    }
    nothing_is_stored(&api).await;
}

#[tokio::test]
async fn bodies_of_other_types_are_refused() {
    let api = Api::start();
    for content_type in [
        "",
        "text/plain; charset=application/json",
        "multipart/form-data; boundary=b",
        "application/json; charset=latin1",
        "application/x-www-form-urlencoded",
    ] {
        let reply = send(&api, "POST", "/workflows", content_type, "{}").await;
        reply.problem(415, "unsupported_media_type");
    }
    let request = and(
        with_json(Method::POST, "/workflows", "{}"),
        "content-encoding",
        "gzip",
    );
    api.send(request).await.problem(415, "unsupported_media_type");
    nothing_is_stored(&api).await;
}

#[tokio::test]
async fn a_documents_errors_come_all_at_once_with_their_places_and_hints() {
    let api = Api::start();
    let document = json!({"name": "t", "max_budgets": 1, "nodes": [
        {"id": "a", "type": "agent_call", "agent_id": "echo", "depends_on": ["ghost"]},
        {"id": "b", "type": "AGENT_CALL"},
    ]});
    let problem = api
        .post("/workflows", document)
        .await
        .problem(422, "invalid_workflow");
    let errors = problem["errors"].as_array().unwrap();
    let of = |code: &str| {
        errors
            .iter()
            .find(|error| error["code"] == code)
            .unwrap_or_else(|| panic!("{code}"))
    };
    assert_eq!(of("unknown_field")["pointer"], "/max_budgets");
    assert_eq!(of("unknown_field")["hint"], "did you mean `max_budget`?");
    assert_eq!(of("unknown_dependency")["pointer"], "/nodes/0/depends_on/0");
    assert!(of("unknown_node_type")["line"].is_u64());
}

#[tokio::test]
async fn bodies_above_the_limit_are_refused_with_and_without_a_length() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    let execute = format!("/workflows/{id}/execute");
    let (large, small) = (8 << 20, 1 << 20);
    for (path, limit) in [
        ("/workflows", large),
        (&*execute, large),
        ("/workflows/validate", large),
        ("/agents", small),
    ] {
        let too_much = vec![b' '; limit + 1];
        send(&api, "POST", path, JSON, too_much)
            .await
            .problem(413, "payload_too_large");
        let chunk = Bytes::from(vec![b' '; 1 << 16]);
        let endless = Body::from_stream(stream::repeat(chunk).map(Ok::<_, std::io::Error>));
        send(&api, "POST", path, JSON, endless)
            .await
            .problem(413, "payload_too_large");
        let just_enough = vec![b' '; limit];
        send(&api, "POST", path, JSON, just_enough)
            .await
            .problem(400, "invalid_json");
    }
}

#[tokio::test]
async fn bodies_of_actions_keep_their_rules() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    let execute = format!("/workflows/{id}/execute");
    let nested = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
    let labels: serde_json::Map<_, _> = (0..65).map(|i| (i.to_string(), json!("x"))).collect();
    let long = "x".repeat(1_001);
    for (body, code, pointer) in [
        (json!({"inputs": {}}).to_string(), "unknown_field", "/inputs"),
        (json!({"dryrun": true}).to_string(), "unknown_field", "/dryrun"),
        (json!([]).to_string(), "wrong_type", ""),
        (
            json!({"max_budget": -1}).to_string(),
            "invalid_value",
            "/max_budget",
        ),
        (
            json!({"max_budget": "a lot"}).to_string(),
            "invalid_value",
            "/max_budget",
        ),
        (
            json!({"max_budget": 0.000_000_000_1}).to_string(),
            "invalid_value",
            "/max_budget",
        ),
        (
            json!({"max_budget": 1_000_001}).to_string(),
            "invalid_value",
            "/max_budget",
        ),
        (
            json!({"max_budget": true}).to_string(),
            "wrong_type",
            "/max_budget",
        ),
        (
            json!({"on_budget": "stop"}).to_string(),
            "invalid_value",
            "/on_budget",
        ),
        (
            json!({"timeout": "soon"}).to_string(),
            "invalid_value",
            "/timeout",
        ),
        (json!({"timeout": 0}).to_string(), "invalid_value", "/timeout"),
        (json!({"timeout": -5}).to_string(), "invalid_value", "/timeout"),
        (json!({"version": "latest"}).to_string(), "wrong_type", "/version"),
        (json!({"version": -1}).to_string(), "invalid_value", "/version"),
        (
            json!({"labels": {"team": 5}}).to_string(),
            "wrong_type",
            "/labels/team",
        ),
        (json!({"labels": labels}).to_string(), "value_too_long", "/labels"),
        (
            json!({"labels": {"a": long}}).to_string(),
            "value_too_long",
            "/labels",
        ),
        (
            r#"{"input": {"a": 1, "a": 2}}"#.to_owned(),
            "duplicate_key",
            "/input/a",
        ),
        (nested, "too_deep", ""),
    ] {
        let reply = api.post(&execute, &body).await;
        let problem = reply.problem(422, code);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    api.post(&execute, "{").await.problem(400, "invalid_json");
    assert_eq!(api.get("/executions").await.expect(200)["executions"], json!([]));
}

#[tokio::test]
async fn a_misspelt_field_comes_with_a_hint() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    let reply = api
        .post(&format!("/workflows/{id}/execute"), json!({"max_budgets": 1}))
        .await;
    assert_eq!(
        reply.problem(422, "unknown_field")["errors"][0]["hint"],
        "did you mean `max_budget`?"
    );
    let problem = api
        .get("/executions?workflowid=x")
        .await
        .problem(422, "unknown_field");
    assert_eq!(problem["errors"][0]["hint"], "did you mean `workflow_id`?");
}

#[tokio::test]
async fn query_parameters_keep_their_rules() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    let execution = api.run(&chain(&["echo"]), &json!({})).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let of_execution = |rest: &str| format!("/executions/{execution}/{rest}");
    for (path, code) in [
        ("/executions?limit=1000000".to_owned(), "invalid_value"),
        ("/executions?limit=-1".to_owned(), "invalid_value"),
        ("/executions?limit=0".to_owned(), "invalid_value"),
        ("/executions?limit=ten".to_owned(), "invalid_value"),
        ("/executions?limit=5&limit=6".to_owned(), "invalid_value"),
        ("/executions?cursor=rubbish".to_owned(), "invalid_value"),
        ("/executions?status=exploded".to_owned(), "invalid_value"),
        (
            "/executions?status=running&status=exploded".to_owned(),
            "invalid_value",
        ),
        ("/executions?started_after=yesterday".to_owned(), "invalid_value"),
        ("/executions?workflow_id=5".to_owned(), "invalid_value"),
        ("/executions?label.a=1&label.a=2".to_owned(), "invalid_value"),
        ("/executions?sort=id;DROP%20TABLE%20x".to_owned(), "unknown_field"),
        ("/workflows?status=running".to_owned(), "invalid_value"),
        ("/workflows?cursor=%00".to_owned(), "invalid_value"),
        ("/approvals?status=open".to_owned(), "invalid_value"),
        ("/approvals?mine=maybe".to_owned(), "invalid_value"),
        ("/approvals?execution_id=x".to_owned(), "invalid_value"),
        ("/agents?cursor=x".to_owned(), "invalid_value"),
        ("/templates?x=1".to_owned(), "unknown_field"),
        (format!("/workflows/{id}?version=first"), "invalid_value"),
        (format!("/workflows/{id}/versions?limit=201"), "invalid_value"),
        (of_execution("events?after=-1"), "invalid_value"),
        (of_execution("events?after=99999999999999999999"), "invalid_value"),
        (of_execution("events?after=18446744073709551615"), "invalid_value"),
        (of_execution("nodes?cursor=x"), "invalid_value"),
        (of_execution("ws?after=10000"), "invalid_value"),
        ("/ws?after=3".to_owned(), "invalid_value"),
    ] {
        api.get(&path).await.problem(422, code);
    }
    for wait in ["61", "-1", "1.5", "", "long"] {
        api.act(&format!("/workflows/{id}/execute?wait={wait}"))
            .await
            .problem(422, "invalid_value");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_answered_in_the_same_words_everywhere() {
    let api = Api::start();
    let long = "a".repeat(20_000);
    let with_body = |method: &str, path: &str, body: &str| with_json(method.parse().unwrap(), path, body);
    let document = chain(&["echo"]).to_string();
    for id in [ABSENT, "x", &long, "%FF", "..%2F.."] {
        for (what, of) in [
            ("workflow", vec!["", "/versions"]),
            ("execution", vec!["", "/nodes", "/cost", "/events", "/ws"]),
            ("approval", vec![""]),
            ("agent", vec!["", "/health", "/circuit-breaker"]),
            ("template", vec![""]),
        ] {
            for rest in of {
                api.get(&format!("/{what}s/{id}{rest}"))
                    .await
                    .problem(404, "not_found");
            }
        }
        for (method, path, body) in [
            ("PUT", format!("/workflows/{id}"), &*document),
            ("DELETE", format!("/workflows/{id}"), ""),
            ("POST", format!("/workflows/{id}/execute"), "{}"),
            ("POST", format!("/executions/{id}/pause"), "{}"),
            ("POST", format!("/executions/{id}/resume"), "{}"),
            ("POST", format!("/executions/{id}/cancel"), "{}"),
            ("DELETE", format!("/executions/{id}"), ""),
            (
                "POST",
                format!("/approvals/{id}/decision"),
                r#"{"decision":"approve"}"#,
            ),
            ("PUT", format!("/agents/{id}"), r#"{"url":"http://a.test"}"#),
            ("DELETE", format!("/agents/{id}"), ""),
            ("POST", format!("/agents/{id}/circuit-breaker/reset"), ""),
            ("POST", format!("/agents/{id}/circuit-breaker/force-open"), ""),
        ] {
            api.send(with_body(method, &path, body))
                .await
                .problem(404, "not_found");
        }
    }
    let mut seen = api.get(&format!("/executions/{ABSENT}")).await.json();
    let mut other = api
        .get("/executions/0198c0de-0000-7000-8000-000000000001")
        .await
        .json();
    for problem in [&mut seen, &mut other] {
        problem["request_id"] = json!(null);
        problem["detail"] = problem["detail"].as_str().unwrap().split_at(24).0.into();
    }
    assert_eq!(seen, other);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_as_problems() {
    let api = Api::start();
    for path in [
        "/",
        "/nothing",
        "/workflows/",
        "/workflows/a/b/c",
        "/openapi.yaml",
    ] {
        api.get(path).await.problem(404, "unknown_route");
    }
    let outside = Request::get("/workflows").body(Body::empty()).unwrap();
    api.send(outside).await.problem(404, "unknown_route");
    for (method, path, allow) in [
        ("DELETE", "/workflows", "GET,HEAD,POST"),
        ("TRACE", "/executions", "GET,HEAD"),
        ("POST", "/executions/x", "GET,HEAD,DELETE"),
        ("GET", "/workflows/validate", "POST"),
        ("OPTIONS", "/templates", "GET,HEAD"),
        ("POST", "/healthz", "GET,HEAD"),
    ] {
        let overridden = and(
            request(method.parse().unwrap(), path, Body::empty()),
            "x-http-method-override",
            "GET",
        );
        let reply = api.send(overridden).await;
        reply.problem(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {}", full(path));
    }
}
