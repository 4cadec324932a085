//! Executions from their start to their end.

use agentchains_engine::{
    AgentAnswer, AgentFailed, AgentRequest, Caller, Engine, EngineError, LocalAgents, StartRequest,
    machine::{EventType, ExecutionStatus},
    ports::{ExecutionFilter, Idempotency, PageRequest},
};
use agentchains_testkit::{Answer, MemoryStore};
use serde_json::json;
use std::sync::Arc;

use crate::harness::{World, calls, settle};

#[tokio::test]
async fn an_execution_runs_to_its_end() {
    let world = World::new();
    world.agents.script("b", [Answer::reply(json!({"sum": 7}))]);
    let id = world.start(&calls("a b", "a>b")).await;
    settle().await;
    assert_eq!(world.status(id).await, "completed");
    assert_eq!(world.row(id).await.output, Some(json!({"b": {"sum": 7}}).into()));
    assert_eq!(world.agents.called(), ["a", "b"]);
    let upstream = world.agents.calls()[1].1.upstream.to_value();
    assert_eq!(upstream["a"], json!({"agent": "a"}));
}

#[tokio::test]
async fn independent_nodes_overlap() {
    let world = World::new();
    for agent in ["a", "b"] {
        world.agents.script(agent, [Answer::held()]);
    }
    let id = world.start(&calls("a b c", "a>c b>c")).await;
    world.agents.wait_for_calls(2).await;
    assert_eq!(world.agents.in_flight(), 2);
    assert_eq!(world.row(id).await.in_flight, 2);
    assert!(world.agents.release_reply("b", json!(1)));
    assert!(world.agents.release_reply("a", json!(2)));
    settle().await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn a_start_answers_with_the_first_step() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let workflow = world.workflow(&calls("a", "")).await;
    let row = world.try_start(workflow, StartRequest::default()).await.unwrap();
    assert_eq!(
        (row.status, row.in_flight, row.last_seq),
        (ExecutionStatus::Running, 1, 2)
    );
    assert_eq!(row.initiated_by, "anonymous");
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_nothing() {
    let world = World::new();
    let workflow = world.workflow(&calls("a", "")).await;
    world.store.hold();
    let started = tokio::select! {
        biased;
        started = world.try_start(workflow, StartRequest::default()) => Some(started),
        () = settle() => None,
    };
    assert!(started.is_none(), "the store was held");
    world.store.release();
    settle().await;
    let page = PageRequest {
        limit: 10,
        cursor: None,
    };
    let caller = Caller::anonymous();
    let found = world
        .engine
        .executions(&caller, &ExecutionFilter::default(), &page)
        .await;
    let statuses: Vec<_> = found.unwrap().items.iter().map(|row| row.status).collect();
    assert_eq!(statuses, [ExecutionStatus::Completed]);
}

#[tokio::test]
async fn the_same_request_starts_one_execution_however_often_it_is_sent() {
    let world = World::new();
    let workflow = world.workflow(&calls("a", "")).await;
    let request = |fingerprint: &str| StartRequest {
        idempotency: Some(Idempotency {
            key: "key".to_owned(),
            fingerprint: fingerprint.to_owned(),
            expires_at: "2026-02-01T00:00:00Z".parse().unwrap(),
        }),
        ..StartRequest::default()
    };
    let first = world.try_start(workflow, request("x")).await.unwrap();
    let (second, third) = tokio::join!(
        world.try_start(workflow, request("x")),
        world.try_start(workflow, request("x"))
    );
    assert_eq!((second.unwrap().id, third.unwrap().id), (first.id, first.id));
    settle().await;
    assert_eq!(world.agents.called(), ["a"]);
    let other = world.try_start(workflow, request("y")).await;
    assert!(
        matches!(other, Err(EngineError::IdempotencyKeyReused)),
        "{other:?}"
    );
}

#[tokio::test]
async fn a_start_that_cannot_go_well_is_refused_and_leaves_nothing() {
    let world = World::new();
    let mut document = calls("a", "");
    document["input_schema"] = json!({"type": "object", "required": ["n"]});
    let workflow = world.workflow(&document).await;
    let refused = world.try_start(workflow, StartRequest::default()).await;
    assert!(
        matches!(refused, Err(EngineError::InputMismatch { .. })),
        "{refused:?}"
    );

    let workflow = world.workflow(&calls("a stranger", "")).await;
    let Err(EngineError::UnknownAgents { agents }) = world.try_start(workflow, StartRequest::default()).await
    else {
        panic!("started");
    };
    assert_eq!(agents[0].pointer, "/nodes/1/agent_id");

    let mut document = calls("a", "");
    document["max_budget"] = json!(1);
    document["unknown_cost"] = json!("refuse");
    let workflow = world.workflow(&document).await;
    let refused = world.try_start(workflow, StartRequest::default()).await;
    assert!(
        matches!(refused, Err(EngineError::UnknownCost { .. })),
        "{refused:?}"
    );

    world
        .engine
        .archive_workflow(&Caller::anonymous(), workflow, None)
        .await
        .unwrap();
    let refused = world.try_start(workflow, StartRequest::default()).await;
    assert!(
        matches!(refused, Err(EngineError::Archived { .. })),
        "{refused:?}"
    );
    settle().await;
    assert!(world.agents.called().is_empty());
}

#[tokio::test]
async fn a_request_goes_before_what_the_workflow_says() {
    let world = World::new();
    let mut document = calls("a", "");
    document["max_budget"] = json!(1);
    let workflow = world.workflow(&document).await;
    let request = StartRequest {
        max_budget: Some("3".parse().unwrap()),
        labels: [("team".to_owned(), "x".to_owned())].into(),
        ..StartRequest::default()
    };
    let row = world.try_start(workflow, request).await.unwrap();
    assert_eq!(row.max_budget, Some("3".parse().unwrap()));
    assert_eq!(row.labels["team"], "x");
    assert_eq!(
        world.row(world.start_again(workflow).await).await.max_budget,
        Some("1".parse().unwrap())
    );
}

#[tokio::test]
async fn many_executions_run_side_by_side() {
    let world = World::new();
    let workflow = world.workflow(&calls("a b c", "a>b b>c")).await;
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(world.start_again(workflow).await);
    }
    settle().await;
    for id in ids {
        let kinds = world.kinds(id).await;
        assert_eq!(kinds.last(), Some(&EventType::ExecutionCompleted));
    }
    assert_eq!(world.agents.called().len(), 150);
}

#[tokio::test]
async fn agents_may_be_closures_of_the_same_process() {
    let agents = LocalAgents::new()
        .with("double", async |request: AgentRequest| {
            let number = request.config["n"]
                .as_i64()
                .ok_or_else(|| AgentFailed::permanent("no number"))?;
            Ok(AgentAnswer::costing(
                json!({"n": number * 2}),
                "0.25".parse().unwrap(),
            ))
        })
        .with("fail", async |_| Err(AgentFailed::permanent("never works")));
    let engine = Engine::builder(Arc::new(MemoryStore::new()), Arc::new(agents)).start();
    let run = async |agent: &str| {
        let document = json!({
            "name": "local",
            "nodes": [{"id": "x", "type": "agent_call", "agent_id": agent, "config": {"n": "{{input.n}}"}}],
        });
        let caller = Caller::anonymous();
        let created = engine
            .create_workflow(&caller, &document.to_string(), None)
            .await
            .unwrap();
        let agentchains_engine::ports::Creation::Created(view) = created else {
            panic!("replayed");
        };
        let request = StartRequest {
            input: json!({"n": 21}),
            ..StartRequest::default()
        };
        let id = engine.start(&caller, view.record.id, request).await.unwrap().id;
        let mut events = engine.follow(&caller, id, 0).await.unwrap();
        while events.next().await.unwrap().is_some() {}
        engine.execution(&caller, id).await.unwrap()
    };
    let row = run("double").await;
    assert_eq!(row.output, Some(json!({"x": {"n": 42}}).into()));
    assert_eq!(row.spent, "0.25".parse().unwrap());
    let row = run("fail").await;
    assert!(row.error.unwrap().message.contains("never works"));
}
