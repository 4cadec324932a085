//! `kill -9`, SIGTERM and restarts, with agents that outlive the server and log every request.

use std::path::Path;

use agentchains_demo::{DemoAgents, DemoSettings, start_all};
use serde_json::{Value, json};

use crate::{client::Client, server::Server};

async fn register(client: &Client, agents: &DemoAgents) {
    for agent in agents.agents() {
        let registered = client
            .post("/agents", &json!({"agent_id": agent.id, "url": agent.url}))
            .await;
        assert_eq!(registered.status, 201, "{registered:?}");
    }
}

pub(crate) async fn start_parallel_research(server: &Server, agents: &DemoAgents) -> String {
    register(&server.client, agents).await;
    let document = include_str!("../../../../examples/workflows/parallel-research.json");
    let workflow = server
        .client
        .create(&serde_json::from_str(document).unwrap())
        .await;
    let request = json!({"input": {"topic": "quantum computing"}, "max_budget": 1.00});
    server.client.execute(&workflow, &request).await
}

/// How often each agent was sent a message.
pub(crate) fn messages(agents: &DemoAgents, agent_id: &str) -> usize {
    agents.log().count(agent_id, "SendMessage")
}

/// Kills the server when the event has come, starts it again on the same database, and sees the execution to its end.
async fn kill_at(folder: &Path, agents: &DemoAgents, kind: &str, node: Option<&str>) -> Vec<Value> {
    let server = Server::serve(folder).await;
    let execution = start_parallel_research(&server, agents).await;
    server.client.follow(&execution, 0).await.until(kind, node).await;
    server.kill().await;

    let server = Server::serve(folder).await;
    let mut events = server.client.follow(&execution, 0).await;
    events.until("execution.paused", None).await;
    server
        .client
        .post(&format!("/executions/{execution}/resume"), &json!({}))
        .await;
    let seen = events.rest().await;
    let ended = server.client.execution(&execution).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    let numbers: Vec<u64> = seen.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(
        numbers,
        (1..=numbers.len() as u64).collect::<Vec<_>>(),
        "the numbers have no gap"
    );
    for node in ["web", "academic", "merge", "approve"] {
        let completions = seen
            .iter()
            .filter(|event| event["type"] == "node.completed" && event["data"]["node_id"] == node);
        assert_eq!(completions.count(), 1, "{node}");
    }
    seen
}

#[tokio::test]
async fn killed_while_two_nodes_run_it_finishes_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let agents = start_all(DemoSettings::default()).await.unwrap();
    kill_at(folder.path(), &agents, "node.started", Some("academic")).await;
    assert_eq!(messages(&agents, "summarizer"), 1);
}

#[tokio::test]
async fn killed_after_two_nodes_completed_neither_is_called_again() {
    let folder = tempfile::tempdir().unwrap();
    let agents = start_all(DemoSettings::default()).await.unwrap();
    kill_at(folder.path(), &agents, "node.started", Some("merge")).await;
    assert_eq!(messages(&agents, "web-search"), 1);
    assert_eq!(messages(&agents, "academic-search"), 1);
}

#[tokio::test]
async fn killed_while_a_person_is_asked_it_still_asks_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let agents = start_all(DemoSettings::default()).await.unwrap();
    kill_at(folder.path(), &agents, "execution.paused", None).await;
    for agent in ["web-search", "academic-search", "summarizer"] {
        assert_eq!(messages(&agents, agent), 1, "{agent}");
    }
}

#[tokio::test]
async fn a_sigterm_lets_calls_in_flight_end_and_starts_nothing_new() {
    let folder = tempfile::tempdir().unwrap();
    let agents = start_all(DemoSettings::default()).await.unwrap();
    let server = Server::serve(folder.path()).await;
    let execution = start_parallel_research(&server, &agents).await;
    server
        .client
        .follow(&execution, 0)
        .await
        .until("node.started", Some("academic"))
        .await;
    assert!(server.terminate().await.success());
    assert_eq!(messages(&agents, "summarizer"), 0);

    let server = Server::serve(folder.path()).await;
    let mut events = server.client.follow(&execution, 0).await;
    events.until("execution.paused", None).await;
    assert_eq!(messages(&agents, "web-search"), 1);
    assert_eq!(messages(&agents, "academic-search"), 1);
}

#[tokio::test]
async fn stopped_by_force_time_after_time_it_is_no_crash_to_what_was_running() {
    let folder = tempfile::tempdir().unwrap();
    // It takes connections, and never answers.
    let agent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", agent.local_addr().unwrap());
    let mut server = Server::serve(folder.path()).await;
    let silent = json!({"agent_id": "silent", "protocol": "http", "url": url});
    assert_eq!(server.client.post("/agents", &silent).await.status, 201);
    let node = json!({"id": "n", "type": "agent_call", "agent_id": "silent", "config": {}});
    let workflow = server.client.create(&json!({"name": "w", "nodes": [node]})).await;
    let execution = server.client.execute(&workflow, &json!({})).await;
    server
        .client
        .follow(&execution, 0)
        .await
        .until("node.started", None)
        .await;
    let mut calls = Vec::new();
    for _ in 0..4 {
        // With nothing in flight it would end at the first word.
        calls.push(agent.accept().await.unwrap());
        assert!(server.terminate_by_force().await.success());
        server = Server::serve(folder.path()).await;
    }
    let execution = server.client.execution(&execution).await;
    assert_eq!(execution["status"], "running", "{execution}");
}

#[tokio::test]
async fn the_demo_killed_with_its_agents_finishes_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::demo(folder.path()).await;
    let document = include_str!("../../../../examples/workflows/parallel-research.json");
    let workflow = server
        .client
        .create(&serde_json::from_str(document).unwrap())
        .await;
    let execution = server
        .client
        .execute(&workflow, &json!({"input": {"topic": "quantum computing"}}))
        .await;
    server
        .client
        .follow(&execution, 0)
        .await
        .until("node.started", Some("academic"))
        .await;
    server.kill().await;

    let server = Server::demo(folder.path()).await;
    server
        .client
        .follow(&execution, 0)
        .await
        .until("execution.paused", None)
        .await;
    assert_eq!(
        server.client.node(&execution, "merge").await["status"],
        "completed"
    );
}

/// Starts a workflow that starts the guide's, and gives both executions once the second one is there.
async fn start_a_tree(server: &Server, agents: &DemoAgents) -> (String, String) {
    register(&server.client, agents).await;
    let document = include_str!("../../../../examples/workflows/parallel-research.json");
    let child = server
        .client
        .create(&serde_json::from_str(document).unwrap())
        .await;
    let parent = json!({"name": "parent", "nodes": [
        {"id": "research", "type": "subworkflow", "config": {"workflow_id": child}},
    ]});
    let parent = server.client.create(&parent).await;
    let request = json!({"input": {"topic": "quantum computing"}});
    let root = server.client.execute(&parent, &request).await;
    let mut events = server.client.follow(&root, 0).await;
    events.until("node.started", Some("research")).await;
    let child = server.client.node(&root, "research").await["child_execution_id"].clone();
    let child = child.as_str().unwrap().to_owned();
    while server.client.get(&format!("/executions/{child}")).await.status != 200 {}
    (root, child)
}

#[tokio::test]
async fn killed_while_a_child_execution_runs_both_finish_after_a_restart() {
    for (kind, node) in [("node.started", Some("merge")), ("execution.paused", None)] {
        let folder = tempfile::tempdir().unwrap();
        let agents = start_all(DemoSettings::default()).await.unwrap();
        let server = Server::serve(folder.path()).await;
        let (root, child) = start_a_tree(&server, &agents).await;
        server.client.follow(&child, 0).await.until(kind, node).await;
        server.kill().await;

        let server = Server::serve(folder.path()).await;
        let mut events = server.client.follow(&root, 0).await;
        events.until("execution.paused", None).await;
        let resumed = server
            .client
            .post(&format!("/executions/{root}/resume"), &json!({}))
            .await;
        assert_eq!(resumed.status, 200, "{resumed:?}");
        events.rest().await;
        let ended = server.client.execution(&root).await;
        assert_eq!(ended["status"], "completed", "{ended}");
        assert_eq!(server.client.execution(&child).await["parent"], root.as_str());
        assert_eq!(messages(&agents, "web-search"), 1, "{kind}");
    }
}
