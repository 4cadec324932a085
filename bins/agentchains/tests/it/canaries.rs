//! Secrets in every place that one can be given in, and every output that there is: none is in any of them.

use std::path::Path;

use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    keys::keys,
    secrets::{Echo, KEY, kept, secrets, shows_a_secret},
    server::Server,
};

/// A server whose callers show keys, and what was answered, as text.
struct Heard {
    server: Server,
    key: String,
    said: Vec<String>,
}

impl Heard {
    /// Sends a request, and keeps the answer.
    async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
        let mut request = self.server.client.request(method, path);
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json");
        let body = Full::new(Bytes::from(body.to_owned()));
        let answer = self.server.client.exchange(request.body(body).unwrap()).await;
        assert!(answer.status < 500, "{path}: {answer:?}");
        self.said.push(answer.body.to_string());
        answer.body
    }

    async fn post(&mut self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, &[], &body.to_string()).await
    }

    async fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, &[], "").await
    }
}

/// Requests that carry secrets where none belongs, or where one is wrong.
async fn misplace(heard: &mut Heard) {
    for (headers, path, body) in [
        (
            vec![("authorization", "Bearer ac_nobody_c4n4ry-01")],
            "/workflows",
            "",
        ),
        (vec![("authorization", "Basic c4n4ry-02")], "/workflows", ""),
        (
            vec![("cookie", "session=c4n4ry-03"), ("x-api-key", "c4n4ry-03")],
            "/workflows",
            "",
        ),
        (vec![], "/workflows?access_token=c4n4ry-04", ""),
        (
            vec![],
            "/agents",
            r#"{"agent_id": "x", "url": "http://127.0.0.1:9", "auth": {"type": "bearer", "token": "c4n4ry-05"}}"#,
        ),
        (
            vec![],
            "/agents",
            r#"{"agent_id": "x", "url": "http://user:c4n4ry-06@127.0.0.1:9"}"#,
        ),
        (vec![], "/agents", r#"{"agent_id": "x", "token": "c4n4ry-07" "#),
        (
            vec![],
            "/agents/discover",
            r#"{"url": "http://user:c4n4ry-08@127.0.0.1:9/?key=c4n4ry-08"}"#,
        ),
    ] {
        let method = if body.is_empty() { "GET" } else { "POST" };
        heard.ask(method, path, &headers, body).await;
    }
}

/// A webhook whose secret is shown to who makes it, once, and to nobody else.
async fn subscribe(heard: &mut Heard, url: &str) {
    // 24 bytes in base64.
    let secret = format!("whsec_c4n4ry14{}", "A".repeat(24));
    let body = json!({"url": url, "secret": secret}).to_string();
    let made = heard.ask("POST", "/webhooks", &[], &body).await;
    assert_eq!(
        (&made["secret"], heard.said.pop().is_some()),
        (&json!(secret), true)
    );
    heard.get("/webhooks").await;
    heard
        .get(&format!("/webhooks/{}", made["id"].as_str().unwrap()))
        .await;
}

/// Agents that are called with secrets of each place, repeat them in outputs and errors, and a workflow that calls all.
async fn call(heard: &mut Heard, echo: &str, file: &Path) -> (String, String) {
    let mut nodes = Vec::new();
    for (id, path, auth) in [
        (
            "env",
            "works",
            json!({"type": "bearer", "token": {"env": "SEARCH_TOKEN"}}),
        ),
        (
            "file",
            "works",
            json!({"type": "basic", "username": "u", "password": {"file": file}}),
        ),
        (
            "stored",
            "works",
            json!({"type": "api_key", "in": "query", "name": "key", "key": {"stored": "one"}}),
        ),
        (
            "cookie",
            "works",
            json!({"type": "api_key", "in": "cookie", "name": "key", "key": {"stored": "one"}}),
        ),
        (
            "failing",
            "fails",
            json!({"type": "api_key", "key": {"stored": "one"}}),
        ),
    ] {
        let agent = json!({
            "agent_id": id, "protocol": "http", "url": format!("{echo}/{path}"), "auth": auth,
            "headers": {"X-Second": "{{secrets.two}}"},
        });
        let registered = heard.post("/agents", &agent).await;
        assert_eq!(registered["agent_id"], id, "{registered}");
        nodes.push(json!({"id": id, "type": "agent_call", "agent_id": id}));
    }
    let document = json!({"name": "Canaries", "nodes": nodes, "on_failure": "continue"});
    let created = heard.post("/workflows", &document).await;
    assert!(created["id"].is_string(), "{created}");
    let workflow = created["id"].as_str().unwrap().to_owned();
    let executed = heard
        .post(&format!("/workflows/{workflow}/execute?wait=30"), &json!({}))
        .await;
    (workflow, executed["id"].as_str().unwrap().to_owned())
}

/// Every way in which the server tells of what has happened.
async fn look_everywhere(heard: &mut Heard, workflow: &str, execution: &str) {
    for path in [
        "/workflows",
        "/executions",
        "/approvals",
        "/agents",
        "/openapi.json",
        "/templates",
        "/agents/failing/health",
        "/agents/failing/circuit-breaker",
    ] {
        heard.get(path).await;
    }
    for part in ["", "/versions", "/graph?format=svg", "/graph?format=mermaid"] {
        heard.get(&format!("/workflows/{workflow}{part}")).await;
    }
    for part in ["", "/nodes", "/events", "/cost", "/explain"] {
        heard.get(&format!("/executions/{execution}{part}")).await;
    }
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let address = heard.server.client.address();
    let key = heard.key.clone();
    for (path, body) in [
        (
            "mcp".to_owned(),
            json!({"name": "workflow_status", "arguments": {"execution_id": execution}, "_meta": meta}),
        ),
        (format!("a2a/{workflow}"), json!({"id": execution})),
    ] {
        let method = if path == "mcp" { "tools/call" } else { "GetTask" };
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": body});
        let request = hyper::Request::post(format!("http://{address}/{path}"))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("a2a-version", "1.0")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method)
            .header("mcp-name", "workflow_status")
            .body(Full::new(Bytes::from(body.to_string())));
        let answer = heard.server.client.text(request.unwrap()).await;
        assert!(
            answer.contains(execution) && answer.contains("[redacted]"),
            "{path}: {answer}"
        );
        heard.said.push(answer);
    }
    let metrics = hyper::Request::get(format!("http://{address}/metrics"));
    let metrics = metrics
        .header("authorization", format!("Bearer {key}"))
        .body(Full::default());
    heard.said.push(heard.server.client.text(metrics.unwrap()).await);
}

#[tokio::test]
async fn no_secret_is_in_any_output_wherever_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "c4n4ry-09\n").unwrap();
    for (name, secret) in [("one", "c4n4ry-10"), ("two", "c4n4ry-11")] {
        let set = secrets(folder.path(), &["set", name, "--tenant", "acme"], secret).await;
        assert!(set.status.success(), "{set:?}");
    }
    let made = keys(
        folder.path(),
        &["create", "--tenant", "acme", "--role", "admin", "--name", "me"],
    )
    .await;
    let key = made["key"].as_str().unwrap().to_owned();
    let variables = [
        ("AGENTCHAINS_SECRETS_KEY", KEY),
        ("SEARCH_TOKEN", "c4n4ry-12"),
        ("UNUSED_TOKEN", "c4n4ry-13"),
        ("RUST_LOG", "trace"),
    ];
    let flags = [
        "--auth",
        "required",
        "--allow-agent-addresses",
        "loopback",
        "--allow-agent-secrets",
        "any",
        "--a2a-publish",
        "all",
    ];
    let server = Server::serve_with(folder.path(), &flags, &variables).await;
    let log = server.log();
    let echo = Echo::start().await;
    let mut heard = Heard {
        server,
        key: key.clone(),
        said: Vec::new(),
    };
    misplace(&mut heard).await;
    subscribe(&mut heard, &echo.url).await;
    let (workflow, execution) = call(&mut heard, &echo.url, &token).await;
    look_everywhere(&mut heard, &workflow, &execution).await;
    let said = heard.said.join("\n");
    assert!(said.contains("[redacted]"), "the agents repeat what they hear");
    let shown = Command::new(env!("CARGO_BIN_EXE_agentchains"))
        .args(["executions", "show", &execution, "--server"])
        .arg(format!("http://{}", heard.server.client.address()))
        .env("AGENTCHAINS_KEY", &key)
        .output()
        .await
        .unwrap();
    assert!(shown.status.success(), "{shown:?}");
    assert!(heard.server.terminate().await.success());

    let key_secret = key.rsplit_once('_').unwrap().1.to_owned();
    for (what, text) in [
        ("an answer", said.into_bytes()),
        ("the log", log.since(0).join("\n").into_bytes()),
        ("the database", kept(folder.path())),
        ("the command line", [shown.stdout, shown.stderr].concat()),
    ] {
        let text_of = String::from_utf8_lossy(&text);
        let at = text_of
            .find("c4n4ry")
            .map(|at| &text_of[at.saturating_sub(200)..(at + 20).min(text_of.len())]);
        assert!(!shows_a_secret(&text), "{what} shows a secret: {at:?}");
        for secret in [&key_secret, KEY] {
            assert!(!text_of.contains(secret), "{what} shows a key");
        }
    }
}
