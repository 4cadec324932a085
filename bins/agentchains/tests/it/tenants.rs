//! Two tenants on one server, whose agents have the same id.

use std::path::Path;

use agentchains_demo::{DemoSettings, start_all};
use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client},
    keys::keys,
    server::Server,
};

/// Somebody with a key.
pub(crate) struct Member<'a> {
    client: &'a Client,
    key: String,
}

impl<'a> Member<'a> {
    pub(crate) async fn new(folder: &Path, server: &'a Server, tenant: &str, role: &str) -> Self {
        let words = ["create", "--tenant", tenant, "--role", role, "--name", tenant];
        let key = keys(folder, &words).await["key"].as_str().unwrap().to_owned();
        Self {
            client: &server.client,
            key,
        }
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.client.request(method, path);
        let request = request
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.client
            .exchange(request.body(Full::new(Bytes::from(body))).unwrap())
            .await
    }

    /// Runs a workflow that calls the agent `searcher`, to its end.
    pub(crate) async fn search(&self) -> Value {
        let node =
            json!({"id": "n", "type": "agent_call", "agent_id": "searcher", "config": {"query": "tea"}});
        let created = self
            .ask("POST", "/workflows", &json!({"name": "w", "nodes": [node]}))
            .await;
        let path = format!(
            "/workflows/{}/execute?wait=30",
            created.body["id"].as_str().unwrap()
        );
        self.ask("POST", &path, &json!({})).await.body
    }
}

#[tokio::test]
async fn each_tenant_calls_its_own_agent_of_an_id_and_has_its_breaker_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let agents = start_all(DemoSettings::default()).await.unwrap();
    let flags = ["--auth", "required", "--allow-agent-addresses", "loopback"];
    let server = Server::serve_with(folder.path(), &flags, &[]).await;
    let acme = Member::new(folder.path(), &server, "acme", "admin").await;
    let umbrella = Member::new(folder.path(), &server, "umbrella", "admin").await;

    let web_search = agents
        .agents()
        .iter()
        .find(|agent| agent.id == "web-search")
        .unwrap();
    let node = json!({"id": "n", "type": "agent_call", "agent_id": "searcher", "config": {}});
    let unknown = json!({"name": "w", "nodes": [node]});
    let warned = umbrella.ask("POST", "/workflows", &unknown).await.body;
    assert_eq!(warned["warnings"][0]["code"], "unknown_agent", "{warned}");
    for (admin, url) in [
        (&acme, web_search.url.as_str()),
        (&umbrella, "http://127.0.0.1:9/"),
    ] {
        let agent = json!({"agent_id": "searcher", "url": url});
        assert_eq!(admin.ask("POST", "/agents", &agent).await.status, 201);
    }
    let (found, failed) = (acme.search().await, umbrella.search().await);
    assert_eq!(found["status"], "completed", "{found}");
    assert_eq!(failed["status"], "failed", "{failed}");

    let breaker = "/agents/searcher/circuit-breaker";
    let forced = umbrella
        .ask("POST", &format!("{breaker}/force-open"), &Value::Null)
        .await;
    assert_eq!(forced.body["state"], "open");
    assert_eq!(
        acme.ask("GET", breaker, &Value::Null).await.body["state"],
        "closed"
    );
    assert_eq!(acme.search().await["status"], "completed");
    assert_eq!(umbrella.search().await["error"]["code"], "circuit_open");
    assert_eq!(
        umbrella
            .ask("DELETE", "/agents/searcher", &Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        acme.ask("GET", "/agents/searcher", &Value::Null).await.status,
        200
    );
}
