//! Workflows that call workflows on another server, which are A2A agents there.

use std::path::Path;

use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client},
    keys::keys,
    server::Server,
};

/// A server that asks for keys, and what may be done with one of them.
struct Remote {
    server: Server,
    key: String,
}

impl Remote {
    async fn start(folder: &Path, role: &str) -> Self {
        let made = keys(folder, &["create", "--role", role, "--name", role]).await;
        let server = Server::serve_with(folder, &["--auth", "required"], &[]).await;
        let key = made["key"].as_str().unwrap().to_owned();
        Self { server, key }
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.server.client.request(method, path);
        let request = request
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json");
        let body = Full::new(Bytes::from(body.to_string()));
        self.server.client.exchange(request.body(body).unwrap()).await
    }

    /// Stores a workflow that asks a person, publishes it, and gives its address as an agent.
    async fn offer(&self, question: &str) -> String {
        let nodes = json!([{"id": "ask", "type": "human_approval", "config": {"message": question}}]);
        let document = json!({"name": "Ask", "nodes": nodes, "output": "{{ask}}"});
        let created = self.ask("POST", "/workflows", &document).await;
        let id = created.body["id"].as_str().unwrap();
        let published = self
            .ask("POST", &format!("/workflows/{id}/publish"), &json!({}))
            .await;
        assert_eq!(published.status, 200, "{published:?}");
        format!("http://{}/a2a/{id}", self.server.client.address())
    }

    /// The one execution there is.
    async fn execution(&self) -> Value {
        let listed = self.ask("GET", "/executions", &Value::Null).await.body;
        let [only] = &listed["executions"].as_array().unwrap()[..] else {
            panic!("{listed}")
        };
        only.clone()
    }
}

/// Starts a workflow of one node, which calls the agent of that name.
async fn call(client: &Client, agent_id: &str, config: Value) -> String {
    let node = json!({"id": "call", "type": "agent_call", "agent_id": agent_id, "config": config});
    let workflow = client.create(&json!({"name": "Caller", "nodes": [node]})).await;
    client.execute(&workflow, &json!({})).await
}

/// A server with the workflow at this address as an agent, which it has the key for.
async fn caller(folder: &Path, url: &str, key: &str) -> Server {
    let server = Server::serve_with(folder, &[], &[("REMOTE_KEY", key)]).await;
    let auth = json!({"type": "bearer", "token": {"env": "REMOTE_KEY"}});
    let agent = json!({"agent_id": "remote", "url": url, "auth": auth});
    let registered = server.client.post("/agents", &agent).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    server
}

/// Waits until the execution asks, and gives the question.
async fn question(client: &Client, execution: &str) -> Value {
    let mut events = client.follow(execution, 0).await;
    events.until("approval.requested", None).await;
    let asked = client
        .get(&format!("/approvals?execution_id={execution}"))
        .await
        .body;
    asked["approvals"][0].clone()
}

async fn answer(client: &Client, question: &Value, mut said: Value) {
    said["decision"] = "answer".into();
    said["by"] = "ann".into();
    let path = format!("/approvals/{}/decision", question["id"].as_str().unwrap());
    let decided = client.post(&path, &said).await;
    assert_eq!(decided.status, 200, "{decided:?}");
}

#[tokio::test]
async fn a_workflow_on_another_server_is_called_with_its_input_and_paid_for() {
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let remote = Server::demo(folders.0.path()).await;
    let node = json!({"id": "search", "type": "agent_call", "agent_id": "web-search", "config": {"query": "{{input.topic}}"}});
    let workflow = remote
        .client
        .create(&json!({"name": "Search", "nodes": [node], "output": {"of": "{{input.topic}}", "found": "{{search}}"}}))
        .await;
    let published = remote
        .client
        .post(&format!("/workflows/{workflow}/publish"), &json!({}))
        .await;
    assert_eq!(published.status, 200);

    let server = Server::serve(folders.1.path()).await;
    let url = format!("http://{}/a2a/{workflow}", remote.client.address());
    let registered = server
        .client
        .post("/agents", &json!({"agent_id": "remote", "url": url}))
        .await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let execution = call(&server.client, "remote", json!({"topic": "tea"})).await;
    let mut events = server.client.follow(&execution, 0).await;
    events.until("execution.completed", None).await;

    let there = remote.client.get("/executions").await.body["executions"][0].clone();
    let here = server.client.node(&execution, "call").await;
    assert_eq!(here["remote_task_id"], there["id"]);
    assert_eq!(
        here["output"],
        remote.client.execution(there["id"].as_str().unwrap()).await["output"]
    );
    assert_eq!(here["cost_usd"], there["cost_usd"]);
    assert!(
        here["cost_usd"].as_f64().unwrap() > 0.0 && here["cost_known"] == true,
        "{here}"
    );
}

#[tokio::test]
async fn a_question_on_another_server_is_answered_here() {
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let remote = Remote::start(folders.0.path(), "admin").await;
    let url = remote.offer("Pay 12 EUR?").await;
    let server = caller(folders.1.path(), &url, &remote.key).await;
    for (said, decision, comment) in [
        (
            json!({"data": {"decision": "approve", "comment": "fine"}}),
            "approve",
            json!("fine"),
        ),
        (json!({"comment": "approve"}), "approve", Value::Null),
    ] {
        let execution = call(&server.client, "remote", json!({})).await;
        let asked = question(&server.client, &execution).await;
        assert_eq!(asked["kind"], "agent_input");
        assert_eq!(
            asked["message"],
            "Pay 12 EUR? Answer with one of: approve, reject."
        );
        assert_eq!(
            asked["form"]["properties"]["decision"]["enum"],
            json!(["approve", "reject"])
        );
        answer(&server.client, &asked, said).await;
        let mut events = server.client.follow(&execution, 0).await;
        events.until("execution.completed", None).await;
        let output = &server.client.node(&execution, "call").await["output"];
        assert_eq!(
            (&output["decision"], &output["comment"]),
            (&json!(decision), &comment)
        );
        assert_eq!(output["by"], "admin", "whose key it is: {output}");
    }
    let execution = call(&server.client, "remote", json!({})).await;
    let asked = question(&server.client, &execution).await;
    answer(&server.client, &asked, json!({"data": {"decision": "reject"}})).await;
    let mut events = server.client.follow(&execution, 0).await;
    events.until("execution.failed", None).await;
    let error = &server.client.execution(&execution).await["error"];
    assert_eq!(error["code"], "agent_failed");
    assert!(
        error["message"].as_str().unwrap().contains("approval_rejected"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cancel_here_cancels_the_task_on_the_other_server() {
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let remote = Remote::start(folders.0.path(), "admin").await;
    let url = remote.offer("Pay 12 EUR?").await;
    let server = caller(folders.1.path(), &url, &remote.key).await;
    let execution = call(&server.client, "remote", json!({})).await;
    question(&server.client, &execution).await;
    let cancelled = server
        .client
        .post(&format!("/executions/{execution}/cancel"), &json!({}))
        .await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    let mut events = server.client.follow(&execution, 0).await;
    events.until("execution.cancelled", None).await;
    while remote.execution().await["status"] != "cancelled" {}
    assert_eq!(
        server.client.node(&execution, "call").await["remote_cancel"],
        "confirmed"
    );
}

#[tokio::test]
async fn a_key_may_do_here_what_its_role_says() {
    let folder = tempfile::tempdir().unwrap();
    let remote = Remote::start(folder.path(), "admin").await;
    let agent = remote.offer("Pay?").await;
    let runner = keys(folder.path(), &["create", "--role", "runner", "--name", "runner"]).await;
    let ask = async |key: Option<&str>, path: &str, body: Option<Value>| {
        let request = hyper::Request::builder()
            .method(if body.is_some() { "POST" } else { "GET" })
            .uri(format!("{agent}{path}"))
            .header("a2a-version", "1.0")
            .header("content-type", "application/json");
        let request = match key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        };
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        remote
            .server
            .client
            .exchange(request.body(Full::new(body)).unwrap())
            .await
    };
    let card = "/.well-known/agent-card.json";
    let key = runner["key"].as_str();
    assert_eq!(ask(None, card, None).await.status, 401);
    let shown = ask(key, card, None).await;
    assert_eq!(
        (
            shown.status,
            &shown.body["securitySchemes"]["api_key"]["httpAuthSecurityScheme"]["scheme"]
        ),
        (200, &json!("Bearer"))
    );
    let start = json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "go"}]}});
    assert_eq!(ask(None, "/message:send", Some(start.clone())).await.status, 401);
    let asked = ask(key, "/message:send", Some(start)).await;
    let task = &asked.body["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_INPUT_REQUIRED");
    let decide = json!({"message": {
        "messageId": "n", "taskId": task["id"], "role": "ROLE_USER", "parts": [{"text": "approve"}],
    }});
    assert_eq!(ask(key, "/message:send", Some(decide.clone())).await.status, 403);
    let decided = ask(Some(&remote.key), "/message:send", Some(decide)).await;
    assert_eq!(decided.body["task"]["status"]["state"], "TASK_STATE_COMPLETED");
}
