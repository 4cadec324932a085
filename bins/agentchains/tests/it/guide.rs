//! The guide's two workflows, unchanged, against the demo.

use serde_json::{Value, json};

use crate::server::Server;

fn parallel_research() -> Value {
    serde_json::from_str(include_str!(
        "../../../../examples/workflows/parallel-research.json"
    ))
    .unwrap()
}

#[tokio::test]
async fn parallel_research_runs_as_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::demo(folder.path()).await;
    let client = &server.client;

    let workflow = client.create(&parallel_research()).await;
    let request = json!({"input": {"topic": "quantum computing"}, "max_budget": 1.00});
    let execution = client.execute(&workflow, &request).await;
    assert_eq!(client.execution(&execution).await["status"], "running");

    let mut events = client.follow(&execution, 0).await;
    events.until("execution.paused", None).await;
    let paused = client.execution(&execution).await;
    assert_eq!(paused["status"], "paused");
    assert_eq!(paused["pause_reason"], "approval");
    assert_overlap(&events.seen, "web", "academic");

    let resumed = client
        .post(&format!("/executions/{execution}/resume"), &json!({}))
        .await;
    assert_eq!(resumed.status, 200, "{resumed:?}");
    let seen = events.rest().await;
    assert_eq!(seen.last().unwrap()["type"], "execution.completed");
    let numbers: Vec<u64> = seen.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(
        numbers,
        (1..=numbers.len() as u64).collect::<Vec<_>>(),
        "the numbers have no gap"
    );

    let completed = client.execution(&execution).await;
    assert_eq!(completed["status"], "completed");
    assert_eq!(completed["nodes_settled"], 4);
    let cost = client.get(&format!("/executions/{execution}/cost")).await.body;
    assert_eq!(cost["total_usd"], completed["cost_usd"]);
    assert!(cost["total_usd"].as_f64().unwrap() > 0.0, "{cost}");
}

/// Both were in flight at the same time: each started before the other completed.
fn assert_overlap(events: &[Value], one: &str, other: &str) {
    let position = |kind: &str, node: &str| {
        events
            .iter()
            .position(|event| event["type"] == kind && event["data"]["node_id"] == node)
            .unwrap()
    };
    assert!(position("node.started", one) < position("node.completed", other));
    assert!(position("node.started", other) < position("node.completed", one));
}

#[tokio::test]
async fn research_pipeline_passes_outputs_on_without_being_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::demo(folder.path()).await;
    let client = &server.client;

    let document = include_str!("../../../../examples/workflows/research-pipeline.json");
    let workflow = client.create(&serde_json::from_str(document).unwrap()).await;
    let execution = client
        .execute(&workflow, &json!({"input": {"topic": "quantum computing"}}))
        .await;
    let mut events = client.follow(&execution, 0).await;
    let asked = events.until("approval.requested", None).await;
    assert_eq!(asked["data"]["message"], "Approve research summary?");

    let search = client.node(&execution, "search").await;
    assert_eq!(search["input"]["config"], json!({"query": "quantum computing"}));
    let summarize = client.node(&execution, "summarize").await;
    assert_eq!(summarize["input"]["config"], json!({"max_length": 500}));
    assert_eq!(summarize["input"]["upstream"]["search"], search["output"]);

    let approvals = client
        .get(&format!("/approvals?execution_id={execution}"))
        .await
        .body;
    let approval = approvals["approvals"][0]["id"].as_str().unwrap().to_owned();
    let decision = json!({"decision": "approve", "by": "ann", "shown_hash": asked["data"]["shown_hash"]});
    let decided = client
        .post(&format!("/approvals/{approval}/decision"), &decision)
        .await;
    assert_eq!(decided.status, 200, "{decided:?}");
    events.until("execution.completed", None).await;
    assert_eq!(
        client.execution(&execution).await["output"]["review"]["by"],
        "ann"
    );
    let again = client
        .post(&format!("/approvals/{approval}/decision"), &decision)
        .await;
    assert_eq!(again.status, 409, "{again:?}");
}

#[tokio::test]
async fn every_template_runs_as_it_is_against_the_demo_agents() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::demo(folder.path()).await;
    let client = &server.client;
    let templates = client.get("/templates").await.body["templates"]
        .as_array()
        .unwrap()
        .clone();
    assert!(!templates.is_empty());
    for template in templates {
        let workflow = client.create(&template["workflow"]).await;
        let execution = client
            .execute(&workflow, &json!({"input": template["sample_input"]}))
            .await;
        let mut events = client.follow(&execution, 0).await;
        while let Some(event) = events.next().await {
            if event["type"] == "execution.paused" {
                client
                    .post(&format!("/executions/{execution}/resume"), &json!({}))
                    .await;
            }
        }
        assert_eq!(
            client.execution(&execution).await["status"],
            "completed",
            "{}",
            template["key"]
        );
    }
}
