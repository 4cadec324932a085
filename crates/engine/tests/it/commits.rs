//! Step, commit, act: nothing follows from what is not durable, and a store that fails is waited for.

use agentchains_engine::{Caller, EngineError, StartRequest, machine::EventType};
use agentchains_testkit::Answer;
use serde_json::json;

use crate::harness::{World, calls, seconds, settle};

#[tokio::test]
async fn no_call_is_made_before_its_start_is_recorded() {
    let world = World::new();
    let workflow = world.workflow(&calls("a b", "a>b")).await;
    world.store.hold();
    let engine = world.engine.clone();
    let start = tokio::spawn(async move {
        engine
            .start(&Caller::anonymous(), workflow, StartRequest::default())
            .await
    });
    settle().await;
    assert!(world.agents.called().is_empty());

    world.agents.script("a", [Answer::held()]);
    world.store.release();
    let id = start.await.unwrap().unwrap().id;
    world.agents.wait_for_calls(1).await;
    world.store.hold();
    world.agents.release_reply("a", json!(1));
    settle().await;
    assert_eq!(world.agents.called(), ["a"]);
    assert_eq!(world.nodes(id).await, "a:running");

    world.store.release();
    settle().await;
    assert_eq!(world.agents.called(), ["a", "b"]);
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn a_task_that_an_agent_names_is_recorded_before_the_call_goes_on() {
    let world = World::new();
    world
        .agents
        .script("a", [Answer::reply(json!(1)).after_accepting("task-1")]);
    world.store.fail_commits(1);
    let id = world.start(&calls("a", "")).await;
    settle().await;
    assert_eq!((world.agents.in_flight(), world.store.commits_tried()), (1, 1));
    world.pass(seconds(1)).await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn a_commit_that_fails_is_tried_again_and_nothing_follows_before() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a b", "a>b")).await;
    world.agents.wait_for_calls(1).await;
    let tried = world.store.commits_tried();
    world.store.fail_commits(3);
    world.agents.release_reply("a", json!(1));
    settle().await;
    for failures in 1..=3 {
        assert_eq!(world.store.commits_tried(), tried + failures);
        assert_eq!(world.agents.called(), ["a"]);
        assert_eq!(world.nodes(id).await, "a:running");
        world.pass(seconds(5)).await;
    }
    assert_eq!(world.agents.called(), ["a", "b"]);
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn commands_are_answered_when_the_store_is_back() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a", "")).await;
    settle().await;
    world.store.fail_commits(1);
    let engine = world.engine.clone();
    let pause = tokio::spawn(async move { engine.pause(&Caller::anonymous(), id).await });
    settle().await;
    assert!(!pause.is_finished());
    assert_eq!(world.status(id).await, "running");
    world.pass(seconds(1)).await;
    pause.await.unwrap().unwrap();
    assert_eq!(world.status(id).await, "paused");
}

#[tokio::test]
async fn a_driver_whose_execution_was_taken_over_gives_up() {
    let world = World::new();
    world.agents.script("a", [Answer::held(), Answer::held()]);
    world.agents.script("b", [Answer::held(), Answer::held()]);
    let id = world.start(&calls("a b c", "a>c b>c")).await;
    world.agents.wait_for_calls(2).await;

    let other = world.restarted();
    world.agents.wait_for_calls(4).await;
    // The result reaches the process that has lost the execution: it counts for nothing there.
    world.agents.release_reply("a", json!("zombie"));
    settle().await;
    assert_eq!(world.agents.in_flight(), 2, "the zombie's other call is given up");
    assert_eq!(other.nodes(id).await, "a:running b:running");

    world.agents.release_reply("a", json!("a"));
    world.agents.release_reply("b", json!("b"));
    settle().await;
    assert_eq!(other.status(id).await, "completed");
    let events = other.events(id).await;
    let completed = events
        .iter()
        .filter(|event| event.kind == EventType::NodeCompleted);
    assert_eq!(completed.count(), 3);
    assert_eq!(events.last().unwrap().seq, events.len() as u64);
}

#[tokio::test]
async fn a_command_to_a_driver_that_lost_its_execution_is_told_so() {
    let world = World::new();
    world.agents.script("a", [Answer::held(), Answer::held()]);
    let id = world.start(&calls("a", "")).await;
    world.agents.wait_for_calls(1).await;
    let _other = world.restarted();
    world.agents.wait_for_calls(2).await;
    let refused = world.engine.pause(&Caller::anonymous(), id).await;
    assert!(matches!(refused, Err(EngineError::TakenOver)), "{refused:?}");
    assert_eq!(world.status(id).await, "running");
}

/// How many commits a chain of calls makes, with a budget from which each of them reserves, or without one.
async fn commits_of(chain: &str, edges: &str, has_budget: bool) -> usize {
    let world = World::new();
    let mut document = calls(chain, edges);
    if has_budget {
        document["max_budget"] = json!(10);
        for node in document["nodes"].as_array_mut().unwrap() {
            node["max_cost"] = json!(1);
        }
    }
    let id = world.start(&document).await;
    settle().await;
    assert_eq!(world.status(id).await, "completed");
    world.store.commits_tried()
}

#[tokio::test]
async fn a_reservation_and_its_settlement_make_no_commits_of_their_own() {
    for has_budget in [false, true] {
        let one = commits_of("a", "", has_budget).await;
        let three = commits_of("a b c", "a>b b>c", has_budget).await;
        assert_eq!(three - one, 2, "one commit for each further call");
    }
}
