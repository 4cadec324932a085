//! Crashes and restarts: what was recorded goes on in the next process, and nothing is done twice that need not be.

use agentchains_engine::{
    Caller, EngineError,
    machine::{ApprovalStatus, ExecutionId},
    ports::CallOutcome,
};
use agentchains_testkit::Answer;
use serde_json::{Value, json};

use crate::harness::{World, call, calls, process, question, seconds, settle};

/// A process that starts an execution and dies when everything waits.
fn killed_midway(document: &Value, script: impl FnOnce(&World)) -> (World, ExecutionId) {
    process(async {
        let world = World::new();
        script(&world);
        let id = world.start(document).await;
        settle().await;
        (world, id)
    })
}

#[test]
fn an_execution_goes_on_where_it_was_and_completed_nodes_are_not_called_again() {
    let (world, id) = killed_midway(&calls("a b c", "a>b b>c"), |world| {
        world.agents.script("b", [Answer::held()]);
    });
    assert_eq!(
        (world.agents.called(), world.agents.in_flight()),
        (vec!["a".into(), "b".into()], 0)
    );
    process(async {
        let world = world.restarted();
        settle().await;
        assert_eq!(world.status(id).await, "completed");
        assert_eq!(world.agents.called(), ["a", "b", "b", "c"]);
        let calls = world.agents.calls();
        assert_eq!(calls[1].1.message_id, calls[2].1.message_id);
        assert_eq!((calls[1].1.attempt, calls[2].1.attempt), (1, 1));
    });
}

#[test]
fn a_task_that_is_known_is_asked_for_and_not_sent_again() {
    let (world, id) = killed_midway(&calls("a", ""), |world| {
        world
            .agents
            .script("a", [Answer::held().after_accepting("task-1")]);
    });
    process(async {
        let world = world.restarted();
        settle().await;
        let calls = world.agents.calls();
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[1].1.remote_task.as_ref().unwrap().task_id, "task-1");
        assert_eq!(world.status(id).await, "completed");
    });
}

#[test]
fn a_task_that_the_agent_has_lost_is_sent_again() {
    let (world, id) = killed_midway(&calls("a", ""), |world| {
        let lost = Answer::outcome(CallOutcome::TaskLost);
        world
            .agents
            .script("a", [Answer::held().after_accepting("task-1"), lost]);
    });
    process(async {
        let world = world.restarted();
        settle().await;
        let tasks: Vec<bool> = world
            .agents
            .calls()
            .iter()
            .map(|(_, call)| call.remote_task.is_some())
            .collect();
        assert_eq!(tasks, [false, true, false]);
        assert_eq!(world.status(id).await, "completed");
    });
}

#[test]
fn a_crash_while_cancelling_cancels_the_task_that_nobody_waits_for() {
    let (world, id) = killed_midway(&calls("a", ""), |world| {
        world
            .agents
            .script("a", [Answer::held().after_accepting("task-1")]);
    });
    process(async {
        // The process dies between the record of the cancel and what follows from it.
        let world = world.restarted();
        world.agents.script("a", [Answer::held()]);
        let caller = Caller::anonymous();
        tokio::select! {
            biased;
            cancelled = world.engine.cancel(&caller, id) => assert!(cancelled.is_ok(), "{cancelled:?}"),
            () = settle() => panic!("the cancel hangs"),
        }
    });
    process(async {
        let world = world.restarted();
        settle().await;
        assert_eq!(world.status(id).await, "cancelled");
        assert!(
            world
                .agents
                .cancels()
                .iter()
                .all(|(agent, task)| agent == "a" && task.task_id == "task-1")
        );
        assert!(!world.agents.cancels().is_empty());
    });
}

#[test]
fn a_crash_while_cancelling_leaves_open_whether_an_agent_has_a_message() {
    let (world, id) = killed_midway(&calls("a", ""), |world| {
        world.agents.script("a", [Answer::held()]);
    });
    let world = process(async {
        let world = world.restarted();
        world.agents.script("a", [Answer::held()]);
        settle().await;
        let agents = world.agents.clone();
        agents.hang_cancels();
        world.engine.cancel(&Caller::anonymous(), id).await.unwrap();
        settle().await;
        assert_eq!(world.status(id).await, "cancelling");
        world
    });
    process(async {
        let world = world.restarted();
        settle().await;
        world.pass(seconds(5)).await;
        assert_eq!(world.nodes(id).await, "a:cancelled(unknown)");
        assert_eq!(world.agents.withdrawals().len(), 2);
    });
}

#[test]
fn a_question_is_still_there_after_a_restart() {
    let (world, id) = killed_midway(&question(json!({})), |_| {});
    process(async {
        let world = world.restarted();
        settle().await;
        assert!(
            world.store.claims().is_empty(),
            "nothing is loaded until somebody decides"
        );
        let asked = world.asked(id).await;
        world.decide(&asked, "approve", "bob").await.unwrap();
        settle().await;
        assert_eq!(world.status(id).await, "completed");
    });
}

#[test]
fn a_question_expires_in_the_next_process() {
    let document = question(json!({"timeout": "1h", "on_timeout": "approve"}));
    let (world, id) = killed_midway(&document, |_| {});
    world.clock.advance(seconds(7_200));
    process(async {
        let world = world.restarted();
        settle().await;
        assert_eq!(world.asked(id).await.status, ApprovalStatus::Expired);
        assert_eq!(world.status(id).await, "completed");
    });
}

#[test]
fn an_attempt_whose_time_is_over_after_a_restart_is_not_sent_again() {
    let (world, id) = killed_midway(&call(json!({"timeout": "30s"})), |world| {
        world.agents.script("a", [Answer::held()]);
    });
    world.clock.advance(seconds(31));
    process(async {
        let world = world.restarted();
        settle().await;
        assert_eq!(world.status(id).await, "failed(agent_timeout)");
        assert_eq!(world.agents.called(), ["a"]);
    });
}

#[test]
fn an_execution_that_cannot_be_read_holds_up_no_other() {
    let (world, ids) = process(async {
        let world = World::new();
        let workflow = world.workflow(&calls("a", "")).await;
        world.agents.script("a", vec![Answer::held(); 100]);
        let mut ids = Vec::new();
        for _ in 0..100 {
            ids.push(world.start_again(workflow).await);
        }
        settle().await;
        (world, ids)
    });
    let earliest = *ids.iter().min().unwrap();
    world.store.corrupt(earliest);
    process(async {
        let world = world.restarted();
        settle().await;
        let engine = world.engine.clone();
        let pause = tokio::spawn(async move { engine.pause(&Caller::anonymous(), earliest).await });
        settle().await;
        world.pass(seconds(5)).await;
        assert!(
            pause.is_finished(),
            "a command is answered within the time between two tries"
        );
        let refused = pause.await.unwrap();
        assert!(
            matches!(refused, Err(EngineError::Unreadable { .. })),
            "{refused:?}"
        );
        // The last ones had to wait until others were taken over.
        world.pass(seconds(1)).await;
        for id in ids.iter().filter(|id| **id != earliest) {
            assert_eq!(world.status(*id).await, "completed");
        }
    });
}

#[tokio::test]
async fn an_execution_that_waits_long_has_no_driver_and_is_woken_in_time() {
    let world = World::new();
    world.agents.script("a", [Answer::unwell()]);
    let retry = json!({"retry": {"initial_interval": "1h", "max_interval": "1h", "jitter": "none"}});
    let id = world.start(&call(retry)).await;
    settle().await;
    assert_eq!(world.nodes(id).await, "a:retrying");
    assert!(world.store.claims().is_empty());
    world.pass(seconds(3_599)).await;
    assert_eq!(world.agents.called().len(), 1);
    world.pass(seconds(1)).await;
    assert_eq!(world.store.claims(), [id], "its rows were read again");
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn an_execution_that_waits_a_moment_keeps_its_driver() {
    let world = World::new();
    world.agents.script("a", [Answer::unwell()]);
    let id = world
        .start(&call(
            json!({"retry": {"initial_interval": "1s", "jitter": "none"}}),
        ))
        .await;
    settle().await;
    world.pass(seconds(1)).await;
    assert_eq!(world.status(id).await, "completed");
    assert!(world.store.claims().is_empty());
}

#[tokio::test]
async fn an_execution_that_waits_for_a_person_has_no_driver() {
    let world = World::new();
    let id = world.start(&question(json!({}))).await;
    settle().await;
    let asked = world.asked(id).await;
    world.decide(&asked, "approve", "bob").await.unwrap();
    assert_eq!(world.store.claims(), [id]);
}
