//! Timeouts of attempts and executions, and retries, by the engine's clock.

use agentchains_engine::ports::AgentKey;
use agentchains_engine::{breaker::State, machine::EventType};
use agentchains_testkit::Answer;
use serde_json::json;

use crate::harness::{World, call, calls, seconds, settle};

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_given_up_and_its_task_cancelled() {
    let world = World::new();
    world
        .agents
        .script("a", [Answer::held().after_accepting("task-1")]);
    let id = world.start(&call(json!({"timeout": "30s"}))).await;
    settle().await;
    world.pass(seconds(29)).await;
    assert_eq!(world.nodes(id).await, "a:running");
    world.pass(seconds(1)).await;
    assert_eq!(world.status(id).await, "failed(agent_timeout)");
    assert_eq!(world.agents.in_flight(), 0);
    assert_eq!(world.agents.cancels()[0].1.task_id, "task-1");
}

#[tokio::test]
async fn timeouts_are_tried_again_and_count_for_the_breaker() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world
        .start(&call(json!({"timeout": "30s", "retry": {"jitter": "none"}})))
        .await;
    settle().await;
    world.pass(seconds(30)).await;
    assert_eq!(world.nodes(id).await, "a:retrying");
    let first = world.agents.calls()[0].1.message_id;
    assert_eq!(world.agents.withdrawals(), [("a".to_owned(), first)]);
    assert_eq!(world.engine.breaker(&AgentKey::shared("a")).failure_count, 1);
    world.pass(seconds(1)).await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn an_execution_s_timeout_ends_it_with_its_calls() {
    let world = World::new();
    world
        .agents
        .script("a", [Answer::held().after_accepting("task-1")]);
    let mut document = calls("a b", "a>b");
    document["timeout"] = json!("10s");
    let id = world.start(&document).await;
    settle().await;
    world.pass(seconds(10)).await;
    assert!(matches!(
        world.status(id).await.as_str(),
        "failed(execution_timeout)"
    ));
    assert_eq!(world.agents.in_flight(), 0);
    assert_eq!(world.kinds(id).await.last(), Some(&EventType::ExecutionFailed));
}

#[tokio::test]
async fn a_call_whose_time_is_over_before_it_is_recorded_is_not_made() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let mut document = calls("a b", "a>b");
    document["nodes"][1]["timeout"] = json!("5s");
    let id = world.start(&document).await;
    settle().await;
    world.store.hold();
    world.agents.release_reply("a", json!(1));
    settle().await;
    world.clock.advance(seconds(6));
    world.store.release();
    settle().await;
    assert_eq!(world.status(id).await, "failed(agent_timeout)");
    assert_eq!(world.agents.called(), ["a"]);
    assert_eq!(world.engine.breaker(&AgentKey::shared("b")).state, State::Closed);
    assert_eq!(world.engine.breaker(&AgentKey::shared("b")).failure_count, 0);
}

#[tokio::test]
async fn a_late_answer_changes_nothing() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&call(json!({"timeout": "30s"}))).await;
    settle().await;
    world.pass(seconds(30)).await;
    let before = world.events(id).await;
    assert!(!world.agents.release_reply("a", json!("late")));
    settle().await;
    assert_eq!(world.events(id).await, before);
}
