//! Workflows whose nodes are agents of others: one that passes a value on, one that asks a person, one that is
//! cancelled while it works.

use serde_json::{Value, json};

use crate::{
    client::Client,
    process::{ForeignAgent, Sdk},
    server::Server,
};

/// Registers an agent on each way to it, and runs every workflow there.
async fn run_all(sdk: Sdk, paths: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let agent = ForeignAgent::start(sdk);
    for path in paths {
        let id = format!("agent{}", path.replace('/', "-"));
        let definition = json!({"agent_id": id, "url": format!("{}{path}", agent.base)});
        let registered = server.client.post("/agents", &definition).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        values_pass_from_agent_to_agent(&server.client, &id).await;
        a_question_is_answered_among_the_approvals(&server.client, &id).await;
        a_cancel_reaches_the_agent(&server.client, &id).await;
    }
}

async fn start(client: &Client, nodes: &Value, edges: &Value) -> String {
    let document = json!({"name": "with an agent of others", "nodes": nodes, "edges": edges});
    let workflow = client.create(&document).await;
    client.execute(&workflow, &json!({})).await
}

fn node(id: &str, agent_id: &str, config: &Value) -> Value {
    json!({"id": id, "type": "agent_call", "agent_id": agent_id, "config": config})
}

async fn values_pass_from_agent_to_agent(client: &Client, agent_id: &str) {
    let nodes = json!([
        node("first", agent_id, &json!({"do": "echo", "n": 120})),
        node(
            "second",
            agent_id,
            &json!({"do": "echo", "of": "{{ first.echo.n }}"})
        ),
    ]);
    let execution = start(client, &nodes, &json!([{"from": "first", "to": "second"}])).await;
    client
        .follow(&execution, 0)
        .await
        .until("execution.completed", None)
        .await;
    let output = &client.execution(&execution).await["output"];
    assert_eq!(
        *output,
        json!({"second": {"echo": {"do": "echo", "of": 120}}}),
        "{agent_id}"
    );
}

async fn a_question_is_answered_among_the_approvals(client: &Client, agent_id: &str) {
    let nodes = json!([node("pay", agent_id, &json!({"do": "ask"}))]);
    let execution = start(client, &nodes, &json!([])).await;
    let mut events = client.follow(&execution, 0).await;
    events.until("approval.requested", None).await;
    let approvals = client
        .get(&format!("/approvals?execution_id={execution}"))
        .await
        .body;
    let asked = &approvals["approvals"][0];
    assert_eq!(asked["kind"], "agent_input", "{agent_id}: {asked}");
    assert_eq!(asked["message"], "Approve the payment of 12 EUR?");
    assert_eq!(asked["form"]["required"], json!(["approve"]));
    let decision =
        json!({"decision": "answer", "comment": "Go ahead.", "data": {"approve": true}, "by": "ann"});
    let path = format!("/approvals/{}/decision", asked["id"].as_str().unwrap());
    let decided = client.post(&path, &decision).await;
    assert_eq!(decided.status, 200, "{decided:?}");
    events.until("execution.completed", None).await;
    let output = &client.execution(&execution).await["output"];
    assert_eq!(
        *output,
        json!({"pay": {"told": ["Go ahead."], "data": [{"approve": true}]}}),
        "{agent_id}"
    );
}

async fn a_cancel_reaches_the_agent(client: &Client, agent_id: &str) {
    let nodes = json!([node("work", agent_id, &json!({"do": "slow"}))]);
    let execution = start(client, &nodes, &json!([])).await;
    let mut events = client.follow(&execution, 0).await;
    events.until("node.started", Some("work")).await;
    while client.node(&execution, "work").await["remote_task_id"].is_null() {}
    let cancelled = client
        .post(&format!("/executions/{execution}/cancel"), &json!({}))
        .await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    events.until("execution.cancelled", None).await;
    let work = client.node(&execution, "work").await;
    assert_eq!(work["remote_cancel"], "confirmed", "{agent_id}: {work}");
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the agent"]
async fn python_1_3() {
    run_all(Sdk::Python1, &["/jsonrpc", "/polling", "/rest"]).await;
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the agent"]
async fn python_0_3() {
    run_all(Sdk::Python03, &["/streaming", "/polling"]).await;
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the agent"]
async fn js_1_3() {
    run_all(Sdk::Js1, &["/jsonrpc", "/polling", "/rest"]).await;
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the agent"]
async fn adk() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let agent = ForeignAgent::start(Sdk::Adk);
    let pricing = json!({"per_1k_input_tokens": 1.0, "per_1k_output_tokens": 2.0});
    let definition = json!({"agent_id": "adk", "url": agent.base, "pricing": pricing});
    assert_eq!(server.client.post("/agents", &definition).await.status, 201);

    let nodes = json!([node("look", "adk", &json!({"message": "look it up"}))]);
    let execution = start(&server.client, &nodes, &json!([])).await;
    let mut events = server.client.follow(&execution, 0).await;
    events.until("execution.completed", None).await;
    let cost = server
        .client
        .get(&format!("/executions/{execution}/cost"))
        .await
        .body;
    assert_eq!(
        cost["total_usd"],
        json!(3.06),
        "both calls of the model are paid for: {cost}"
    );
}
