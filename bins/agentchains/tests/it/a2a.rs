//! Workflows that call workflows on another server, which are A2A agents there.

use std::path::Path;

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::{Request, http::request::Builder};
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

/// A request to an agent.
fn request(method: &str, url: &str, key: Option<&str>) -> Builder {
    let request = Request::builder().method(method).uri(url);
    let request = request
        .header("a2a-version", "1.0")
        .header("content-type", "application/json");
    match key {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    }
}

/// Sends an agent a message, and waits.
async fn send(client: &Client, agent: &str, key: Option<&str>, mut message: Value) -> Answer {
    message["role"] = "ROLE_USER".into();
    let body = json!({"message": message}).to_string();
    let request = request("POST", &format!("{agent}/message:send"), key);
    client
        .exchange(request.body(Full::new(body.into())).unwrap())
        .await
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
async fn the_only_published_workflow_is_found_at_the_root_of_its_server_by_who_may_see_it() {
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let remote = Remote::start(folders.0.path(), "admin").await;
    let url = remote.offer("Go on?").await;
    let root = format!("http://{}", remote.server.client.address());
    let card = async |of: &str, key: Option<&str>| {
        let request = request("GET", &format!("{of}/.well-known/agent-card.json"), key);
        let request = request.body(Full::<Bytes>::default()).unwrap();
        remote.server.client.exchange(request).await
    };
    let of_workflow = card(&url, Some(&remote.key)).await;
    let of_root = card(&root, Some(&remote.key)).await;
    assert_eq!((of_root.status, of_root.body), (200, of_workflow.body));
    assert_eq!(card(&root, None).await.status, 401);
    let role = [
        "create", "--tenant", "other", "--role", "admin", "--name", "other",
    ];
    let stranger = keys(folders.0.path(), &role).await;
    assert_eq!(card(&root, stranger["key"].as_str()).await.status, 404);

    let server = caller(folders.1.path(), &root, &remote.key).await;
    let execution = call(&server.client, "remote", json!({})).await;
    let asked = question(&server.client, &execution).await;
    assert!(asked["message"].as_str().unwrap().contains("Go on?"), "{asked}");
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
async fn a_question_comes_through_a_server_between_and_its_answer_goes_back() {
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let remote = Remote::start(folders.0.path(), "admin").await;
    let url = remote.offer("Pay 12 EUR?").await;
    let server = caller(folders.1.path(), &url, &remote.key).await;
    let between = &server.client;
    let node = json!({"id": "call", "type": "agent_call", "agent_id": "remote", "config": {}});
    let document = json!({"name": "Between", "nodes": [node], "output": "{{call.decision}}"});
    let workflow = between.create(&document).await;
    assert_eq!(
        between
            .post(&format!("/workflows/{workflow}/publish"), &json!({}))
            .await
            .status,
        200
    );
    let agent = format!("http://{}/a2a/{workflow}", between.address());
    let asked = send(
        between,
        &agent,
        None,
        json!({"messageId": "m", "parts": [{"text": "go"}]}),
    )
    .await;
    let task = &asked.body["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_INPUT_REQUIRED", "{asked:?}");
    let parts = &task["status"]["message"]["parts"];
    assert_eq!(
        parts[0]["text"],
        "Pay 12 EUR? Answer with one of: approve, reject."
    );
    assert_eq!(
        parts[1]["data"]["properties"]["decision"]["enum"],
        json!(["approve", "reject"])
    );
    let broken = json!({"messageId": "n", "taskId": task["id"], "parts": [{"data": {"approve": true}}]});
    assert_eq!(send(between, &agent, None, broken).await.status, 400);
    let answer = json!({"messageId": "o", "taskId": task["id"], "parts": [{"text": "approve"}]});
    let done = send(between, &agent, None, answer).await;
    assert_eq!(
        done.body["task"]["status"]["state"], "TASK_STATE_COMPLETED",
        "{done:?}"
    );
    assert_eq!(done.body["task"]["artifacts"][0]["parts"][0]["text"], "approve");
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
    let (client, key) = (&remote.server.client, runner["key"].as_str());
    let card = async |key| {
        let card = request("GET", &format!("{agent}/.well-known/agent-card.json"), key);
        client.exchange(card.body(Full::default()).unwrap()).await
    };
    assert_eq!(card(None).await.status, 401);
    let shown = card(key).await;
    assert_eq!(
        (
            shown.status,
            &shown.body["securitySchemes"]["api_key"]["httpAuthSecurityScheme"]["scheme"]
        ),
        (200, &json!("Bearer"))
    );
    let start = json!({"messageId": "m", "parts": [{"text": "go"}]});
    assert_eq!(send(client, &agent, None, start.clone()).await.status, 401);
    let asked = send(client, &agent, key, start).await;
    let task = &asked.body["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_INPUT_REQUIRED");
    let decide = json!({"messageId": "n", "taskId": task["id"], "parts": [{"text": "approve"}]});
    assert_eq!(send(client, &agent, key, decide.clone()).await.status, 403);
    let decided = send(client, &agent, Some(&remote.key), decide).await;
    assert_eq!(decided.body["task"]["status"]["state"], "TASK_STATE_COMPLETED");
}

#[tokio::test]
async fn a_task_outlives_the_server_and_a_message_is_one_task_however_often_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || Server::serve_with(folder.path(), &["--a2a-publish", "all"], &[]).await;
    let server = start().await;
    let node = json!({"id": "ask", "type": "human_approval", "config": {"message": "Pay?"}});
    let workflow = server
        .client
        .create(&json!({"name": "Ask", "nodes": [node]}))
        .await;
    let agent = |server: &Server| format!("http://{}/a2a/{workflow}", server.client.address());
    let message = json!({"messageId": "m", "parts": [{"text": "go"}]});
    let url = agent(&server);
    let sent = (0..16).map(|_| send(&server.client, &url, None, message.clone()));
    let sent = join_all(sent.collect::<Vec<_>>()).await;
    let task = sent[0].body["task"].clone();
    assert_eq!(task["status"]["state"], "TASK_STATE_INPUT_REQUIRED");
    assert!(sent.iter().all(|answer| answer.body["task"] == task), "{sent:?}");
    server.kill().await;

    let server = start().await;
    let again = send(&server.client, &agent(&server), None, message).await;
    assert_eq!(again.body["task"], task);
    let answer = json!({"messageId": "n", "taskId": task["id"], "parts": [{"text": "approve"}]});
    let done = send(&server.client, &agent(&server), None, answer).await;
    assert_eq!(
        done.body["task"]["status"]["state"], "TASK_STATE_COMPLETED",
        "{done:?}"
    );
}
