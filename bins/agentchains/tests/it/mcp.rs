//! `agentchains mcp`: one client on standard input and output.

use std::{path::Path, process};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{keys::keys, server::Server};

/// The program as a client of MCP sees it.
struct Stdio {
    program: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Stdio {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_agentchains"))
            .arg("mcp")
            .args(arguments)
            .current_dir(folder)
            .stdin(process::Stdio::piped())
            .stdout(process::Stdio::piped())
            .stderr(process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            input: program.stdin.take().unwrap(),
            output: BufReader::new(program.stdout.take().unwrap()).lines(),
            program,
        }
    }

    async fn say(&mut self, message: Value) {
        self.input
            .write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = self.output.next_line().await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Asks, and gives the answer with what was told before it.
    async fn ask(&mut self, id: u64, method: &str, params: Value) -> (Vec<Value>, Value) {
        self.say(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await;
        let mut told = Vec::new();
        loop {
            let message = self.hear().await;
            if message["id"] == id {
                return (told, message);
            }
            told.push(message);
        }
    }

    async fn begin(&mut self) -> Value {
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
        });
        let (_, begun) = self.ask(1, "initialize", params).await;
        self.say(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        begun
    }

    async fn end(mut self) -> Option<i32> {
        drop(self.input);
        self.program.wait().await.unwrap().code()
    }
}

#[tokio::test]
async fn a_client_on_standard_input_starts_workflows_and_its_end_is_the_program_s() {
    let folder = tempfile::tempdir().unwrap();
    let mut client = Stdio::start(folder.path(), &["--database", "sqlite:mcp.db"]);
    assert_eq!(
        client.begin().await["result"]["serverInfo"]["name"],
        "agentchains"
    );
    let call = json!({"name": "workflow_list", "arguments": {}});
    let (_, listed) = client.ask(2, "tools/call", call).await;
    assert_eq!(listed["result"]["structuredContent"]["workflows"], json!([]));
    assert_eq!(client.end().await, Some(0));
    assert!(folder.path().join("mcp.db").exists());
}

#[tokio::test]
async fn the_tools_of_a_server_are_those_of_its_key_and_tell_their_progress() {
    let folder = tempfile::tempdir().unwrap();
    let made = keys(
        folder.path(),
        &["create", "--tenant", "acme", "--role", "admin", "--name", "me"],
    )
    .await;
    let key = made["key"].as_str().unwrap();
    let server = Server::serve_with(folder.path(), &["--auth", "required"], &[]).await;
    let address = format!("http://{}", server.client.address());
    let node = json!({"id": "ask", "type": "human_approval", "config": {"message": "Go?"}});
    std::fs::write(
        folder.path().join("ask.json"),
        json!({"name": "Ask", "nodes": [node]}).to_string(),
    )
    .unwrap();
    let created = Command::new(env!("CARGO_BIN_EXE_agentchains"))
        .args([
            "workflows",
            "create",
            "ask.json",
            "--server",
            &address,
            "--key",
            key,
        ])
        .current_dir(folder.path())
        .output();
    assert!(created.await.unwrap().status.success());

    let mut client = Stdio::start(folder.path(), &["--server", &address, "--key", key]);
    assert_eq!(
        client.begin().await["result"]["serverInfo"]["name"],
        "agentchains"
    );
    let call = json!({
        "name": "workflow_execute", "arguments": {"workflow": "Ask", "wait_seconds": 30},
        "_meta": {"progressToken": "token"},
    });
    let (told, executed) = client.ask(2, "tools/call", call).await;
    assert_eq!(
        executed["result"]["structuredContent"]["status"], "input_required",
        "{executed}"
    );
    let told: Vec<&str> = told.iter().map(|one| one["method"].as_str().unwrap()).collect();
    assert!(
        !told.is_empty() && told.iter().all(|method| *method == "notifications/progress"),
        "{told:?}"
    );
    assert_eq!(client.end().await, Some(0));

    let mut stranger = Stdio::start(folder.path(), &["--server", &address, "--key", "ac_no_key"]);
    let refused = stranger.begin().await;
    assert!(
        refused["error"]["message"].as_str().unwrap().contains("--key"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_told_to_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let mut client = Stdio::start(folder.path(), &["--server", "http://127.0.0.1:9"]);
    let refused = client.begin().await;
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("cannot reach"),
        "{refused}"
    );
}
