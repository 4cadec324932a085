//! Rubbish gets its 4xx and a problem document, and the server goes on.

use bytes::Bytes;
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn rubbish_is_refused_with_a_problem_and_the_server_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let client = &server.client;
    let json_type = Some("application/json");
    let absent = "019aa8e0-0000-7000-8000-000000000000";
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(9 * 1024 * 1024));
    let cases: Vec<(&str, String, Option<&str>, String, u16)> = vec![
        ("POST", "/workflows".into(), json_type, String::new(), 400),
        ("POST", "/workflows".into(), json_type, "{\"name\": ".into(), 400),
        ("POST", "/workflows".into(), json_type, "[]".into(), 422),
        (
            "POST",
            "/workflows".into(),
            json_type,
            "{\"name\": \"x\", \"nodes\": []}".into(),
            422,
        ),
        ("POST", "/workflows".into(), Some("text/plain"), "{}".into(), 415),
        ("POST", "/workflows".into(), json_type, long, 413),
        ("PATCH", "/workflows".into(), json_type, "{}".into(), 405),
        ("GET", "/workflows?limit=0".into(), None, String::new(), 422),
        ("GET", format!("/workflows/{absent}"), None, String::new(), 404),
        ("GET", "/workflows/not-an-id".into(), None, String::new(), 404),
        (
            "POST",
            format!("/workflows/{absent}/execute"),
            json_type,
            "{}".into(),
            404,
        ),
        ("GET", format!("/executions/{absent}"), None, String::new(), 404),
        (
            "POST",
            format!("/executions/{absent}/cancel"),
            None,
            String::new(),
            404,
        ),
        ("GET", "/nothing".into(), None, String::new(), 404),
    ];
    for (method, path, content_type, body, expected) in cases {
        let answer = client.send(method, &path, content_type, Bytes::from(body)).await;
        assert_eq!(answer.status, expected, "{method} {path}: {answer:?}");
        assert_eq!(answer.content_type, "application/problem+json", "{method} {path}");
        assert!(answer.body["code"].is_string(), "{method} {path}: {answer:?}");
    }
    assert_eq!(
        client.get("/workflows").await.body["workflows"],
        json!([]),
        "nothing was stored"
    );
}

#[tokio::test]
async fn an_agent_that_is_down_fails_its_node_and_not_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let client = &server.client;
    let agent = json!({"agent_id": "down", "url": "http://127.0.0.1:9"});
    assert_eq!(client.post("/agents", &agent).await.status, 201);
    let document = json!({"name": "Down", "nodes": [{"id": "a", "type": "agent_call", "agent_id": "down"}]});
    let workflow = client.create(&document).await;
    let execution = client.execute(&workflow, &json!({})).await;
    client
        .follow(&execution, 0)
        .await
        .until("execution.failed", None)
        .await;
    let failed = client.execution(&execution).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"]["code"], "agent_unreachable");
    assert_eq!(failed["error"]["node"], "a");
    assert_eq!(client.get("/workflows").await.status, 200);
}
