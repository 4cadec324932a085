//! What the server tells Prometheus.

use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn what_the_server_has_done_can_be_scraped() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::demo(folder.path()).await;
    let client = &server.client;
    let workflow = client
        .create(&json!({
            "name": "one call",
            "nodes": [{"id": "search", "type": "agent_call", "agent_id": "web-search"}],
        }))
        .await;
    let execution = client
        .execute(&workflow, &json!({"input": {"topic": "metrics"}}))
        .await;
    client.follow(&execution, 0).await.rest().await;

    let metrics = client.metrics().await;
    for line in [
        "# TYPE agentchains_executions_started_total counter",
        "agentchains_executions_started_total 1",
        r#"agentchains_executions_finished_total{status="completed"} 1"#,
        r#"agentchains_attempts_total{agent="web-search",outcome="succeeded"} 1"#,
        r#"agentchains_attempt_duration_seconds_bucket{agent="web-search",le="+Inf"} 1"#,
        r#"agentchains_attempt_cost_usd_count{agent="web-search"} 1"#,
        "# TYPE agentchains_commit_duration_seconds histogram",
        "agentchains_store_errors_total 0",
    ] {
        assert!(
            metrics.lines().any(|present| present == line),
            "{line} is not in\n{metrics}"
        );
    }
    assert!(!metrics.contains(&execution), "no execution is a label");
}
