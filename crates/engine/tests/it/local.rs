//! Agents of the same process that are `tower` services.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agentchains_engine::{
    AgentAnswer, AgentFailed, AgentRequest, Caller, Engine, LocalAgents, StartRequest,
    machine::ExecutionRow,
    ports::{AgentProfile, Creation},
};
use agentchains_testkit::MemoryStore;
use serde_json::{Value, json};
use tower::{BoxError, ServiceBuilder, service_fn};

/// Runs one node that calls the agent `a` up to twice.
async fn run(agents: LocalAgents, input: Value) -> ExecutionRow {
    let engine = Engine::builder(Arc::new(MemoryStore::new()), Arc::new(agents)).start();
    let retry = json!({"max_attempts": 2, "initial_interval": 0});
    let node = json!({"id": "x", "type": "agent_call", "agent_id": "a", "retry": retry});
    let document = json!({"name": "local", "nodes": [node]}).to_string();
    let caller = Caller::anonymous();
    let created = engine.create_workflow(&caller, &document, None).await.unwrap();
    let Creation::Created(workflow) = created else {
        panic!("replayed");
    };
    let request = StartRequest {
        input,
        ..StartRequest::default()
    };
    let id = engine
        .start(&caller, workflow.record.id, request)
        .await
        .unwrap()
        .id;
    let mut events = engine.follow(&caller, id, 0).await.unwrap();
    while events.next().await.unwrap().is_some() {}
    engine.execution(&caller, id).await.unwrap()
}

#[tokio::test]
async fn a_service_is_called_through_its_middleware() {
    let echo = service_fn(async |request: AgentRequest| Ok::<AgentAnswer, AgentFailed>(request.input.into()));
    let doubled = ServiceBuilder::new()
        .map_request(|request: AgentRequest| AgentRequest {
            input: json!([request.input, request.input]),
            ..request
        })
        .concurrency_limit(1)
        .service(echo);
    let agents = LocalAgents::new().with_service("a", AgentProfile::default(), doubled);
    let execution = run(agents, json!({"n": 1})).await;
    assert_eq!(execution.output, Some(json!({"x": [{"n": 1}, {"n": 1}]}).into()));
}

#[tokio::test]
async fn an_error_of_a_service_says_whether_another_attempt_may_help() {
    for (fail, calls) in [
        (AgentFailed::retryable as fn(String) -> AgentFailed, 2),
        (AgentFailed::permanent, 1),
    ] {
        let called = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&called);
        let failing = service_fn(move |_: AgentRequest| {
            counted.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Err::<AgentAnswer, BoxError>("no disk".into()))
        });
        let failing = ServiceBuilder::new()
            .map_err(move |error: BoxError| fail(error.to_string()))
            .service(failing);
        let agents = LocalAgents::new().with_service("a", AgentProfile::default(), failing);
        let error = run(agents, json!({})).await.error.unwrap();
        assert!(error.message.contains("no disk"), "{}", error.message);
        assert_eq!(called.load(Ordering::Relaxed), calls);
    }
}
