//! A server with a few agents, and a client of it.

use std::sync::Arc;

use agentchains_engine::{AgentRequest, Caller, Engine, LocalAgents};
use agentchains_mcp::{McpServer, router};
use agentchains_testkit::MemoryStore;
use axum::{Router, body::Body};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

/// A server with the agents `echo`, and `gate`, which waits for [`Server::gate`].
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) gate: Arc<Semaphore>,
    router: Router,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut McpServer)) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let waits = Arc::clone(&gate);
        let agents = LocalAgents::new()
            .with("echo", async |request: AgentRequest| Ok(request.config.into()))
            .with("gate", move |_: AgentRequest| {
                let waits = Arc::clone(&waits);
                async move {
                    waits.acquire().await.unwrap().forget();
                    Ok(json!({}).into())
                }
            });
        let engine = Engine::builder(Arc::new(MemoryStore::new()), Arc::new(agents)).start();
        let mut server = McpServer::new(engine.clone());
        adjust(&mut server);
        Self {
            engine,
            gate,
            router: router(server),
        }
    }

    /// Stores a workflow with these nodes, and gives its id.
    pub(crate) async fn create(&self, name: &str, nodes: Value) -> String {
        let document = json!({"name": name, "description": "for a test", "nodes": nodes}).to_string();
        let caller = Caller::anonymous();
        let created = self
            .engine
            .create_workflow(&caller, &document, None)
            .await
            .unwrap();
        match created {
            agentchains_engine::ports::Creation::Created(view) => view.record.id.to_string(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Asks as a client of the newest revision does, and gives all messages of the answer.
    pub(crate) async fn ask_all(&self, caller: Option<Caller>, method: &str, params: Value) -> Vec<Value> {
        let mut request = modern(method, params);
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        messages(self.send(request).await).await
    }

    /// The last message of the answer.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        self.ask_all(None, method, params).await.pop().unwrap()
    }

    /// The last message of the answer to a client with these capabilities.
    pub(crate) async fn ask_as(&self, capabilities: &Value, method: &str, mut params: Value) -> Value {
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
        self.ask(method, params).await
    }

    /// The result of a tool's call.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        self.ask("tools/call", params).await["result"].clone()
    }
}

/// A request of the newest revision.
pub(crate) fn modern(method: &str, mut params: Value) -> Request<Body> {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    let capabilities = &mut params["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    if capabilities.is_null() {
        *capabilities = json!({});
    }
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
    let named = ["name", "uri", "taskId"]
        .iter()
        .find_map(|name| params.get(name)?.as_str());
    let mut request = Request::post("/mcp")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method);
    if let Some(name) = named {
        request = request.header("mcp-name", name);
    }
    with_json(
        request,
        &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}),
    )
}

pub(crate) fn with_json(request: http::request::Builder, body: &Value) -> Request<Body> {
    request
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("host", "localhost")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// The messages of an answer, which is a stream of events, or one message where nothing was begun.
pub(crate) async fn messages(response: Response<Body>) -> Vec<Value> {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    if let Ok(message) = serde_json::from_str(&text) {
        return vec![message];
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

/// One node that calls that agent.
pub(crate) fn one(agent: &str) -> Value {
    json!([{"id": "only", "type": "agent_call", "agent_id": agent, "config": {"said": "{{input.word}}"}}])
}

/// One question to a person.
pub(crate) fn question() -> Value {
    json!([{"id": "ask", "type": "human_approval", "config": {"message": "Go on?"}}])
}
