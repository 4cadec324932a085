//! Quarantine: an execution that is being driven whenever the process crashes is not driven for ever.

use std::collections::BTreeSet;

use agentchains_engine::machine::{ExecutionId, FailureCode};
use agentchains_testkit::Answer;
use serde_json::json;

use crate::harness::{World, call, calls, process, seconds, settle};

/// The next process in the same world, which dies once nothing happens any more.
fn next_crash(world: World) -> World {
    process(async {
        let world = world.restarted();
        settle().await;
        world
    })
}

/// A process that starts two executions, of which one hangs whenever it is driven, and dies.
fn first_crash() -> (World, ExecutionId, ExecutionId) {
    process(async {
        let world = World::new();
        world.agents.script("a", (0..9).map(|_| Answer::held()));
        world.agents.script("b", [Answer::held()]);
        let hangs = world.start(&call(json!({"timeout": "1h"}))).await;
        let other = world.start(&calls("b c", "b>c")).await;
        settle().await;
        (world, hangs, other)
    })
}

#[test]
fn the_third_crash_in_a_row_puts_an_execution_into_quarantine_and_no_other() {
    let (world, hangs, other) = first_crash();
    let world = next_crash(next_crash(world));
    process(async {
        assert_eq!(world.status(hangs).await, "running");
        let world = world.restarted();
        settle().await;
        assert_eq!(world.status(hangs).await, "failed(quarantined)");
        let error = world.row(hangs).await.error.unwrap();
        assert_eq!(error.code, FailureCode::Quarantined);
        assert!(error.message.contains("3 times"), "{error}");
        assert_eq!(world.nodes(hangs).await, "a:failed(quarantined)");
        assert_eq!(world.status(other).await, "completed");
        let calls = world.agents.called();
        assert_eq!(calls.iter().filter(|agent| *agent == "a").count(), 3);
    });
}

#[test]
fn crashes_between_which_an_execution_comes_further_are_not_held_against_it() {
    let world = process(async {
        let world = World::new();
        for agent in ["a", "b", "c"] {
            world.agents.script(agent, [Answer::held(), Answer::held()]);
        }
        world.start(&calls("a b c", "a>b b>c")).await;
        settle().await;
        world
    });
    let world = (0..6).fold(world, |world, _| next_crash(world));
    process(async {
        let id = world.agents.calls()[0].0;
        assert_eq!(world.status(id).await, "completed");
    });
}

#[test]
fn a_crash_that_an_execution_has_outlived_long_enough_is_not_held_against_it() {
    let (world, hangs, _) = first_crash();
    let world = next_crash(world);
    let world = process(async {
        let world = world.restarted();
        settle().await;
        assert_eq!(world.row(hangs).await.recoveries, 2);
        world.pass(seconds(60)).await;
        assert_eq!(world.row(hangs).await.recoveries, 0);
        world
    });
    let world = next_crash(world);
    process(async {
        assert_eq!(world.status(hangs).await, "running");
        assert_eq!(world.row(hangs).await.recoveries, 1);
    });
}

#[test]
fn among_others_that_came_no_further_either_each_goes_on_alone() {
    let world = process(async {
        let world = World::new();
        for agent in ["a", "b"] {
            world.agents.script(agent, (0..9).map(|_| Answer::held()));
        }
        world.start(&calls("a", "")).await;
        world.start(&calls("b", "")).await;
        settle().await;
        world
    });
    let world = next_crash(world);
    let world = process(async {
        let world = world.restarted();
        settle().await;
        assert_eq!(world.agents.called().len(), 5);
        world.pass(seconds(1)).await;
        let called = world.agents.called();
        assert_eq!(called.len(), 6);
        assert_ne!(called[4], called[5]);
        world
    });
    let world = next_crash(world);
    process(async {
        let ids: BTreeSet<ExecutionId> = world.agents.calls().into_iter().map(|(id, _)| id).collect();
        for id in ids {
            assert_eq!(world.status(id).await, "running");
        }
    });
}
