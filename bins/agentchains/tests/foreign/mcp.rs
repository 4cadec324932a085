//! The MCP door as others see it: the protocol's conformance tests in both of its generations, and its inspector over
//! HTTP and over standard input and output.

use std::{ffi::OsStr, path::Path, process::Output};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{process, server::Server};

const PROGRAM: &str = env!("CARGO_BIN_EXE_agentchains");

/// With sessions. The scenarios that are left out call tools of a server that is made for them, in both generations.
const OLDER: [&str; 8] = [
    "server-initialize",
    "server-session-lifecycle",
    "ping",
    "tools-list",
    "resources-list",
    "prompts-list",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
];

/// Without sessions.
const NEWEST: [&str; 11] = [
    "server-stateless",
    "tools-list",
    "resources-list",
    "prompts-list",
    "caching",
    "http-header-validation",
    "sep-2164-resource-not-found",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
    "input-required-result-unsupported-methods",
    "input-required-result-ignore-extra-params",
];

/// What the conformance tests say of a check for which a tool of their own would have to be there.
const NOT_TESTABLE: &str = "Not testable:";

/// Runs one of the installed programs with the Node that came with them.
async fn run(program: &str, arguments: &[impl AsRef<OsStr>]) -> Output {
    let programs = process::installed().join("mcp/node_modules/.bin");
    let mut command = Command::new(programs.join("node"));
    command.arg(programs.join(program)).args(arguments);
    command.output().await.unwrap()
}

fn address(server: &Server) -> String {
    format!("http://{}/mcp", server.client.address())
}

async fn conforms(revision: &str, scenarios: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    for scenario in scenarios {
        let results = folder.path().join(scenario);
        let target = ["server", "--url", &address(&server), "--scenario", scenario];
        let wanted = [
            "--spec-version",
            revision,
            "--output-dir",
            results.to_str().unwrap(),
        ];
        let output = run("conformance", &[&target[..], &wanted].concat()).await;
        let told = String::from_utf8_lossy(&output.stdout);
        let checks = checks(&results);
        let failed: Vec<&Value> = checks.iter().filter(|check| is_failure(check)).collect();
        assert!(failed.is_empty(), "{scenario} of {revision}: {failed:#?}");
        let passed = checks.iter().any(|check| check["status"] == "SUCCESS");
        assert!(passed, "{scenario} of {revision} was not run: {told}");
    }
}

fn is_failure(check: &Value) -> bool {
    let reason = check["errorMessage"].as_str().unwrap_or_default();
    check["status"] == "FAILURE" && !reason.starts_with(NOT_TESTABLE)
}

/// What a scenario found, which stands in a folder that is named after the moment; nothing where it does not apply.
fn checks(results: &Path) -> Vec<Value> {
    let runs = std::fs::read_dir(results).into_iter().flatten();
    let files = runs.map(|run| std::fs::read(run.unwrap().path().join("checks.json")).unwrap());
    files
        .flat_map(|file| serde_json::from_slice::<Vec<Value>>(&file).unwrap())
        .collect()
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the conformance tests"]
async fn the_generation_with_sessions_conforms() {
    conforms("2025-11-25", &OLDER).await;
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the conformance tests"]
async fn the_generation_without_sessions_conforms() {
    conforms("2026-07-28", &NEWEST).await;
}

/// A server that the inspector looks at: an address, or a program with its arguments.
struct Inspected<'a>(&'a [&'a str]);

impl Inspected<'_> {
    /// What the inspector is answered, and its exit code.
    async fn asked(&self, era: &str, question: &[&str]) -> (Value, Option<i32>) {
        let how = ["--protocol-era", era, "--format", "json", "--quiet"];
        let output = run("mcp-inspector", &[&["--cli"], self.0, &how, question].concat()).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        let told = serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
        (told["result"].clone(), output.status.code())
    }

    async fn called(&self, era: &str, tool: &str, arguments: Value) -> (Value, Option<i32>) {
        let arguments = arguments.to_string();
        let call = [
            "--method",
            "tools/call",
            "--tool-name",
            tool,
            "--tool-args-json",
            &arguments,
        ];
        self.asked(era, &call).await
    }

    /// Schemas that clients understand, a workflow that is run, its document, and an error that is one.
    async fn holds(&self) {
        for era in ["legacy", "modern"] {
            let (listed, exit) = self.asked(era, &["--method", "tools/list", "--strict"]).await;
            assert_eq!(exit, Some(0), "{era}: {listed}");
            let (run, exit) = self
                .called(
                    era,
                    "workflow_execute",
                    json!({"workflow": "Pick", "input": {"n": 3}, "wait_seconds": 30}),
                )
                .await;
            assert_eq!(
                (&run["structuredContent"]["output"], exit),
                (&json!(3), Some(0)),
                "{era}: {run}"
            );
            let (resources, _) = self.asked(era, &["--method", "resources/list"]).await;
            let uri = resources["resources"][0]["uri"].as_str().unwrap();
            let (read, exit) = self
                .asked(era, &["--method", "resources/read", "--uri", uri])
                .await;
            let document = read["contents"][0]["text"].as_str().unwrap();
            assert!(exit == Some(0) && document.contains("Pick"), "{era}: {read}");
            let (refused, exit) = self
                .called(era, "workflow_status", json!({"execution_id": "none"}))
                .await;
            assert_eq!(
                (&refused["isError"], exit),
                (&json!(true), Some(5)),
                "{era}: {refused}"
            );
        }
    }
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the inspector"]
async fn the_inspector_uses_the_tools_over_http_and_over_standard_input_and_output() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let node = json!({"id": "pick", "type": "condition", "config": {"expression": "$.input.n > 1"}});
    let document = json!({"name": "Pick", "nodes": [node], "output": "{{input.n}}"});
    server.client.create(&document).await;
    Inspected(&[&address(&server)]).holds().await;
    // The inspector would take `--server` for its own, so a file says it.
    let bridge = json!({"command": PROGRAM, "args": ["mcp", "--server", format!("http://{}", server.client.address())]});
    let settings = folder.path().join("inspector.json");
    std::fs::write(&settings, json!({"mcpServers": {"bridge": bridge}}).to_string()).unwrap();
    Inspected(&["--config", settings.to_str().unwrap(), "--server", "bridge"])
        .holds()
        .await;
    assert!(server.terminate().await.success());
    let database = format!("sqlite:{}", folder.path().join("agentchains.db").display());
    Inspected(&[PROGRAM, "mcp", "--database", &database])
        .holds()
        .await;
}
