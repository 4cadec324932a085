//! The process dies at every possible moment: whatever was recorded goes on, and comes to the same end.

use std::collections::{BTreeMap, BTreeSet};

use agentchains_engine::{
    Caller,
    machine::{EventType, ExecutionId, MessageId},
    ports::{ExecutionFilter, PageRequest},
};
use agentchains_testkit::Answer;
use serde_json::{Value, json};

use crate::harness::{World, calls, process, seconds, settle};

/// A retry, a remote task and a merge.
fn document() -> Value {
    let mut document = calls("a b c", "a>c b>c");
    document["nodes"][1]["retry"] =
        json!({"initial_interval": "10s", "max_interval": "10s", "jitter": "none"});
    document
}

fn script(world: &World) {
    world
        .agents
        .script("a", [Answer::reply(json!(1)).after_accepting("task-1")]);
    world.agents.script("b", [Answer::unwell()]);
}

async fn moments(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

/// Starts an execution and dies after so many moments.
fn dies_after(count: usize) -> World {
    process(async {
        let world = World::new();
        script(&world);
        let workflow = world.workflow(&document()).await;
        tokio::select! {
            biased;
            () = moments(count) => {}
            () = async { world.start_again(workflow).await; std::future::pending().await } => {}
        }
        world
    })
}

fn dies_again_after(world: &World, count: usize) {
    process(async {
        let world = world.restarted();
        world.clock.advance(seconds(10));
        moments(count).await;
    });
}

/// The execution of this world, once a last process has brought it to its end; `None` when none was recorded.
fn comes_to_its_end(world: &World) -> Option<ExecutionId> {
    process(async {
        let world = world.restarted();
        settle().await;
        world.pass(seconds(10)).await;
        let page = PageRequest {
            limit: 10,
            cursor: None,
        };
        let caller = Caller::anonymous();
        let found = world
            .engine
            .executions(&caller, &ExecutionFilter::default(), &page)
            .await;
        let id = found.unwrap().items.first()?.id;
        assert_eq!(world.status(id).await, "completed");
        let events = world.events(id).await;
        assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq));
        let completed: Vec<_> = events
            .iter()
            .filter(|event| event.kind == EventType::NodeCompleted)
            .map(|event| {
                event
                    .data
                    .member("node_id")
                    .unwrap()
                    .as_text()
                    .unwrap()
                    .into_owned()
            })
            .collect();
        assert_eq!(completed.iter().collect::<BTreeSet<_>>().len(), completed.len());
        Some(id)
    })
}

/// What the agents saw: each attempt under one message id, and no attempt that was not allowed.
fn check_calls(world: &World) {
    let mut ids: BTreeMap<(String, u32), MessageId> = BTreeMap::new();
    for (_, call) in world.agents.calls() {
        let key = (call.path.as_str().to_owned(), call.attempt);
        assert_eq!(*ids.entry(key).or_insert(call.message_id), call.message_id);
    }
    let attempts: Vec<_> = ids
        .keys()
        .map(|(node, attempt)| (node.as_str(), *attempt))
        .collect();
    assert_eq!(attempts, [("a", 1), ("b", 1), ("b", 2), ("c", 1)]);
}

#[test]
fn an_execution_survives_a_crash_at_any_moment() {
    let mut survived = 0;
    for moment in 0..100 {
        let world = dies_after(moment);
        if comes_to_its_end(&world).is_some() {
            survived += 1;
            check_calls(&world);
        }
    }
    assert!(survived > 90, "{survived}");
}

#[test]
fn an_execution_survives_a_crash_of_the_process_that_took_it_over() {
    for first in (0..60).step_by(3) {
        for second in 0..20 {
            let world = dies_after(first);
            dies_again_after(&world, second);
            comes_to_its_end(&world);
        }
    }
}
