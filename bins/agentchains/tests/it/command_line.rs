//! `run`, `estimate`, `graph` and `validate`, by what they print and how they exit.

use std::{path::PathBuf, process::Output, sync::Arc};

use agentchains_conformance::Desk;
use agentchains_demo::{DemoSettings, start_all};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::conformance::agents::Agents;

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
async fn run_makes_up_no_answer_to_what_an_agent_asks() {
    let script = json!({"teller": [{"ask": {"text": "Which\u{1b} sum?", "form": {"type": "integer"}}}]});
    let desk = Arc::new(Desk::new(serde_json::from_value(script).unwrap()));
    let agents = Agents::listen().await;
    agents.seat(0, Arc::clone(&desk));
    let flag = format!("--agent=teller={}", agents.url(0, "teller"));
    let (_folder, path) =
        written(r#"{"name": "a", "nodes": [{"id": "pay", "type": "agent_call", "agent_id": "teller"}]}"#);
    let output = agentchains(&["run", &path, &flag, "--yes"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(r"pay: Which\u{1b} sum?") && said.contains("at a terminal"),
        "{said}"
    );
    assert_eq!(desk.cancels("teller"), 1);
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
async fn estimate_prints_the_worst_case_and_the_critical_path() {
    let document = json!({"name": "e", "max_budget": 1, "nodes": [
        {"id": "each", "type": "parallel_group", "config": {"items": "{{input}}", "max_concurrency": 1, "body": {"nodes": [
            {"id": "judge", "type": "agent_call", "agent_id": "critic", "max_cost": 0.75, "timeout": "10s"},
        ]}}},
        {"id": "sum", "type": "agent_call", "agent_id": "summarizer", "depends_on": ["each"]},
    ]});
    let (_folder, path) = written(&document.to_string());
    let output = agentchains(&["estimate", &path, "--input", "[1, 2]"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let table = String::from_utf8(output.stdout).unwrap();
    for part in [
        "each → sum",
        "each/judge",
        "1.5 USD",
        "the cost of sum is unbounded",
        "80s",
    ] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
    let agent = "--agent=summarizer=http://127.0.0.1:9";
    let arguments = ["estimate", &path, agent, "--max-budget", "3", "--output", "json"];
    let estimate: Value = serde_json::from_slice(&agentchains(&arguments).await.stdout).unwrap();
    assert_eq!(estimate["max_budget"], 3);
    assert_eq!(estimate["cost"]["unbounded"][0]["node_id"], "sum");
}

/// What the table says in the row of this name.
fn cell<'t>(table: &'t str, name: &str) -> Option<&'t str> {
    table.lines().find_map(|line| {
        let mut cells = line.split(['│', '┆']).map(str::trim).skip(1);
        (cells.next() == Some(name)).then(|| cells.next())?
    })
}

#[tokio::test]
async fn the_table_of_an_estimate_says_what_its_json_says() {
    let document = json!({"name": "e", "nodes": [
        {"id": "each", "type": "parallel_group", "config": {"items": "{{input.texts}}", "body": {"nodes": [
            {"id": "judge", "type": "agent_call", "agent_id": "critic", "max_cost": 0.75, "timeout": "10s"},
        ]}}},
    ]});
    let (_folder, path) = written(&document.to_string());
    let input = |text: &'static str| ["--input", text];
    let two = input(r#"{"texts": [1, 2]}"#);
    for options in [
        vec![],
        vec!["--max-budget", "1"],
        [vec!["--max-budget", "1"], two.to_vec()].concat(),
        [vec!["--max-budget", "5"], two.to_vec()].concat(),
        [vec![], input(r#"{"texts": 5}"#).to_vec()].concat(),
    ] {
        let arguments = [vec!["estimate", path.as_str()], options.clone()].concat();
        let table = String::from_utf8(agentchains(&arguments).await.stdout).unwrap();
        let arguments = [arguments, vec!["--output", "json"]].concat();
        let estimate: Value = serde_json::from_slice(&agentchains(&arguments).await.stdout).unwrap();
        let amount = |usd: &Value| format!("{usd} USD");
        let cost = &estimate["cost"];
        assert_eq!(
            cell(&table, "worst case").unwrap(),
            amount(&cost["worst_case_usd"]),
            "{options:?}"
        );
        let unbudgeted = cell(&table, "without the budget");
        let expected = (!estimate["max_budget"].is_null()).then(|| amount(&cost["unbudgeted_usd"]));
        assert_eq!(unbudgeted.map(str::to_owned), expected, "{options:?}");
        let fits = cell(&table, "budget").map(|budget| budget.ends_with("the worst case fits"));
        assert_eq!(fits, estimate["fits_budget"].as_bool(), "{options:?}");
        for remark in estimate["warnings"].as_array().unwrap() {
            assert!(table.contains(remark["reason"].as_str().unwrap()), "{table}");
        }
        assert_eq!(
            table.contains("warning: each: "),
            estimate["warnings"] != json!([])
        );
    }
}

#[tokio::test]
async fn a_budget_that_is_none_is_refused_with_what_is_allowed() {
    let (_folder, path) = written(
        r#"{"name": "b", "nodes": [{"id": "a", "type": "agent_call", "agent_id": "x", "max_cost": 1}]}"#,
    );
    for command in ["run", "estimate"] {
        for budget in ["-1", "-0.5", "cheap", "1e400", "0.0000000001"] {
            let output = agentchains(&[command, &path, "--max-budget", budget]).await;
            assert_eq!(output.status.code(), Some(2), "{command} {budget}: {output:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            let expected = format!("the budget {budget:?} is not an amount in USD; write 0 or more");
            assert!(said.contains(&expected), "{said}");
        }
    }
}

#[tokio::test]
async fn estimate_takes_limits_from_the_settings_and_refuses_an_invalid_document() {
    let items = json!({"items": "{{input.texts}}", "body": {"nodes": [
        {"id": "judge", "type": "agent_call", "agent_id": "critic", "max_cost": 0.5},
    ]}});
    let document = json!({"name": "e", "nodes": [{"id": "each", "type": "parallel_group", "config": items}]});
    let (folder, path) = written(&document.to_string());
    let settings = folder.path().join("limits.toml");
    std::fs::write(&settings, "[limits]\nmax_items = 3").unwrap();
    let settings = settings.display().to_string();
    let output = agentchains(&["estimate", &path, "--config", &settings, "--output", "json"]).await;
    let estimate: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(estimate["cost"]["worst_case_usd"], 1.5);
    std::fs::write(&path, "{\"name\": \"e\", \"nodes\": []}").unwrap();
    let output = agentchains(&["estimate", &path]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("empty_workflow"));
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
async fn validate_shows_a_window_of_a_long_line_and_escapes_what_would_steer_the_terminal() {
    let document = json!({
        "description": "x".repeat(2_000), "name": "x", "nodes": [{"id": "a", "type": "agent_cal", "agent_id": "b"}],
        "odd\u{1b}": 1, "output": "y".repeat(2_000)
    });
    let document = document.to_string().replace("\"nodes\"", "\r\"nodes\"");
    let column = 1 + document.find("\"agent_cal\"").unwrap();
    let (_folder, path) = written(&document);
    let output = agentchains(&["validate", &path]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        &format!("workflow.json:1:{column}]"),
        "/nodes/0/type",
        "…xxx",
        "yyy…",
        r"/odd\u{1b}",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains(['\u{1b}', '\r']), "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() < 150), "{text}");
}

#[tokio::test]
async fn validate_examines_the_other_files_when_one_cannot_be_read() {
    let (_folder, wrong) = written("{}");
    let valid = example("parallel-research.json");
    for (files, expected) in [([&valid, "nowhere.json"], 1), (["nowhere.json", &wrong], 2)] {
        let output = agentchains(&["validate", files[0], files[1]]).await;
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.json"));
        assert!(!output.stdout.is_empty());
        let output = agentchains(&["validate", "--format", "json", files[0], files[1]]).await;
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        let unreadable = findings
            .as_array()
            .unwrap()
            .iter()
            .filter(|file| file["unreadable"].is_string());
        assert_eq!(
            (unreadable.count(), findings[1]["valid"].as_bool()),
            (1, Some(false))
        );
    }
}

#[tokio::test]
async fn validate_ends_with_how_many_findings_are_not_shown() {
    let unknown: serde_json::Map<_, _> = (0..1_200).map(|n| (format!("field{n}"), json!(1))).collect();
    let (_folder, path) = written(&Value::Object(unknown).to_string());
    let output = agentchains(&["validate", &path]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.ends_with("… and 202 more\n"),
        "{}",
        &text[text.len() - 200..]
    );
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
async fn graph_prints_the_picture_of_a_valid_document_only() {
    let file = example("parallel-research.json");
    for (format, begins) in [
        (&[][..], "flowchart TD\n"),
        (&["--format", "dot"], "digraph \"Parallel Research\" {\n"),
        (&["--format", "svg"], "<svg xmlns="),
    ] {
        let output = agentchains(&[&["graph", file.as_str()], format].concat()).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let picture = String::from_utf8(output.stdout).unwrap();
        assert!(picture.starts_with(begins), "{picture}");
    }
    let (_folder, path) = written(r#"{"name": "x", "nodes": [{"id": "a", "type": "teleport"}]}"#);
    let output = agentchains(&["graph", &path]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(output.stdout, b"");
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
