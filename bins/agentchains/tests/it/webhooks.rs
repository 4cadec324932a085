//! Webhooks of a server: told of each event at least once, whatever becomes of the server, and by tenant.

use std::collections::BTreeSet;

use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, UnboundedReceiver},
    task::JoinSet,
};

use crate::{keys::keys, server::Server};

/// An address that takes whatever it is told.
struct Receiver {
    told: UnboundedReceiver<Value>,
    _server: JoinSet<()>,
}

impl Receiver {
    fn on(listener: TcpListener) -> Self {
        let (sender, told) = mpsc::unbounded_channel();
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Some(event) = taken(&mut stream).await {
                        // Whoever listened may have heard enough.
                        let _ = sender.send(event);
                    }
                });
            }
        });
        Self {
            told,
            _server: server,
        }
    }

    /// The numbers of what it is told of an execution until its end.
    async fn until_the_end(&mut self, execution: &str) -> BTreeSet<u64> {
        let mut seqs = BTreeSet::new();
        loop {
            let event = self.told.recv().await.unwrap();
            assert_eq!(event["execution_id"], execution, "{event}");
            seqs.insert(event["seq"].as_u64().unwrap());
            if event["type"] == "execution.completed" {
                return seqs;
            }
        }
    }
}

/// Takes a request, and gives its body. None at the end of the connection.
async fn taken(stream: &mut BufReader<TcpStream>) -> Option<Value> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim().to_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().ok()?,
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    stream.write_all(answer).await.ok()?;
    serde_json::from_slice(&body).ok()
}

fn asking() -> Value {
    let node = json!({"id": "ask", "type": "human_approval", "config": {"message": "Go?"}});
    json!({"name": "w", "nodes": [node]})
}

/// Approves the only question of an execution.
async fn approve(server: &Server, execution: &str) {
    let path = format!("/approvals?execution_id={execution}");
    let approval = server.client.get(&path).await.body["approvals"][0]["id"].clone();
    let path = format!("/approvals/{}/decision", approval.as_str().unwrap());
    let decided = server.client.post(&path, &json!({"decision": "approve"})).await;
    assert_eq!(decided.status, 200, "{decided:?}");
}

#[tokio::test]
async fn every_event_is_told_over_an_outage_of_the_address_and_kills_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody is there for now.
    drop(listener);
    let server = Server::serve(folder.path()).await;
    let wanted = json!({"url": format!("http://{address}/hook")});
    let made = server.client.post("/webhooks", &wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    let workflow = server.client.create(&asking()).await;
    let execution = server.client.execute(&workflow, &json!({})).await;
    let mut events = server.client.follow(&execution, 0).await;
    events.until("approval.requested", None).await;
    while server.client.get(&path).await.body["last_failure"].is_null() {}
    server.kill().await;

    let server = Server::serve(folder.path()).await;
    approve(&server, &execution).await;
    let events = server.client.follow(&execution, 0).await.rest().await;
    server.kill().await;

    let mut receiver = Receiver::on(TcpListener::bind(address).await.unwrap());
    let server = Server::serve(folder.path()).await;
    let told = receiver.until_the_end(&execution).await;
    let happened = events.iter().map(|event| event["seq"].as_u64().unwrap());
    let missing: Vec<u64> = happened.filter(|seq| !told.contains(seq)).collect();
    // What was sent in vain before comes again some seconds later.
    for _ in &missing {
        let late = receiver.told.recv().await.unwrap();
        assert!(missing.contains(&late["seq"].as_u64().unwrap()), "{late}");
    }
    while server.client.get(&path).await.body["pending"] != 0 {}
    let shown = server.client.get(&path).await.body;
    assert!(shown.get("secret").is_none(), "{shown}");
}

#[tokio::test]
async fn webhooks_of_the_settings_are_told_and_changed_there_only() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let mut receiver = Receiver::on(listener);
    let settings = format!(
        "[[webhooks]]\nurl = '{url}'\nevents = ['approval.requested', 'execution.completed']\nsecret = {{ env = \
         'HOOK_SECRET' }}\n"
    );
    let file = folder.path().join("agentchains.toml");
    std::fs::write(&file, settings).unwrap();
    let flags = ["--config", file.to_str().unwrap()];
    let secret = ("HOOK_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz");
    let server = Server::serve_with(folder.path(), &flags, &[secret]).await;
    let listed = server.client.get("/webhooks").await.body;
    assert_eq!(listed["webhooks"][0]["source"], "settings", "{listed}");
    let path = format!("/webhooks/{}", listed["webhooks"][0]["id"].as_str().unwrap());
    let removed = server.client.send("DELETE", &path, None, Bytes::new()).await;
    assert_eq!(
        (removed.status, &removed.body["code"]),
        (409, &json!("webhook_read_only"))
    );

    let workflow = server.client.create(&asking()).await;
    let execution = server.client.execute(&workflow, &json!({})).await;
    let asked = receiver.told.recv().await.unwrap();
    assert_eq!(asked["type"], "approval.requested");
    assert_eq!(asked["data"]["execution_id"], execution);
    approve(&server, &execution).await;
    assert_eq!(receiver.told.recv().await.unwrap()["type"], "execution.completed");
}

#[tokio::test]
async fn a_tenant_is_told_of_its_own_executions_and_sees_its_own_webhooks() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--auth", "required", "--allow-agent-addresses", "loopback"];
    let server = Server::serve_with(folder.path(), &flags, &[]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let mut receiver = Receiver::on(listener);
    let key = async |tenant: &str, role: &str| {
        let make = ["create", "--tenant", tenant, "--role", role, "--name", role];
        keys(folder.path(), &make).await["key"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (acme, umbrella) = (key("acme", "admin").await, key("umbrella", "admin").await);
    let viewer = key("acme", "viewer").await;
    let ask = async |key: &str, method: &str, path: &str, body: Value| {
        let request = server.client.request(method, path);
        let request = request
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        server
            .client
            .exchange(request.body(Full::new(Bytes::from(body))).unwrap())
            .await
    };
    let wanted = json!({"url": url, "events": ["execution.completed"]});
    let made = ask(&acme, "POST", "/webhooks", wanted.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    assert_eq!(ask(&viewer, "GET", &path, Value::Null).await.status, 403);
    assert_eq!(ask(&viewer, "POST", "/webhooks", wanted).await.status, 403);
    assert_eq!(ask(&acme, "GET", &path, Value::Null).await.status, 200);
    for method in ["GET", "DELETE"] {
        assert_eq!(
            ask(&umbrella, method, &path, Value::Null).await.status,
            404,
            "{method}"
        );
    }
    let listed = ask(&umbrella, "GET", "/webhooks", Value::Null).await;
    assert_eq!(listed.body["webhooks"], json!([]));

    let node = json!({"id": "c", "type": "condition", "config": {"expression": "$.input.go == true"}});
    let workflow = json!({"name": "w", "nodes": [node]});
    let mut executions = Vec::new();
    for key in [&umbrella, &acme] {
        let created = ask(key, "POST", "/workflows", workflow.clone()).await;
        let id = created.body["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{created:?}"));
        let path = format!("/workflows/{id}/execute?wait=30");
        let ran = ask(key, "POST", &path, json!({})).await;
        assert_eq!(ran.body["status"], "completed", "{ran:?}");
        executions.push(ran.body["id"].clone());
    }
    assert_eq!(receiver.told.recv().await.unwrap()["execution_id"], executions[1]);
}
