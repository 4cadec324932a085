//! What executions inside of each other have cost: every table has all of it.

use agentchains_engine::Caller;
use serde_json::{Value, json};

use crate::support::{Api, chain, named, text};

/// A workflow that calls `echo`, which costs 0.25 USD, and starts the workflow `child`.
fn above(config: Value) -> Value {
    let mut config = config;
    config["workflow_id"] = json!("child");
    json!({"name": "above", "nodes": [
        {"id": "echo", "type": "agent_call", "agent_id": "echo"},
        {"id": "s", "type": "subworkflow", "config": config},
    ]})
}

async fn cost(api: &Api, execution: &str) -> Value {
    api.get(&format!("/executions/{execution}/cost"))
        .await
        .expect(200)
}

/// Members of each line of a table.
fn lines(cost: &Value, table: &str, members: [&str; 4]) -> Vec<[Value; 4]> {
    let lines = cost[table].as_array().unwrap().iter();
    lines
        .map(|line| members.map(|member| line[member].clone()))
        .collect()
}

/// The line that stands for `count` calls of `echo`.
fn echoes(name: Value, count: u32) -> [Value; 4] {
    [
        name,
        json!(f64::from(count) / 4.0),
        json!(count),
        json!(100 * count),
    ]
}

#[tokio::test]
async fn the_cost_of_a_child_is_in_every_table() {
    let api = Api::start();
    api.create(&named("child", chain(&["echo"]))).await;
    let id = text(&api.run(&above(json!({})), &json!({"max_budget": 2})).await["id"]);
    let cost = cost(&api, &id).await;
    let totals = ["total_usd", "remaining_usd", "cost_known", "deleted_usd"].map(|name| cost[name].clone());
    assert_eq!(totals, [json!(0.5), json!(1.5), json!(true), json!(0)]);
    let sum = |name| [name, "cost_usd", "attempts", "input_tokens"];
    assert_eq!(
        lines(&cost, "by_node", sum("path")),
        [echoes(json!("echo"), 1), echoes(json!("s"), 1)]
    );
    assert_eq!(
        lines(&cost, "by_agent", sum("agent_id")),
        [echoes(json!("echo"), 2)]
    );
    assert_eq!(
        lines(&cost, "by_model", sum("model")),
        [echoes(json!("parrot"), 2)]
    );
    assert_eq!(cost["by_node"][1]["agent_id"], Value::Null);
    assert_eq!(cost["by_attempt"].as_array().unwrap().len(), 1);
    let child = &cost["children"][0]["execution_id"];
    assert_eq!(
        cost["children"],
        json!([{
            "execution_id": child, "node_id": "s", "path": "s",
            "total_usd": 0.25, "reserved_usd": 0, "cost_known": true,
        }])
    );
    assert_eq!(self::cost(&api, &text(child)).await["total_usd"], json!(0.25));
}

/// Nothing of it has been told to the parent, whose own calls cost nothing.
#[tokio::test]
async fn what_a_child_may_still_cost_is_reserved_at_its_node_and_in_the_execution() {
    let api = Api::start();
    let mut child = chain(&["gate"]);
    child["nodes"][0]["max_cost"] = json!(0.4);
    api.create(&named("child", child)).await;
    let mut notices = api.engine.notices(&Caller::anonymous().tenant);
    let document = json!({"name": "above", "nodes": [
        {"id": "s", "type": "subworkflow", "config": {"workflow_id": "child"}},
    ]});
    let id = api.start_one(&document, &json!({"max_budget": 1})).await;
    let in_flight = loop {
        let cost = cost(&api, &id).await;
        if cost["reserved_usd"] != json!(0) {
            break cost;
        }
        notices.next().await.unwrap();
    };
    assert_eq!(
        lines(
            &in_flight,
            "by_node",
            ["path", "cost_usd", "reserved_usd", "attempts"]
        ),
        [[json!("s"), json!(0), json!(0.4), json!(1)]]
    );
    for table in ["by_agent", "by_model", "children"] {
        assert_eq!(in_flight[table][0]["reserved_usd"], json!(0.4), "{table}");
    }
    assert_eq!(in_flight["remaining_usd"], json!(0.6));
    let shown = api.get(&format!("/executions/{id}")).await.expect(200);
    assert_eq!(
        (&shown["cost_usd"], &shown["reserved_usd"]),
        (&json!(0), &json!(0.4))
    );
}

#[tokio::test]
async fn a_child_that_is_not_waited_for_is_paid_for_too() {
    let api = Api::start();
    api.create(&named("child", chain(&["echo"]))).await;
    let document = above(json!({"wait": false}));
    let id = text(&api.run(&document, &json!({"max_budget": 2})).await["id"]);
    let child = text(&cost(&api, &id).await["children"][0]["execution_id"]);
    api.until(&child, "execution.completed").await;
    let cost = cost(&api, &id).await;
    assert_eq!(
        (&cost["total_usd"], &cost["remaining_usd"]),
        (&json!(0.5), &json!(1.5))
    );
    assert_eq!(cost["children"][0]["total_usd"], json!(0.25));
    let shown = api.get(&format!("/executions/{id}")).await.expect(200);
    assert_eq!(shown["cost_usd"], json!(0.5));
}

#[tokio::test]
async fn what_a_deleted_child_has_cost_stays_in_every_table() {
    let api = Api::start();
    api.create(&named("child", chain(&["echo"]))).await;
    let id = text(&api.run(&above(json!({})), &json!({"max_budget": 2})).await["id"]);
    let child = text(&cost(&api, &id).await["children"][0]["execution_id"]);
    api.delete(&format!("/executions/{child}")).await.expect(204);
    let cost = cost(&api, &id).await;
    let totals = ["total_usd", "remaining_usd", "deleted_usd", "children"].map(|name| cost[name].clone());
    assert_eq!(totals, [json!(0.5), json!(1.5), json!(0.25), json!([])]);
    let none = || [Value::Null, json!(0.25), json!(0), Value::Null];
    let sum = |name| [name, "cost_usd", "attempts", "input_tokens"];
    assert_eq!(
        lines(&cost, "by_agent", sum("agent_id")),
        [echoes(json!("echo"), 1), none()]
    );
    assert_eq!(
        lines(&cost, "by_model", sum("model")),
        [echoes(json!("parrot"), 1), none()]
    );
    assert_eq!(cost["by_node"][1]["cost_usd"], json!(0.25));
}
