//! Limits: what goes over one is refused where it comes in, or fails where it arises.

use agentchains_engine::{
    Caller, EngineError, StartRequest,
    machine::{ExecutionStatus, FailureCode},
    workflow::Limits,
};
use serde_json::{Value, json};

use crate::harness::{World, call, calls, settle};

fn world(limits: Limits) -> World {
    World::within(limits)
}

async fn start(world: &World, document: &Value, input: Value) -> Result<Value, EngineError> {
    let id = world.workflow(document).await;
    let request = StartRequest {
        input,
        ..StartRequest::default()
    };
    let row = world.engine.start(&Caller::anonymous(), id, request).await?;
    Ok(json!(row.id))
}

#[tokio::test]
async fn an_input_that_is_too_large_starts_nothing() {
    let world = world(Limits {
        max_value_bytes: 100,
        ..Limits::default()
    });
    let refused = start(&world, &calls("a", ""), json!("x".repeat(100))).await;
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("max_value_bytes"), "{message}");
    start(&world, &calls("a", ""), json!("x")).await.unwrap();
}

#[tokio::test]
async fn a_loop_stops_where_the_node_runs_are_used_up() {
    let world = world(Limits {
        max_node_runs: 4,
        ..Limits::default()
    });
    let ask = json!({"id": "c", "type": "condition", "config": {"expression": "$.input", "then": []}});
    let document = json!({"name": "many", "nodes": [{
        "id": "l", "type": "loop",
        "config": {"body": {"nodes": [ask]}, "until": "$.input.never", "max_iterations": 10},
    }]});
    let id = start(&world, &document, json!({})).await.unwrap();
    settle().await;
    let row = world.row(serde_json::from_value(id).unwrap()).await;
    let error = row.error.unwrap();
    assert_eq!(
        (row.status, error.code),
        (ExecutionStatus::Failed, FailureCode::TooManyItems)
    );
    assert!(error.message.contains("max_node_runs"), "{}", error.message);
}

#[tokio::test]
async fn what_only_the_engine_finds_has_a_place_in_the_text() {
    let world = world(Limits::default());
    let text = format!("\n{}", call(json!({"agent_id": "nobody"})));
    let found = world.engine.validate(&Caller::anonymous(), &text).await.unwrap();
    let warning = &found.warnings[0];
    assert_eq!((warning.code.as_str(), warning.line), ("unknown_agent", Some(2)));
    assert!(warning.column.is_some());
}
