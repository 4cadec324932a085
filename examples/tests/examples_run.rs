//! The examples do what they say.

#![expect(clippy::expect_used, reason = "a helper of a test fails the test")]

use std::process::Command;

fn output_of(program: &str, arguments: &[&str]) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output()
        .expect("it starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("it prints text")
}

#[test]
fn the_embedded_engine_calls_the_closure() {
    let output = output_of(env!("CARGO_BIN_EXE_embed"), &[]);
    assert!(output.contains("execution.completed"), "{output}");
    assert!(
        output.ends_with("{\"greet\":{\"greeting\":\"Hello, Ada!\"}}\n"),
        "{output}"
    );
}

#[test]
fn three_of_five_agents_run_at_once_within_the_budget() {
    let output = output_of(env!("CARGO_BIN_EXE_budget"), &[]);
    assert!(
        output.starts_with("running 3, waiting 2, completed 0: 0 USD spent, 9 USD reserved"),
        "{output}"
    );
    assert!(
        output.ends_with("completed 5: 7.5 USD spent, 0 USD reserved of 10 USD\n"),
        "{output}"
    );
}

#[test]
fn a_workflow_file_runs_to_its_end() {
    let output = output_of(
        env!("CARGO_BIN_EXE_run_file"),
        &["examples/workflows/research-pipeline.json"],
    );
    assert!(output.contains("approval.requested"), "{output}");
    assert!(output.contains("\"decision\": \"approve\""), "{output}");
}
