//! Budgets that several executions draw from: those of executions above, and the caps of a tenant.

use agentchains_engine::{
    Caller, Caps, StartRequest,
    cost::{Budget, ReportedCost, Usd},
    machine::{AgentReply, EventType, ExecutionId},
    ports::{CallOutcome, ExecutionQuery as _, PurseId},
};
use agentchains_testkit::Answer;
use serde_json::{Value, json};

use crate::harness::{World, calls, named, settle, starts_with};

fn usd(amount: &str) -> Usd {
    amount.parse().unwrap()
}

/// Calls of agent `a` that may cost this much each, all at once.
fn calls_for(name: &str, nodes: &[&str], max_cost: Value) -> Value {
    let nodes: Vec<Value> = nodes
        .iter()
        .map(|id| json!({"id": id, "type": "agent_call", "agent_id": "a", "max_cost": max_cost}))
        .collect();
    json!({"name": name, "nodes": nodes})
}

/// A node that runs the workflow `child` beside two calls, with 10 USD for all of them.
fn family() -> Value {
    let mut document = calls_for("parent", &["x", "y"], json!(3));
    let nodes = document["nodes"].as_array_mut().unwrap();
    nodes.push(json!({"id": "s", "type": "subworkflow", "config": {"workflow_id": "child"}}));
    document["max_budget"] = json!(10);
    document
}

/// Everything is asked of agent `a`, which answers when it is told to.
async fn world(held: usize) -> World {
    let world = World::new();
    world.agents.script("a", (0..held).map(|_| Answer::held()));
    world
}

fn release(world: &World, cost: &str) {
    let reply = AgentReply {
        output: json!({}).into(),
        cost: ReportedCost::Usd(usd(cost)),
        usage: None,
    };
    assert!(world.agents.release("a", CallOutcome::Reply(reply)));
}

async fn purse(world: &World, id: ExecutionId) -> Budget {
    let purse = world.store.memory().purse(&PurseId::of_execution(id)).await;
    purse.unwrap().unwrap()
}

async fn stands(world: &World, id: ExecutionId) -> (String, String) {
    let purse = purse(world, id).await;
    (purse.spent().to_string(), purse.reserved().to_string())
}

fn pair(spent: &str, reserved: &str) -> (String, String) {
    (spent.to_owned(), reserved.to_owned())
}

#[tokio::test]
async fn an_execution_and_its_child_never_reserve_more_than_the_budget_above_both() {
    let world = world(5).await;
    world
        .workflow(&calls_for("child", &["p", "q", "r"], json!(3)))
        .await;
    let id = world.start(&family()).await;
    settle().await;
    assert_eq!(
        (world.agents.in_flight(), stands(&world, id).await),
        (3, pair("0", "9"))
    );
    release(&world, "1");
    settle().await;
    assert_eq!(
        (world.agents.in_flight(), stands(&world, id).await),
        (3, pair("1", "9"))
    );
    for _ in 0..4 {
        release(&world, "1");
        settle().await;
    }
    assert_eq!(world.status(id).await, "completed");
    assert_eq!(stands(&world, id).await, pair("5", "0"));
    assert_eq!(world.row(id).await.spent, usd("5"));
}

#[tokio::test]
async fn what_a_child_cannot_pay_for_ends_the_execution_whose_budget_it_is() {
    let world = world(2).await;
    world
        .workflow(&named("child", {
            let mut child = calls_for("child", &["p", "q"], json!(3));
            child["edges"] = json!([{"from": "p", "to": "q"}]);
            child
        }))
        .await;
    let mut above = starts_with(json!({"workflow_id": "child"}));
    above["max_budget"] = json!(5);
    let id = world.start(&above).await;
    settle().await;
    release(&world, "2.5");
    settle().await;
    assert_eq!(world.status(id).await, "failed(budget_exceeded)");
    let child = world.child(id).await;
    assert_eq!(world.status(child).await, "cancelled");
    assert_eq!(
        (stands(&world, id).await, world.agents.called().len()),
        (pair("2.5", "0"), 1)
    );
    let kinds = world.kinds(id).await;
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| **kind == EventType::BudgetExhausted)
            .count(),
        1
    );
}

#[tokio::test]
async fn a_raised_budget_lets_the_child_that_waits_for_it_go_on() {
    let world = world(2).await;
    world.workflow(&calls_for("child", &["p", "q"], json!(3))).await;
    let mut above = starts_with(json!({"workflow_id": "child"}));
    above["max_budget"] = json!(4);
    above["on_budget"] = json!("pause");
    let id = world.start(&above).await;
    settle().await;
    assert_eq!(world.agents.in_flight(), 1);
    release(&world, "3");
    settle().await;
    assert_eq!(
        (world.status(id).await.as_str(), world.agents.in_flight()),
        ("paused", 0)
    );
    world
        .engine
        .resume(&Caller::anonymous(), id, Some(usd("6")))
        .await
        .unwrap();
    settle().await;
    assert_eq!(world.agents.in_flight(), 1);
    release(&world, "3");
    settle().await;
    assert_eq!(world.status(id).await, "completed");
    assert_eq!(
        (purse(&world, id).await.limit(), stands(&world, id).await),
        (Some(usd("6")), pair("6", "0"))
    );
}

#[tokio::test]
async fn a_child_that_is_not_waited_for_draws_from_above_and_answers_for_itself() {
    let world = world(1).await;
    let mut child = calls_for("child", &["p", "q"], json!(3));
    child["edges"] = json!([{"from": "p", "to": "q"}]);
    world.workflow(&child).await;
    let mut above = starts_with(json!({"workflow_id": "child", "wait": false}));
    above["max_budget"] = json!(5);
    let id = world.start(&above).await;
    settle().await;
    assert_eq!(stands(&world, id).await, pair("0", "3"));
    release(&world, "3");
    settle().await;
    let child = world.child(id).await;
    assert_eq!(world.status(id).await, "completed");
    assert_eq!(world.status(child).await, "failed(budget_exceeded)");
    assert_eq!(stands(&world, id).await, pair("3", "0"));
}

#[tokio::test]
async fn calls_of_unknown_cost_follow_the_strictest_policy_of_the_budgets_that_they_draw_from() {
    let (allowed, serialized, refused) = (json!("allow"), json!("serialize"), json!("refuse"));
    for (policy, in_flight, status) in [
        (allowed, 2, "running"),
        (serialized, 1, "running"),
        (refused, 0, "failed(subworkflow_failed)"),
    ] {
        let world = world(2).await;
        world.workflow(&named("child", calls("a b", ""))).await;
        world.agents.script("b", [Answer::held()]);
        let mut above = starts_with(json!({"workflow_id": "child"}));
        above["max_budget"] = json!(1);
        above["unknown_cost"] = policy.clone();
        let id = world.start(&above).await;
        settle().await;
        assert_eq!(
            (world.agents.in_flight(), world.status(id).await.as_str()),
            (in_flight, status),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn reservations_outlive_a_restart() {
    let first = World::new();
    let accepted = |number: u32| Answer::held().after_accepting(&format!("task-{number}"));
    first.agents.script("a", (0..8).map(accepted));
    first
        .workflow(&calls_for("child", &["p", "q", "r"], json!(3)))
        .await;
    let id = first.start(&family()).await;
    settle().await;
    assert_eq!(stands(&first, id).await, pair("0", "9"));
    let second = first.restarted();
    settle().await;
    assert_eq!(stands(&second, id).await, pair("0", "9"));
    // Among the calls are those of the process that is gone.
    while second.status(id).await == "running" {
        release(&second, "1");
        settle().await;
    }
    assert_eq!(second.status(id).await, "completed");
    assert_eq!(stands(&second, id).await, pair("5", "0"));
}

#[tokio::test]
async fn a_tenant_s_cap_holds_for_all_of_its_executions_until_the_day_is_over() {
    let caps = Caps {
        daily: Some(usd("5")),
        monthly: None,
    };
    let world = World::capped(caps);
    world.agents.script("a", (0..4).map(|_| Answer::held()));
    let workflow = world.workflow(&calls_for("paid", &["p"], json!(3))).await;
    let start = || async {
        let started = world.try_start(workflow, StartRequest::default()).await;
        started.unwrap().id
    };
    let (one, two) = (start().await, start().await);
    settle().await;
    assert_eq!(
        world.agents.in_flight(),
        1,
        "the second waits for what the first gives back"
    );
    release(&world, "3");
    settle().await;
    let (first, second) = (world.status(one).await, world.status(two).await);
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("completed", "failed(budget_exceeded)")
    );
    world.pass(crate::harness::seconds(24 * 3_600)).await;
    let three = start().await;
    settle().await;
    release(&world, "3");
    settle().await;
    assert_eq!(world.status(three).await, "completed");
}

#[tokio::test]
async fn what_a_cap_has_paused_goes_on_once_the_cap_has_room() {
    let caps = Caps {
        daily: Some(usd("3")),
        monthly: None,
    };
    let world = World::capped(caps);
    world.agents.script("a", (0..2).map(|_| Answer::held()));
    let mut document = calls_for("paid", &["p", "q"], json!(3));
    document["on_budget"] = json!("pause");
    let id = world.start(&document).await;
    settle().await;
    release(&world, "3");
    settle().await;
    let caller = Caller::anonymous();
    for day in 0..2 {
        assert_eq!(world.status(id).await, "paused", "day {day}");
        world.engine.resume(&caller, id, None).await.unwrap();
        settle().await;
        if day == 0 {
            assert_eq!(world.status(id).await, "paused", "the cap has no room yet");
            world.pass(crate::harness::seconds(24 * 3_600)).await;
        }
    }
    release(&world, "3");
    settle().await;
    assert_eq!(world.status(id).await, "completed");
}
