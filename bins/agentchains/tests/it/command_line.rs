//! `run` and `validate`, by what they print and how they exit.

use std::{path::PathBuf, process::Output};

use agentchains_demo::{DemoSettings, start_all};
use serde_json::{Value, json};
use tokio::process::Command;

async fn agentchains(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agentchains"))
        .args(arguments)
        .output()
        .await
        .unwrap()
}

fn example(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../examples/workflows", name]
        .iter()
        .collect();
    path.display().to_string()
}

fn written(document: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.json");
    std::fs::write(&path, document).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

#[tokio::test]
async fn run_prints_the_output_and_exits_with_zero() {
    let agents = start_all(DemoSettings::default()).await.unwrap();
    let flags: Vec<String> = agents
        .agents()
        .iter()
        .map(|agent| format!("--agent={}={}", agent.id, agent.url))
        .collect();
    let file = example("parallel-research.json");
    let mut arguments = vec![
        "run",
        &file,
        "--input",
        r#"{"topic": "quantum computing"}"#,
        "--yes",
        "--output",
        "json",
    ];
    arguments.extend(flags.iter().map(String::as_str));
    let output = agentchains(&arguments).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["status"], "completed");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("merge"),
        "the progress names the nodes"
    );
}

#[tokio::test]
async fn run_exits_by_what_became_of_the_execution() {
    let agents = start_all(DemoSettings::default()).await.unwrap();
    let flags: Vec<String> = agents
        .agents()
        .iter()
        .map(|agent| format!("--agent={}={}", agent.id, agent.url))
        .collect();
    let file = example("parallel-research.json");
    let cases: &[(&[&str], i32)] = &[
        (&["--yes", "--max-budget", "0"], 4),
        (&[], 3),
        (&["--yes", "--input", "@nowhere"], 1),
    ];
    for (options, expected) in cases {
        let mut arguments = vec!["run", file.as_str()];
        arguments.extend(*options);
        arguments.extend(flags.iter().map(String::as_str));
        let output = agentchains(&arguments).await;
        assert_eq!(output.status.code(), Some(*expected), "{options:?}: {output:?}");
    }
}

#[tokio::test]
async fn run_asks_for_every_agreement_that_a_quorum_needs() {
    let (_folder, path) = written(
        r#"{"name": "q", "nodes": [{"id": "q", "type": "human_approval",
            "config": {"message": "\u001b[31mred", "actions": ["ship", "hold"], "quorum": 2}}]}"#,
    );
    let output = agentchains(&["run", &path, "--yes", "--output", "json"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["output"]["q"]["decision"], "ship");
}

#[tokio::test]
async fn run_calls_addresses_in_the_document_and_shows_where_nested_nodes_stand() {
    let agents = start_all(DemoSettings::default()).await.unwrap();
    let critic = agents.agents().iter().find(|agent| agent.id == "critic").unwrap();
    let document = json!({"name": "nested", "nodes": [{
        "id": "each", "type": "loop", "config": {"items": "{{input.texts}}", "body": {"nodes": [
            {"id": "judge", "type": "agent_call", "config": {"endpoint": critic.url, "message": "{{item}}"}},
        ]}},
    }]});
    let (_folder, path) = written(&document.to_string());
    let input = r#"{"texts": ["one", "two"]}"#;
    let output = agentchains(&["run", &path, "--input", input, "--output", "json"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(progress.contains("each[1]/judge"), "{progress}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["output"]["each"]["iterations"], 2);
}

#[tokio::test]
async fn run_says_that_it_knows_no_other_workflows() {
    let (_folder, path) = written(
        r#"{"name": "p", "nodes": [{"id": "s", "type": "subworkflow", "config": {"workflow_id": "other"}}]}"#,
    );
    let output = agentchains(&["run", &path]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("no active workflow") && said.contains("other"),
        "{said}"
    );
}

#[tokio::test]
async fn validate_points_at_the_place_and_exits_with_two() {
    let (_folder, path) = written(
        "{\n  \"name\": \"x\",\n  \"nodes\": [{\"id\": \"a\", \"type\": \"agent_cal\", \"agent_id\": \"b\"}]\n}",
    );
    let output = agentchains(&["validate", &path]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["unknown_node_type", "workflow.json:3", "agent_call"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let output = agentchains(&["validate", &path, "--format", "json"]).await;
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(findings[0]["errors"][0]["code"], "unknown_node_type");
    assert_eq!(findings[0]["errors"][0]["line"], 3);
}

#[tokio::test]
async fn import_prints_a_document_that_is_valid_or_says_what_cannot_be_converted() {
    let (_folder, path) = written(
        r#"{"name": "old", "graph_json": {"nodes": {
            "a": {"type": "agent_call", "config": {"endpoint": "http://127.0.0.1:9/"}},
            "b": {"type": "agent_call", "config": {"endpoint": "http://127.0.0.1:9/"}, "depends_on": ["a"]}}}}"#,
    );
    let output = agentchains(&["import", &path]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (_folder, converted) = written(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(
        agentchains(&["validate", &converted]).await.status.code(),
        Some(0)
    );

    let (_folder, path) = written(r#"{"name": "old", "graph_json": {"nodes": {"a": {"type": "teleport"}}}}"#);
    let output = agentchains(&["import", &path]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown_node_type"));
}

#[tokio::test]
async fn validate_says_that_the_examples_are_valid() {
    let output = agentchains(&[
        "validate",
        &example("parallel-research.json"),
        &example("research-pipeline.json"),
    ])
    .await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
