//! `workflows`, `executions`, `approvals` and `agents`: what the commands make of a server's answers.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{keys::keys, server::Server};

/// The commands, for one server and one key.
struct Terminal<'a> {
    folder: &'a Path,
    server: String,
    key: Option<String>,
}

impl<'a> Terminal<'a> {
    fn new(folder: &'a Path, server: &Server) -> Self {
        Self {
            folder,
            server: format!("http://{}", server.client.address()),
            key: None,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentchains"));
        command
            .args(arguments)
            .current_dir(self.folder)
            .env("AGENTCHAINS_SERVER", &self.server)
            .kill_on_drop(true);
        if let Some(key) = &self.key {
            command.env("AGENTCHAINS_KEY", key);
        }
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// A command that goes on.
    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// What a command prints as JSON.
    async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--output", "json"]].concat()).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a command prints for a person.
    async fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Stores a workflow, and gives its id.
    async fn store(&self, document: &Value) -> String {
        std::fs::write(self.folder.join("workflow.json"), document.to_string()).unwrap();
        let created = self.json(&["workflows", "create", "workflow.json"]).await;
        created["id"].as_str().unwrap().to_owned()
    }
}

/// Asks a person, and puts out what that person decides.
fn question() -> Value {
    json!({
        "name": "Ask",
        "nodes": [{"id": "ask", "type": "human_approval", "config": {"message": "Ship it?"}}],
        "output": "{{ask.decision}}",
    })
}

fn rubbish() -> Value {
    json!({"name": "Broken", "nodes": [{"id": "a", "type": "agent_kall"}]})
}

#[tokio::test]
async fn a_workflow_is_stored_started_watched_and_decided_from_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let terminal = Terminal::new(folder.path(), &server);
    let workflow = terminal.store(&question()).await;
    assert!(
        terminal
            .text(&["workflows", "list", "--name", "as"])
            .await
            .contains(&workflow)
    );
    assert!(
        !terminal
            .text(&["workflows", "list", "--name", "nothing like it"])
            .await
            .contains(&workflow)
    );

    let execute = [
        "workflows",
        "execute",
        &workflow,
        "--input",
        r#"{"what": "it"}"#,
        "--watch",
    ];
    let watched = terminal.start(&execute);
    let asked = loop {
        let listed = terminal.json(&["approvals", "list", "--status", "pending"]).await;
        if let [asked] = &listed["approvals"].as_array().unwrap()[..] {
            break asked.clone();
        }
    };
    assert_eq!(asked["message"], "Ship it?");
    let id = asked["id"].as_str().unwrap();
    let decided = terminal
        .json(&["approvals", "decide", id, "approve", "--comment", "go"])
        .await;
    assert_eq!(decided["decisions"][0]["comment"], "go");
    let watched = watched.wait_with_output().await.unwrap();
    assert_eq!(watched.status.code(), Some(0), "{watched:?}");
    assert!(
        String::from_utf8_lossy(&watched.stdout).contains("completed"),
        "{watched:?}"
    );
}

#[tokio::test]
async fn what_is_watched_ends_the_command_as_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let terminal = Terminal::new(folder.path(), &server);
    let workflow = terminal.store(&question()).await;
    let started = terminal.json(&["workflows", "execute", &workflow]).await;
    let execution = started["execution_id"].as_str().unwrap();
    let watch = ["executions", "watch", execution, "--output", "json"];
    let watched = terminal.start(&watch);
    terminal.json(&["executions", "cancel", execution]).await;
    let watched = watched.wait_with_output().await.unwrap();
    assert_eq!(watched.status.code(), Some(3), "{watched:?}");
    let text = String::from_utf8(watched.stdout).unwrap();
    let types: Vec<String> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(types.first().unwrap(), "execution.started");
    assert_eq!(types.last().unwrap(), "execution.cancelled");
    // What has ended long ago is told in the same way.
    let again = terminal.run(&watch).await;
    assert_eq!(again.status.code(), Some(3));
    assert_eq!(String::from_utf8(again.stdout).unwrap(), text);
}

#[tokio::test]
async fn an_execution_is_watched_over_a_restart_of_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let address = server.client.address();
    let terminal = Terminal::new(folder.path(), &server);
    let workflow = terminal.store(&question()).await;
    let execute = ["workflows", "execute", &workflow, "--watch", "--output", "json"];
    let mut watched = terminal.start(&execute);
    let mut shown = BufReader::new(watched.stdout.take().unwrap()).lines();
    let first = shown.next_line().await.unwrap().unwrap();
    let asked = loop {
        let listed = terminal.json(&["approvals", "list"]).await;
        if let [asked] = &listed["approvals"].as_array().unwrap()[..] {
            break asked["id"].as_str().unwrap().to_owned();
        }
    };
    server.kill().await;
    let _server = Server::serve_again(folder.path(), address).await;
    terminal.json(&["approvals", "decide", &asked, "approve"]).await;
    let sequence_of = |line: &str| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64();
    let mut sequence = vec![sequence_of(&first).unwrap()];
    while let Some(line) = shown.next_line().await.unwrap() {
        sequence.push(sequence_of(&line).unwrap());
    }
    assert_eq!(watched.wait().await.unwrap().code(), Some(0));
    let gapless: Vec<u64> = (1..).take(sequence.len()).collect();
    assert_eq!(sequence, gapless);
}

#[tokio::test]
async fn lists_are_gathered_over_as_many_pages_as_they_take() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let terminal = Terminal::new(folder.path(), &server);
    let workflow = terminal.store(&question()).await;
    for _ in 0..205 {
        let path = format!("/workflows/{workflow}/execute");
        assert_eq!(server.client.post(&path, &json!({})).await.status, 202);
    }
    let listed = terminal.json(&["executions", "list", "--limit", "1000"]).await;
    assert_eq!(listed["executions"].as_array().unwrap().len(), 205);
    assert_eq!(listed["next_cursor"], Value::Null);
    let listed = terminal.json(&["executions", "list", "--limit", "203"]).await;
    assert_eq!(listed["executions"].as_array().unwrap().len(), 203);
    assert!(listed["next_cursor"].is_string());
    let shown = terminal.text(&["executions", "list", "--limit", "2"]).await;
    assert!(shown.contains("there are more"), "{shown}");
}

#[tokio::test]
async fn refusals_are_one_sentence_or_the_problem_of_the_api() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let terminal = Terminal::new(folder.path(), &server);
    std::fs::write(folder.path().join("broken.json"), rubbish().to_string()).unwrap();

    let refused = terminal.run(&["workflows", "create", "broken.json"]).await;
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.starts_with("error: ") && said.contains("/nodes/0/type"),
        "{said}"
    );

    let missing = terminal.run(&["executions", "show", "nope"]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(missing.stderr).unwrap(),
        "error: there is no execution nope\n"
    );

    for id in ["", ".", ".."] {
        let refused = terminal.run(&["agents", "delete", id]).await;
        assert_eq!(refused.status.code(), Some(2), "{id:?} {refused:?}");
        let refused = terminal.run(&["executions", "watch", id]).await;
        assert_eq!(refused.status.code(), Some(2), "{id:?} {refused:?}");
    }
    let none = terminal.run(&["agents", "list", "--limit", "0"]).await;
    assert_eq!(none.status.code(), Some(2));

    let problem = terminal
        .run(&["agents", "reset", "nope", "--output", "json"])
        .await;
    assert_eq!(problem.status.code(), Some(1));
    assert!(problem.stdout.is_empty());
    let problem: Value = serde_json::from_slice(&problem.stderr).unwrap();
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&json!("not_found"), &json!(404))
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let terminal = Terminal::new(folder.path(), &server);
    server.kill().await;
    for arguments in [&["agents", "list"], &["executions", "watch"]] {
        let mut arguments = arguments.to_vec();
        if arguments[1] == "watch" {
            arguments.push("01a203ed-b04d-745a-9337-f6b646e9caf2");
        }
        let output = terminal.run(&arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("cannot reach") && said.contains("--server"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_key_is_sent_and_asked_for_where_it_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let made = keys(folder.path(), &["create", "--role", "viewer", "--name", "eyes"]).await;
    let server = Server::serve_with(folder.path(), &["--auth", "required"], &[]).await;
    let mut terminal = Terminal::new(folder.path(), &server);
    let refused = terminal.run(&["workflows", "list"]).await;
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("--key") && said.contains("AGENTCHAINS_KEY"),
        "{said}"
    );
    terminal.key = Some(made["key"].as_str().unwrap().to_owned());
    assert_eq!(
        terminal.json(&["workflows", "list"]).await["workflows"],
        json!([])
    );
    std::fs::write(folder.path().join("workflow.json"), question().to_string()).unwrap();
    let refused = terminal
        .run(&["workflows", "create", "workflow.json", "--output", "json"])
        .await;
    let problem: Value = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!(problem["status"], 403);
}

#[tokio::test]
async fn an_agent_is_registered_changed_and_removed_from_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let terminal = Terminal::new(folder.path(), &server);
    let file = folder.path().join("agent.json");
    let mut agent =
        json!({"agent_id": "searcher", "protocol": "http", "url": "http://127.0.0.1:9", "name": "Searcher"});
    std::fs::write(&file, agent.to_string()).unwrap();
    terminal.json(&["agents", "create", "agent.json"]).await;
    agent["name"] = json!("Searches");
    std::fs::write(&file, agent.to_string()).unwrap();
    terminal
        .json(&["agents", "update", "searcher", "agent.json"])
        .await;
    assert_eq!(
        terminal.json(&["agents", "show", "searcher"]).await["name"],
        "Searches"
    );
    terminal.json(&["agents", "force-open", "searcher"]).await;
    assert_eq!(
        terminal.json(&["agents", "breaker", "searcher"]).await["state"],
        "open"
    );
    terminal.json(&["agents", "reset", "searcher"]).await;
    assert_eq!(
        terminal.json(&["agents", "breaker", "searcher"]).await["state"],
        "closed"
    );
    assert_eq!(
        terminal.text(&["agents", "delete", "searcher"]).await,
        "removed\n"
    );
    assert_eq!(terminal.json(&["agents", "list"]).await["agents"], json!([]));
}
