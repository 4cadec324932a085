//! Trees of executions: their limits, and that they survive crashes.

use std::collections::BTreeSet;

use agentchains_engine::{
    Caller,
    cost::{ReportedCost, Usd},
    machine::{AgentReply, ExecutionId, ExecutionStatus, PauseReason, WorkflowId},
    ports::{CallOutcome, Creation, ExecutionFilter, NewVersion, PageRequest, WorkflowStore},
};
use agentchains_testkit::Answer;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{World, calls, named, process, question, seconds, settle, starts, starts_with};

#[tokio::test]
async fn executions_are_sixteen_deep_at_the_most() {
    let world = World::new();
    world.workflow(&named("w16", calls("a", ""))).await;
    for depth in (0..16).rev() {
        let document = named(&format!("w{depth}"), starts(&format!("w{}", depth + 1)));
        world.workflow(&document).await;
    }
    let fits = world.start(&starts("w2")).await;
    let too_deep = world.start(&starts("w1")).await;
    settle().await;
    assert_eq!(world.status(fits).await, "completed");
    let error = world.row(too_deep).await.error.unwrap();
    assert_eq!(error.innermost().code.as_str(), "subworkflow_too_deep");
    assert!(error.innermost().message.contains("16"), "{error:?}");
}

/// Stores a workflow past the engine's checks.
pub(crate) async fn smuggle(world: &World, document: &Value) {
    let version = NewVersion {
        name: document["name"].as_str().unwrap().to_owned(),
        description: None,
        document: document.to_string(),
        hash: String::new(),
        created_by: "the test".to_owned(),
        now: Timestamp::UNIX_EPOCH,
    };
    let id = WorkflowId::from_uuid(Uuid::now_v7());
    let made = world
        .store
        .create_workflow("default", id, version, None)
        .await
        .unwrap();
    assert!(matches!(made, Creation::Created(_)));
}

#[tokio::test]
async fn a_ring_of_references_ends_where_it_closes() {
    let world = World::new();
    smuggle(&world, &named("x", starts("y"))).await;
    smuggle(&world, &named("y", starts("x"))).await;
    let id = world.start(&starts("x")).await;
    settle().await;
    let error = world.row(id).await.error.unwrap();
    assert_eq!(error.innermost().code.as_str(), "subworkflow_too_deep");
    assert!(error.innermost().message.contains("ring"), "{error:?}");
    let first = world.child(id).await;
    let second = world.child(first).await;
    assert!(world.children(second).await.is_empty());
}

#[tokio::test]
async fn a_tree_has_ten_thousand_executions_at_the_most() {
    let world = World::new();
    world.workflow(&named("child", calls("a", ""))).await;
    let mut document = starts("child");
    let node = |id: usize| json!({"id": format!("s{id}"), "type": "subworkflow", "config": {"workflow_id": "child"}});
    document["nodes"] = (0..5).map(node).collect();
    document["on_failure"] = json!("continue");
    world.store.enlarge_trees(10_000 - 4);
    let id = world.start(&document).await;
    settle().await;
    assert_eq!(world.children(id).await.len(), 3, "besides the root");
    let error = world.row(id).await.error.unwrap();
    assert_eq!(error.innermost().code.as_str(), "subworkflow_too_deep");
    assert!(error.innermost().message.contains("10000"), "{error:?}");
}

#[tokio::test]
async fn an_execution_whose_children_wait_for_people_has_no_driver() {
    let world = World::new();
    let id = world.start_above(&question(json!({}))).await;
    settle().await;
    world.pass(seconds(2)).await;
    let child = world.child(id).await;
    let asked = world.asked(child).await;
    assert!(world.store.claims().is_empty());
    world.decide(&asked, "approve", "bob").await.unwrap();
    settle().await;
    assert_eq!(
        world.store.claims(),
        [child, id],
        "the rows of both were read again, once"
    );
    assert_eq!(world.status(id).await, "completed");
}

fn costing_one() -> CallOutcome {
    CallOutcome::Reply(AgentReply {
        output: json!(1).into(),
        cost: ReportedCost::Usd(Usd::from_nanos(1)),
        usage: None,
    })
}

#[tokio::test]
async fn an_execution_that_hears_of_its_children_keeps_its_driver() {
    let world = World::new();
    world.agents.script("a", vec![Answer::held(); 20]);
    let chain: Vec<String> = (0..20).map(|node| format!("n{node}")).collect();
    let mut child = calls(&chain.join(" "), "");
    for node in child["nodes"].as_array_mut().unwrap() {
        node["agent_id"] = json!("a");
    }
    let id = world.start_above(&child).await;
    settle().await;
    for _ in 0..20 {
        world.agents.release("a", costing_one());
        world.pass(seconds(1)).await;
    }
    assert_eq!(world.status(id).await, "completed");
    assert!(world.store.claims().is_empty());
}

#[tokio::test]
async fn a_shutdown_lets_the_calls_of_children_end_and_records_them_above() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start_above(&calls("a", "")).await;
    settle().await;
    let engine = world.engine.clone();
    let stopped = tokio::spawn(async move { engine.shutdown(seconds(60)).await });
    settle().await;
    world.agents.release_reply("a", json!(1));
    stopped.await.unwrap();
    let world = world.restarted();
    settle().await;
    assert_eq!(world.status(id).await, "completed");
    assert_eq!(world.agents.called(), ["a"]);
}

#[tokio::test]
async fn a_child_is_started_once_the_store_is_back() {
    let world = World::new();
    world.workflow(&named("child", calls("a", ""))).await;
    world.store.fail_creations_of_children(2);
    let id = world.start(&starts("child")).await;
    settle().await;
    assert!(world.children(id).await.is_empty());
    world.pass(seconds(1)).await;
    world.pass(seconds(1)).await;
    assert_eq!(world.status(id).await, "completed");
    assert_eq!(world.children(id).await.len(), 1);
}

/// A child that is waited for between two calls, and one that is not.
async fn family(world: &World) -> WorkflowId {
    world.workflow(&named("child", calls("a b", "a>b"))).await;
    let detached =
        json!({"id": "d", "type": "subworkflow", "config": {"workflow_id": "child", "wait": false}});
    let mut document = starts_with(json!({"workflow_id": "child"}));
    let nodes = document["nodes"].as_array_mut().unwrap();
    nodes.push(detached);
    nodes.push(json!({"id": "c", "type": "agent_call", "agent_id": "c"}));
    document["edges"] = json!([{"from": "s", "to": "c"}]);
    world.workflow(&document).await
}

async fn moments(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

async fn root_of(world: &World, executions: &[ExecutionId]) -> Option<ExecutionId> {
    for id in executions {
        if world.row(*id).await.parent.is_none() {
            return Some(*id);
        }
    }
    None
}

async fn executions(world: &World) -> Vec<ExecutionId> {
    let page = PageRequest {
        limit: 10,
        cursor: None,
    };
    let caller = Caller::anonymous();
    let filter = ExecutionFilter::default();
    let found = world.engine.executions(&caller, &filter, &page).await;
    found.unwrap().items.iter().map(|row| row.id).collect()
}

/// Starts a tree, does something with it, and dies after so many moments.
fn dies_after(count: usize, what: impl AsyncFnOnce(&World, ExecutionId)) -> World {
    process(async {
        let world = World::new();
        let workflow = family(&world).await;
        tokio::select! {
            biased;
            () = moments(count) => {}
            () = async {
                let id = world.start_again(workflow).await;
                what(&world, id).await;
                std::future::pending::<()>().await;
            } => {}
        }
        world
    })
}

#[test]
fn a_tree_survives_a_crash_at_any_moment() {
    let mut survived = 0;
    for moment in 0..150 {
        let world = dies_after(moment, async |_, _| {});
        process(async {
            let world = world.restarted();
            let found = executions(&world).await;
            let Some(root) = root_of(&world, &found).await else {
                return;
            };
            settle().await;
            settle().await;
            assert_eq!(world.status(root).await, "completed", "{moment}");
            let children = world.children(root).await;
            assert_eq!(children.len(), 2, "{moment}");
            assert!(
                children
                    .iter()
                    .all(|child| child.status == ExecutionStatus::Completed)
            );
            let calls = world.agents.calls();
            let messages: BTreeSet<_> = calls.iter().map(|(_, call)| call.message_id).collect();
            assert_eq!(messages.len(), 5, "{moment}: each call under one message id");
            survived += 1;
        });
    }
    assert!(survived > 130, "{survived}");
}

#[test]
fn the_end_of_a_child_is_told_again_when_a_crash_came_before_it_was_recorded_above() {
    let (world, root) = process(async {
        let world = World::new();
        world.agents.script("a", [Answer::held()]);
        let root = world.start_above(&calls("a", "")).await;
        settle().await;
        world.store.hold_commits_of(root);
        world.agents.release_reply("a", json!(1));
        settle().await;
        assert_eq!(world.status(world.child(root).await).await, "completed");
        assert_eq!(world.nodes(root).await, "s:running");
        (world, root)
    });
    process(async {
        let world = world.restarted();
        settle().await;
        assert_eq!(world.status(root).await, "completed");
        assert_eq!(world.agents.called(), ["a"]);
    });
}

#[test]
fn a_question_below_is_asked_for_again_after_a_restart() {
    let (world, root) = process(async {
        let world = World::new();
        let root = world.start_above(&question(json!({}))).await;
        settle().await;
        (world, root)
    });
    process(async {
        let world = world.restarted();
        settle().await;
        let paused = Some(PauseReason::Approval);
        assert_eq!(world.row(root).await.pause_reason, paused);
        let resumed = world.engine.resume(&Caller::anonymous(), root, None).await;
        resumed.unwrap();
        settle().await;
        assert_eq!(world.status(root).await, "completed");
    });
}

#[test]
fn a_cancelled_tree_ends_whenever_the_process_dies() {
    for moment in 0..150 {
        let world = dies_after(moment, async |world, id| {
            moments(20).await;
            let _ = world.engine.cancel(&Caller::anonymous(), id).await;
        });
        process(async {
            let world = world.restarted();
            settle().await;
            world.pass(seconds(5)).await;
            for id in executions(&world).await {
                assert!(
                    world.row(id).await.status.is_terminal(),
                    "{moment}: {:?}",
                    world.row(id).await
                );
            }
        });
    }
}
