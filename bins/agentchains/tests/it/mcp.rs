//! `agentchains mcp`: one client on standard input and output.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

#[tokio::test]
async fn a_client_on_standard_input_starts_workflows_and_its_end_is_the_program_s() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_agentchains"))
        .args(["mcp", "--database", "sqlite:mcp.db"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    let mut output = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut say = async |message: Value| input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    let mut hear = async || -> Value {
        let line = output.next_line().await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    };
    say(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    }}))
    .await;
    assert_eq!(hear().await["result"]["serverInfo"]["name"], "agentchains");
    say(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    say(
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "workflow_list", "arguments": {},
        }}),
    )
    .await;
    let listed = hear().await;
    assert_eq!(listed["result"]["structuredContent"]["workflows"], json!([]));
    drop(input);
    let status = program.wait().await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(folder.path().join("mcp.db").exists());
}
