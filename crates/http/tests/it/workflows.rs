//! Workflows: created, versioned, archived, judged.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use crate::support::{Api, and, chain, request, text, with_json};

#[tokio::test]
async fn a_created_workflow_is_answered_with_its_document_and_can_be_read() {
    let api = Api::start();
    let mut document = chain(&["echo", "gate"]);
    document["description"] = json!("Two steps.");
    document["timeout"] = json!("5m");
    let reply = api.post("/workflows", &document).await;
    let created = reply.expect(201);
    let id = text(&created["id"]);
    assert_eq!(
        reply.header("location"),
        Some(&*format!("/api/v3/orchestration/workflows/{id}"))
    );
    assert_eq!(reply.header("etag"), Some("\"1\""));
    for field in ["name", "description", "nodes", "edges", "timeout"] {
        assert_eq!(created[field], document[field], "{field}");
    }
    assert_eq!(created["version"], 1);
    assert_eq!(created["status"], "active");
    assert_eq!(created["warnings"], json!([]));
    assert_eq!(created["layers"], json!([["echo"], ["gate"]]));
    assert_eq!(
        created["created_at"].as_str().unwrap().len(),
        "2026-11-22T10:15:00.123Z".len()
    );
    let reply = api.get(&format!("/workflows/{id}")).await;
    assert_eq!(reply.expect(200), created);
    assert_eq!(reply.header("etag"), Some("\"1\""));
}

#[tokio::test]
async fn an_unregistered_agent_is_a_warning_when_stored_and_an_error_when_started() {
    let api = Api::start();
    let created = api.post("/workflows", chain(&["nobody"])).await.expect(201);
    assert_eq!(created["warnings"][0]["code"], "unknown_agent");
    let path = format!("/workflows/{}/execute", text(&created["id"]));
    let problem = api.act(&path).await.problem(422, "unknown_agent");
    assert_eq!(problem["errors"][0]["pointer"], "/nodes/0/agent_id");
}

#[tokio::test]
async fn an_update_is_a_new_version_and_older_ones_stay_readable() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    let path = format!("/workflows/{id}");
    let mut second = chain(&["gate"]);
    second["name"] = json!("renamed");
    let reply = api.put(&path, &second).await;
    let updated = reply.expect(200);
    assert_eq!(
        (&updated["version"], &updated["name"]),
        (&json!(2), &json!("renamed"))
    );
    assert_eq!(reply.header("etag"), Some("\"2\""));
    let first = api.get(&format!("{path}?version=1")).await.expect(200);
    assert_eq!((&first["version"], &first["name"]), (&json!(1), &json!("chain")));
    assert_eq!(first["nodes"][0]["id"], "echo");
    api.get(&format!("{path}?version=3"))
        .await
        .problem(404, "not_found");
    let versions = api.get(&format!("{path}/versions")).await.expect(200);
    let numbers: Vec<&Value> = versions["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["version"])
        .collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(versions["versions"][0]["created_by"], "anonymous");
    assert!(versions["versions"][0]["hash"].is_string());
    assert_eq!(versions["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_change_made_from_another_version_is_refused() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    let path = format!("/workflows/{id}");
    for (tag, status) in [
        ("\"2\"", 412),
        ("W/\"1\"", 412),
        ("rubbish", 412),
        ("\"7\", \"1\"", 200),
        ("*", 200),
        ("\"1\"", 412),
        ("\"3\"", 200),
    ] {
        let reply = api
            .send(and(
                with_json(Method::PUT, &path, chain(&["gate"])),
                "if-match",
                tag,
            ))
            .await;
        assert_eq!(reply.status, status, "{tag}");
        if status == 412 {
            reply.problem(412, "precondition_failed");
        }
    }
    let stale = and(request(Method::DELETE, &path, Body::empty()), "if-match", "\"1\"");
    api.send(stale).await.problem(412, "precondition_failed");
    let seen = and(request(Method::DELETE, &path, Body::empty()), "if-match", "\"4\"");
    api.send(seen).await.expect(204);
}

#[tokio::test]
async fn an_archived_workflow_is_readable_but_not_startable() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    let path = format!("/workflows/{id}");
    for _ in 0..2 {
        api.delete(&path).await.expect(204);
    }
    assert_eq!(api.get(&path).await.expect(200)["status"], "archived");
    let problem = api
        .act(&format!("{path}/execute"))
        .await
        .problem(409, "workflow_archived");
    assert_eq!(problem["current_status"], "archived");
    let archived = api.get("/workflows?status=archived").await.expect(200);
    assert_eq!(archived["workflows"][0]["id"], id);
    assert_eq!(
        api.get("/workflows?status=active").await.expect(200)["workflows"],
        json!([])
    );
}

#[tokio::test]
async fn validation_answers_200_for_any_json_and_stores_nothing() {
    let api = Api::start();
    let document = chain(&["echo", "nobody"]);
    let verdict = api.post("/workflows/validate", &document).await.expect(200);
    assert_eq!(
        (&verdict["valid"], &verdict["errors"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(verdict["warnings"][0]["code"], "unknown_agent");
    assert_eq!(verdict["layers"], json!([["echo"], ["nobody"]]));
    assert_eq!(verdict["normalized"], document);
    let mut cycle = chain(&["echo", "gate"]);
    cycle["edges"] = json!([{"from": "echo", "to": "gate"}, {"from": "gate", "to": "echo"}]);
    for (body, code) in [
        (cycle.to_string(), "cycle_detected"),
        ("5".to_owned(), "wrong_type"),
    ] {
        let verdict = api.post("/workflows/validate", body).await.expect(200);
        assert_eq!(
            (&verdict["valid"], &verdict["normalized"]),
            (&json!(false), &Value::Null)
        );
        assert_eq!(verdict["errors"][0]["code"], code);
        assert_eq!(verdict["layers"], json!([]));
    }
    api.post("/workflows/validate", "{")
        .await
        .problem(400, "invalid_json");
    assert_eq!(api.get("/workflows").await.expect(200)["workflows"], json!([]));
}

#[tokio::test]
async fn an_input_that_does_not_fit_the_schema_starts_nothing() {
    let api = Api::start();
    let mut document = chain(&["echo"]);
    document["input_schema"] = json!({"type": "object", "required": ["topic"]});
    let id = api.create(&document).await;
    let path = format!("/workflows/{id}/execute");
    let problem = api
        .post(&path, json!({"input": {}}))
        .await
        .problem(422, "input_schema_mismatch");
    assert_eq!(problem["errors"][0]["pointer"], "/input");
    api.post(&path, json!({"input": {"topic": "x"}}))
        .await
        .expect(202);
}

#[tokio::test]
async fn a_budget_over_unknown_costs_is_refused_where_the_workflow_says_so() {
    let api = Api::start();
    let mut document = chain(&["echo"]);
    document["unknown_cost"] = json!("refuse");
    let id = api.create(&document).await;
    api.post(&format!("/workflows/{id}/execute"), json!({"max_budget": 1}))
        .await
        .problem(422, "unknown_cost");
}

#[tokio::test]
async fn a_workflow_is_published_and_withdrawn_and_not_while_it_is_archived() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    let path = |action: &str| format!("/workflows/{id}{action}");
    for (action, published) in [("/publish", true), ("/publish", true), ("/unpublish", false)] {
        let answer = api.act(&path(action)).await.expect(200);
        assert_eq!(answer["published"], json!(published));
        assert_eq!(api.get(&path("")).await.expect(200), answer);
    }
    api.delete(&path("")).await.expect(204);
    let problem = api.act(&path("/publish")).await.problem(409, "workflow_archived");
    assert_eq!(problem["current_status"], "archived");
    api.act(&path("/unpublish")).await.expect(200);
    let nobody = "/workflows/019b76da-a800-7000-8000-000000000001/publish";
    api.act(nobody).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_workflow_is_drawn_in_the_format_that_is_asked_for() {
    let api = Api::start();
    let id = api.create(&chain(&["echo", "gate"])).await;
    for (query, media_type, begins) in [
        ("", "text/plain; charset=utf-8", "flowchart TD\n"),
        (
            "?format=mermaid&version=1",
            "text/plain; charset=utf-8",
            "flowchart TD\n",
        ),
        ("?format=dot", "text/vnd.graphviz; charset=utf-8", "digraph \""),
        ("?format=svg", "image/svg+xml", "<svg xmlns="),
    ] {
        let reply = api.get(&format!("/workflows/{id}/graph{query}")).await;
        assert_eq!(reply.status.as_u16(), 200, "{query}");
        assert_eq!(reply.headers["content-type"], media_type);
        assert_eq!(reply.headers["etag"], "\"1\"");
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(!policy.contains("script"), "{policy}");
        assert!(reply.text.starts_with(begins), "{}", reply.text);
    }
    let path = format!("/workflows/{id}/graph");
    api.get(&format!("{path}?format=png"))
        .await
        .problem(422, "invalid_value");
    api.get(&format!("{path}?version=2"))
        .await
        .problem(404, "not_found");
}
