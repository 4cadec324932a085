//! Executions are forgotten once they were kept for long enough.

use std::{sync::Arc, time::Duration};

use agentchains_engine::{Caller, Engine, EngineError, LocalAgents, StartRequest, machine::ExecutionId};
use agentchains_ports::Creation;
use agentchains_testkit::{ManualClock, MemoryStore};
use serde_json::json;

use crate::harness::settle;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Starts a workflow, of one question where it `asks`.
async fn start(engine: &Engine, asks: bool) -> ExecutionId {
    let config = json!({"message": "Go on?"});
    let ask = json!({"id": "n", "type": "human_approval", "config": config});
    let decide = json!({"id": "n", "type": "condition", "config": {"expression": "1 == 1"}});
    let document = json!({"name": "w", "nodes": [if asks { ask } else { decide }]}).to_string();
    let caller = Caller::anonymous();
    let created = engine.create_workflow(&caller, &document, None).await.unwrap();
    let (Creation::Created(view) | Creation::Replayed(view)) = created else {
        panic!("no key was given")
    };
    let started = engine
        .start(&caller, view.record.id, StartRequest::default())
        .await
        .unwrap();
    settle().await;
    started.id
}

async fn is_there(engine: &Engine, id: ExecutionId) -> bool {
    match engine.execution(&Caller::anonymous(), id).await {
        Ok(_) => true,
        Err(EngineError::NotFound { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn pass(clock: &ManualClock, time: Duration) {
    clock.advance(time);
    settle().await;
}

#[tokio::test]
async fn what_has_ended_is_forgotten_in_time_and_what_waits_is_not() {
    let clock = ManualClock::default();
    let engine = Engine::builder(Arc::new(MemoryStore::new()), Arc::new(LocalAgents::new()))
        .clock(Arc::new(clock.clone()))
        .retention(Some(7 * DAY))
        .start();
    let (ended, waits) = (start(&engine, false).await, start(&engine, true).await);
    pass(&clock, 6 * DAY).await;
    let later = start(&engine, false).await;
    assert!(is_there(&engine, ended).await);
    pass(&clock, DAY + Duration::from_secs(60)).await;
    assert!(!is_there(&engine, ended).await);
    assert!(is_there(&engine, later).await && is_there(&engine, waits).await);
    pass(&clock, 365 * DAY).await;
    assert!(!is_there(&engine, later).await && is_there(&engine, waits).await);
}
