//! Secrets by the environment, by a file and by the encrypted store: agents get them, and nothing else shows them.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinSet,
};

use crate::{client::Client, server::Server};

pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const IN_ENVIRONMENT: &str = "c4n4ry-environment";
const IN_FILE: &str = "c4n4ry-file";
const IN_STORE: &str = "c4n4ry-störe";

/// An agent that repeats the head of each request in an error, or in its output where the path says so. The path also
/// says whether it takes each byte for a character, and whether its JSON is ASCII.
pub(crate) struct Echo {
    pub(crate) url: String,
    _server: JoinSet<()>,
}

impl Echo {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream).await;
            }
        });
        Self { url, _server: server }
    }
}

async fn answer(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let target = String::from_utf8_lossy(&head);
    let target = target.split(' ').nth(1).unwrap_or_default().to_owned();
    let head = if target.contains("/latin-1") {
        head.into_iter().map(char::from).collect()
    } else {
        String::from_utf8_lossy(&head).into_owned()
    };
    let status = if target.starts_with("/works") {
        "200 OK"
    } else {
        "400 Bad Request"
    };
    let mut body = json!({"heard": head, "authorised": head.contains("c4n4ry")}).to_string();
    if target.contains("/ascii") {
        body = in_ascii(&body);
    }
    let reply = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // An error of writing is that of a client that has heard enough.
    let _ = stream.write_all(reply.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// JSON without characters beyond ASCII, as some libraries write it.
fn in_ascii(json: &str) -> String {
    json.chars()
        .map(|character| match character {
            _ if character.is_ascii() => character.to_string(),
            _ => format!("\\u{:04x}", u32::from(character)),
        })
        .collect()
}

/// Runs `agentchains secrets …` with this on its standard input.
pub(crate) async fn secrets(folder: &Path, words: &[&str], input: &str) -> Output {
    let database = format!("sqlite:{}", folder.join("agentchains.db").display());
    let mut child = Command::new(env!("CARGO_BIN_EXE_agentchains"))
        .args([&["secrets"], words, &["--database", &database]].concat())
        .env("AGENTCHAINS_SECRETS_KEY", KEY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .await
        .unwrap();
    child.wait_with_output().await.unwrap()
}

/// Everything below a folder but the file that holds a secret on purpose.
pub(crate) fn kept(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.file_name().is_some_and(|name| name != "token"))
        .flat_map(|path| std::fs::read(path).unwrap())
        .collect()
}

pub(crate) fn shows_a_secret(text: &[u8]) -> bool {
    text.windows(6).any(|window| window == b"c4n4ry")
}

/// Calls an agent for each place of a secret, one of them in vain. Returns the execution's id, and what was answered and
/// told meanwhile.
async fn call_each(client: &Client, echo: &str, token: &Path) -> (String, Vec<Value>) {
    let (mut shown, nodes) = register(client, echo, token).await;
    let before = nodes.iter().filter(|node| node["id"] != "failing");
    let last: Vec<_> = before
        .map(|node| json!({"from": node["id"], "to": "failing"}))
        .collect();
    let document = json!({"name": "echoes", "nodes": nodes, "edges": last});
    let workflow = client.create(&document).await;
    let execution = client.execute(&workflow, &json!({})).await;
    let mut events = client.follow(&execution, 0).await;
    while events.next().await.is_some() {}
    shown.extend(events.seen);
    (execution, shown)
}

/// Registers agents that get their secrets from each of the places. Returns what was answered, and a node for each.
async fn register(client: &Client, echo: &str, token: &Path) -> (Vec<Value>, Vec<Value>) {
    let mut shown = Vec::new();
    let mut nodes = Vec::new();
    for (id, path, secret) in [
        ("environment", "works", json!({"env": "SEARCH_TOKEN"})),
        ("file", "works", json!({"file": token})),
        ("early", "works", json!({"stored": "early"})),
        ("late", "works", json!({"stored": "late"})),
        ("read-as-latin-1", "works/latin-1", json!({"stored": "late"})),
        ("in-ascii", "works/ascii", json!({"stored": "late"})),
        ("both", "works/latin-1/ascii", json!({"stored": "late"})),
        ("failing", "fails", json!({"stored": "late"})),
    ] {
        let agent = json!({
            "agent_id": id, "protocol": "http", "url": format!("{echo}/{path}"),
            "auth": {"type": "api_key", "in": "query", "name": "key", "key": secret},
            "headers": {"Authorization": "Bearer {{secrets.early}}"},
        });
        let registered = client.post("/agents", &agent).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        shown.push(registered.body);
        nodes.push(json!({"id": id, "type": "agent_call", "agent_id": id}));
    }
    (shown, nodes)
}

#[tokio::test]
async fn secrets_reach_their_agent_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, format!("{IN_FILE}\n")).unwrap();
    let before = secrets(folder.path(), &["set", "early"], IN_STORE).await;
    assert!(before.status.success(), "{before:?}");
    let variables = [
        ("AGENTCHAINS_SECRETS_KEY", KEY),
        ("SEARCH_TOKEN", IN_ENVIRONMENT),
        ("RUST_LOG", "trace"),
    ];
    let server = Server::serve_with(folder.path(), &[], &variables).await;
    // A running server takes up what is stored beside it.
    let beside = secrets(folder.path(), &["set", "late"], IN_STORE).await;
    assert!(beside.status.success(), "{beside:?}");

    let echo = Echo::start().await;
    let (execution, mut shown) = call_each(&server.client, &echo.url, &token).await;
    for path in [
        "/agents".to_owned(),
        "/agents/late".to_owned(),
        "/agents/late/health".to_owned(),
        "/agents/failing/health".to_owned(),
        "/agents/failing/circuit-breaker".to_owned(),
        format!("/executions/{execution}"),
        format!("/executions/{execution}/nodes"),
        format!("/executions/{execution}/events"),
        format!("/executions/{execution}/explain"),
    ] {
        shown.push(server.client.get(&path).await.body);
    }
    let answered = server
        .client
        .get(&format!("/executions/{execution}/nodes"))
        .await
        .body;
    for node in answered["nodes"].as_array().unwrap() {
        let authorised = node["output"].to_string().contains(r#""authorised":true"#);
        assert_eq!(authorised, node["node_id"] != "failing", "{node}");
    }
    assert!(answered.to_string().contains("[redacted]"));
    let listed = secrets(folder.path(), &["list", "--output", "json"], "").await;
    let names: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(names["secrets"][0]["name"], "early");

    let log = server.log();
    assert!(server.terminate().await.success());
    for (what, text) in [
        ("an answer or an event", json!(shown).to_string().into_bytes()),
        ("the log", log.since(0).join("\n").into_bytes()),
        ("the database", kept(folder.path())),
        (
            "the command line",
            [before.stdout, before.stderr, listed.stdout, listed.stderr].concat(),
        ),
    ] {
        assert!(!shows_a_secret(&text), "{what} shows a secret");
    }
}

#[tokio::test]
async fn secrets_are_kept_by_name_and_only_with_a_key() {
    let folder = tempfile::tempdir().unwrap();
    for (words, input, code, said) in [
        (&["set", "a"][..], "secret\n", 0, ""),
        (&["set", "a"], "another", 0, ""),
        (&["set", "a b"], "secret", 1, "a name has"),
        (&["set", "b"], "", 1, "the secret is empty"),
        (&["list"], "", 0, ""),
        (&["delete", "a"], "", 0, ""),
        (&["delete", "a"], "", 1, "agentchains secrets list"),
        (
            &["set", "a", "--secrets-key-file", "/no/such/file"],
            "secret",
            1,
            "cannot be read",
        ),
    ] {
        let output = secrets(folder.path(), words, input).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {stderr}");
        assert!(stderr.contains(said), "{words:?}: {stderr}");
    }
}

#[tokio::test]
async fn agents_of_the_settings_file_are_there_and_cannot_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agentchains.toml");
    let declared = "[[agents]]\nagent_id = 'declared'\nurl = 'https://a.example'\nrate_limit = 3\n\
                    auth = { type = 'bearer', token = { env = 'SEARCH_TOKEN' } }\n";
    std::fs::write(&file, declared).unwrap();
    let server = Server::serve_with(folder.path(), &["--config", file.to_str().unwrap()], &[]).await;
    let agent = server.client.get("/agents/declared").await;
    assert_eq!((agent.status, &agent.body["source"]), (200, &json!("settings")));
    let deleted = server
        .client
        .send("DELETE", "/agents/declared", None, Bytes::new())
        .await;
    assert_eq!(
        (deleted.status, &deleted.body["code"]),
        (409, &json!("agent_read_only"))
    );
}
