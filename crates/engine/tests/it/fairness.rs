//! Executions do not keep each other waiting.

use agentchains_testkit::Answer;
use serde_json::{Value, json};

use crate::harness::{World, calls, settle};

/// What one step starts at the most.
const TURN: usize = 128;

/// Nodes that are all ready at once.
fn wide(nodes: usize) -> Value {
    let nodes: Vec<Value> = (0..nodes)
        .map(|number| json!({"id": format!("n{number}"), "type": "agent_call", "agent_id": "a"}))
        .collect();
    json!({"name": "wide", "max_concurrency": nodes.len(), "nodes": nodes})
}

#[tokio::test]
async fn one_with_ten_thousand_ready_nodes_does_not_hold_up_the_first_node_of_the_next() {
    let world = World::new();
    world
        .agents
        .script("a", (0..10_000).map(|_| Answer::reply(json!(1))));
    let workflow = world.workflow(&wide(10_000)).await;
    let wide = world.start_again(workflow).await;
    let next = world.start(&calls("b", "")).await;
    while world.status(wide).await != "completed" {
        settle().await;
    }

    let made = world.agents.calls();
    let before = made
        .iter()
        .take_while(|(execution, _)| *execution != next)
        .count();
    assert!(before <= 3 * TURN, "{before} calls came first");
    let of_wide = made.iter().filter(|(execution, _)| *execution == wide).count();
    assert_eq!(of_wide, 10_000);
}
