//! A server with a few agents.

use std::sync::Arc;

use agentchains_a2a::{A2aServer, router};
use agentchains_engine::{
    AgentAnswer, AgentFailed, AgentRequest, Caller, Engine, LocalAgents,
    cost::{Usage, Usd},
    ports::{Creation, Role},
};
use agentchains_testkit::MemoryStore;
use axum::{Router, body::Body};
use http::{Request, Response};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

/// A server with the agents `echo`, which gives its config back, `gate`, which waits for [`Server::gate`], and `broken`.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) gate: Arc<Semaphore>,
    router: Router,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut A2aServer)) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let waits = Arc::clone(&gate);
        let agents = LocalAgents::new()
            .with("echo", async |request: AgentRequest| {
                let usage = Usage {
                    input_tokens: Some(30),
                    output_tokens: Some(12),
                    ..Usage::default()
                };
                Ok(AgentAnswer::costing(request.config, Usd::from_nanos(250_000_000)).using(usage))
            })
            .with("gate", move |_: AgentRequest| {
                let waits = Arc::clone(&waits);
                async move {
                    waits.acquire().await.unwrap().forget();
                    Ok(json!("through").into())
                }
            })
            .with("broken", async |_: AgentRequest| {
                Err::<AgentAnswer, _>(AgentFailed::permanent("no disk"))
            });
        let engine = Engine::builder(Arc::new(MemoryStore::new()), Arc::new(agents)).start();
        let mut server = A2aServer::new(engine.clone());
        adjust(&mut server);
        Self {
            engine,
            gate,
            router: router(server),
        }
    }

    /// Stores a workflow, and gives its id.
    pub(crate) async fn create(&self, document: &Value) -> String {
        let (caller, document) = (Caller::anonymous(), document.to_string());
        let created = self.engine.create_workflow(&caller, &document, None).await;
        match created.unwrap() {
            Creation::Created(view) => view.record.id.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Stores a workflow and publishes it.
    pub(crate) async fn publish(&self, document: &Value) -> String {
        let id = self.create(document).await;
        self.set_published(&id, true).await;
        id
    }

    pub(crate) async fn set_published(&self, workflow: &str, published: bool) {
        let (caller, id) = (Caller::anonymous(), workflow.parse().unwrap());
        self.engine
            .publish_workflow(&caller, id, published)
            .await
            .unwrap();
    }

    pub(crate) async fn archive(&self, workflow: &str) {
        let (caller, id) = (Caller::anonymous(), workflow.parse().unwrap());
        self.engine.archive_workflow(&caller, id, None).await.unwrap();
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }
}

/// Somebody of that role.
pub(crate) fn person(role: Role, tenant: &str) -> Caller {
    Caller {
        tenant: tenant.to_owned(),
        name: role.to_string(),
        roles: vec![role.to_string()],
        rights: role.rights(),
    }
}

/// Says back what it is told.
pub(crate) fn echo() -> Value {
    json!({
        "name": "Echo", "description": "Says it back",
        "nodes": [{"id": "say", "type": "agent_call", "agent_id": "echo", "config": {"said": "{{input.text}}"}}],
        "output": "{{say.said}}",
    })
}

/// Works until it is let through.
pub(crate) fn gated() -> Value {
    json!({"name": "Gate", "nodes": [{"id": "wait", "type": "agent_call", "agent_id": "gate"}], "output": "{{wait}}"})
}

/// Asks a person.
pub(crate) fn asking(config: &Value) -> Value {
    json!({"name": "Ask", "nodes": [{"id": "ask", "type": "human_approval", "config": config}], "output": "{{ask}}"})
}

/// Fails.
pub(crate) fn failing() -> Value {
    json!({"name": "Broken", "nodes": [{"id": "break", "type": "agent_call", "agent_id": "broken"}]})
}
