//! Shutdown: drains first, then stops, and leaves everything to the next process.

use agentchains_engine::{Caller, EngineError, StartRequest};
use agentchains_testkit::Answer;
use serde_json::json;

use crate::harness::{World, calls, question, seconds, settle};

#[tokio::test]
async fn calls_in_flight_may_end_and_nothing_new_starts() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a b", "a>b")).await;
    settle().await;
    let engine = world.engine.clone();
    let stopped = tokio::spawn(async move { engine.shutdown(seconds(60)).await });
    settle().await;
    assert!(world.engine.is_draining() && !stopped.is_finished());
    world.agents.release_reply("a", json!(1));
    stopped.await.unwrap();
    assert_eq!(world.nodes(id).await, "a:completed");
    assert_eq!(world.agents.called(), ["a"]);

    let world = world.restarted();
    settle().await;
    assert_eq!(world.status(id).await, "completed");
    assert_eq!(world.agents.called(), ["a", "b"]);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_dropped_and_taken_up_by_the_next_process() {
    let world = World::new();
    world
        .agents
        .script("a", [Answer::held().after_accepting("task-1")]);
    let id = world.start(&calls("a", "")).await;
    settle().await;
    let engine = world.engine.clone();
    let stopped = tokio::spawn(async move { engine.shutdown(seconds(10)).await });
    settle().await;
    world.pass(seconds(10)).await;
    stopped.await.unwrap();
    assert_eq!(world.agents.in_flight(), 0);
    assert_eq!(world.nodes(id).await, "a:running");
    assert!(
        world.agents.cancels().is_empty(),
        "the task goes on, and is asked for later"
    );

    let world = world.restarted();
    settle().await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn an_engine_without_work_stops_at_once() {
    let world = World::new();
    world.start(&question(json!({}))).await;
    world.start(&calls("a", "")).await;
    settle().await;
    world.engine.shutdown(seconds(60)).await;
}

#[tokio::test]
async fn nothing_is_started_while_draining() {
    let world = World::new();
    let workflow = world.workflow(&calls("a", "")).await;
    world.engine.shutdown(seconds(1)).await;
    let refused = world.try_start(workflow, StartRequest::default()).await;
    assert!(matches!(refused, Err(EngineError::ShuttingDown)), "{refused:?}");
}

#[tokio::test]
async fn a_command_while_draining_is_recorded() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a", "")).await;
    settle().await;
    let engine = world.engine.clone();
    let stopped = tokio::spawn(async move { engine.shutdown(seconds(60)).await });
    settle().await;
    world.engine.cancel(&Caller::anonymous(), id).await.unwrap();
    stopped.await.unwrap();
    assert_eq!(world.status(id).await, "cancelled");
}

#[tokio::test]
async fn a_store_that_does_not_answer_does_not_hold_up_the_end() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a", "")).await;
    settle().await;
    world.store.fail_commits(usize::MAX);
    world.agents.release_reply("a", json!(1));
    settle().await;
    let engine = world.engine.clone();
    let stopped = tokio::spawn(async move { engine.shutdown(seconds(1)).await });
    settle().await;
    world.pass(seconds(1)).await;
    stopped.await.unwrap();
    assert_eq!(world.nodes(id).await, "a:running");

    world.store.fail_commits(0);
    let world = world.restarted();
    settle().await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn an_agent_that_does_not_answer_a_cancel_holds_up_neither_the_execution_nor_the_end() {
    let world = World::new();
    world.agents.hang_cancels();
    world
        .agents
        .script("a", [Answer::held().after_accepting("task-1")]);
    let id = world.start(&calls("a", "")).await;
    settle().await;
    world.engine.cancel(&Caller::anonymous(), id).await.unwrap();
    world.pass(seconds(4)).await;
    assert_eq!(world.status(id).await, "cancelled");

    let engine = world.engine.clone();
    let stopped = tokio::spawn(async move { engine.shutdown(seconds(60)).await });
    settle().await;
    assert!(!stopped.is_finished(), "the cancel may still be answered");
    world.pass(seconds(1)).await;
    stopped.await.unwrap();
}
