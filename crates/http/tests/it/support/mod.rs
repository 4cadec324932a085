//! An API to call, agents to run on it, and answers to look at.

mod asking;
mod directory;
mod socket;

use std::sync::Arc;

use agentchains_engine::{
    AgentAnswer, AgentFailed, AgentRequest, Engine, LocalAgents,
    cost::{Usage, Usd},
    ports::AgentProfile,
};
use agentchains_http::{Access, App, BASE_PATH, RenderMetrics, ServerOptions, router};
use agentchains_testkit::MemoryStore;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Response,
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use self::asking::Asking;
pub(crate) use self::{
    directory::Directory,
    socket::{Client, Server, answer},
};

/// An API under test.
pub(crate) struct Api {
    pub(crate) engine: Engine,
    router: Router,
    /// Each permit lets one call of the agent `gate` go on.
    pub(crate) gate: Arc<Semaphore>,
}

impl Api {
    /// An API with the agents `echo`, which costs 0.25 USD, `gate`, which waits for [`Api::gate`], `broken`, which
    /// fails, `slow`, whose breaker opens after any call, `off`, whose breaker is forced open, `teller`, which
    /// asks before it pays, and stand-ins for those that templates name.
    pub(crate) fn start() -> Self {
        Self::with_options(ServerOptions::default())
    }

    pub(crate) fn with_options(options: ServerOptions) -> Self {
        Self::measured(options, None)
    }

    /// An API for those who show one of these keys.
    pub(crate) fn behind(keys: &MemoryStore) -> Self {
        Self::behind_with_options(keys, ServerOptions::default())
    }

    pub(crate) fn behind_with_options(keys: &MemoryStore, options: ServerOptions) -> Self {
        let (mut app, gate) = app(options);
        app.access = Access::Keys(Arc::new(keys.clone()));
        Self {
            engine: app.engine.clone(),
            router: router(app),
            gate,
        }
    }

    /// An API that answers with these metrics.
    pub(crate) fn measured(options: ServerOptions, metrics: Option<RenderMetrics>) -> Self {
        let (mut app, gate) = app(options);
        app.metrics = metrics;
        Self {
            engine: app.engine.clone(),
            router: router(app),
            gate,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(request(Method::GET, path, Body::empty())).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(request(Method::DELETE, path, Body::empty())).await
    }

    /// Posts without a body.
    pub(crate) async fn act(&self, path: &str) -> Reply {
        self.send(request(Method::POST, path, Body::empty())).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl ToString) -> Reply {
        self.send(with_json(Method::POST, path, body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: impl ToString) -> Reply {
        self.send(with_json(Method::PUT, path, body)).await
    }

    /// The answer as it begins.
    pub(crate) async fn response(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (head, body) = self.response(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Stores a workflow and gives its id.
    pub(crate) async fn create(&self, workflow: &Value) -> String {
        text(&self.post("/workflows", workflow).await.expect(201)["id"])
    }

    /// Starts a new workflow without waiting, and gives the execution's id.
    pub(crate) async fn start_one(&self, workflow: &Value, body: &Value) -> String {
        let id = self.create(workflow).await;
        let path = format!("/workflows/{id}/execute");
        text(&self.post(&path, body).await.expect(202)["execution_id"])
    }

    /// Runs a new workflow until it rests, and gives the execution.
    pub(crate) async fn run(&self, workflow: &Value, body: &Value) -> Value {
        let id = self.create(workflow).await;
        let path = format!("/workflows/{id}/execute?wait=60");
        self.post(&path, body).await.expect(200)
    }

    /// Reads the execution's events until one of that type has been there.
    pub(crate) async fn until(&self, execution: &str, event: &str) {
        let id = execution.parse().unwrap();
        let caller = agentchains_engine::Caller::anonymous();
        let mut events = self.engine.follow(&caller, id, 0).await.unwrap();
        while let Some(happened) = events.next().await.unwrap() {
            if happened.kind.as_str() == event {
                return;
            }
        }
        panic!("the execution ended without {event}");
    }
}

/// What is served, and what opens the gate.
pub(crate) fn app(options: ServerOptions) -> (App, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let engine = Engine::builder(
        Arc::new(MemoryStore::new()),
        Arc::new(Asking(agents(Arc::clone(&gate)))),
    )
    .start();
    let app = App {
        engine,
        agents: Arc::new(Directory::default()),
        webhooks: None,
        metrics: None,
        doors: Vec::new(),
        access: Access::Open,
        tls: None,
        options,
    };
    (app, gate)
}

fn agents(gate: Arc<Semaphore>) -> LocalAgents {
    let gated = move |request: AgentRequest| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(AgentAnswer::from(request.config))
        }
    };
    // Every call is slow.
    let slow = json!({"window": {"last_calls": 1, "slow_call_rate": 1, "slow_call_duration": 0}});
    LocalAgents::new()
        .with_profile("echo", AgentProfile::default(), async |request: AgentRequest| {
            let output = json!({"echo": request.config, "upstream": request.upstream});
            let usage = Usage {
                input_tokens: Some(100),
                output_tokens: Some(10),
                model: Some("parrot".into()),
                ..Usage::default()
            };
            Ok(AgentAnswer::costing(output, Usd::from_nanos(250_000_000)).using(usage))
        })
        .with_profile("slow", guarded(slow), async |_| Ok(json!({}).into()))
        .with_profile("off", guarded(json!({"mode": "forced_open"})), async |_| {
            Ok(json!({}).into())
        })
        .with("gate", gated)
        .with("web-search", async |_| {
            Ok(json!({"results": [{"snippet": "a"}]}).into())
        })
        .with("academic-search", async |_| {
            Ok(json!({"papers": [{"abstract": "b"}]}).into())
        })
        .with("summarizer", async |_| Ok(json!({"summary": "a and b"}).into()))
        .with("critic", async |_| {
            Ok(json!({"score": 0.8, "remarks": ["short"]}).into())
        })
        .with("broken", async |_| {
            Err::<AgentAnswer, _>(AgentFailed::permanent("it is broken"))
        })
}

/// An agent with this circuit breaker.
fn guarded(circuit_breaker: Value) -> AgentProfile {
    AgentProfile {
        breaker: serde_json::from_value(circuit_breaker).unwrap(),
        ..AgentProfile::default()
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body, where the status is the expected one.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The problem, where it has the expected status and code and all that a problem must have.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{self:?}"
        );
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&json!(status), &json!(code)),
            "{self:?}"
        );
        assert_eq!(problem["type"], format!("urn:agentchains:problem:{code}"));
        assert_eq!(
            problem["request_id"],
            self.headers["x-request-id"].to_str().unwrap()
        );
        for member in ["title", "detail"] {
            assert!(!problem[member].as_str().unwrap().is_empty(), "{self:?}");
        }
        problem
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A path of the API, given without its base; the health checks and the metrics have none.
pub(crate) fn full(path: &str) -> String {
    match path {
        "/healthz" | "/readyz" | "/metrics" => path.to_owned(),
        path => format!("{BASE_PATH}{path}"),
    }
}

pub(crate) fn request(method: Method, path: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(full(path))
        .body(body)
        .unwrap()
}

pub(crate) fn with_json(method: Method, path: &str, body: impl ToString) -> Request<Body> {
    let mut request = request(method, path, Body::from(body.to_string()));
    let json = "application/json".parse().unwrap();
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    request
}

/// The same request with one header more.
pub(crate) fn and(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().append(name, value.parse().unwrap());
    request
}

/// A workflow of agents that are called one after the other, each node named as its agent.
pub(crate) fn chain(agents: &[&str]) -> Value {
    let nodes: Vec<Value> = agents
        .iter()
        .map(|agent| json!({"id": agent, "type": "agent_call", "agent_id": agent}))
        .collect();
    let edges: Vec<Value> = agents
        .windows(2)
        .map(|pair| json!({"from": pair[0], "to": pair[1]}))
        .collect();
    json!({"name": "chain", "nodes": nodes, "edges": edges})
}

/// The same workflow under another name.
pub(crate) fn named(name: &str, mut workflow: Value) -> Value {
    workflow["name"] = json!(name);
    workflow
}

/// A workflow that asks for `n` approvals at once.
pub(crate) fn questions(n: usize) -> Value {
    let nodes: Vec<Value> = (0..n)
        .map(|i| json!({"id": format!("ask{i}"), "type": "human_approval", "config": {"message": "Go on?"}}))
        .collect();
    json!({"name": "questions", "nodes": nodes})
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
