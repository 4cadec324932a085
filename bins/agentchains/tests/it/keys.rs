//! `agentchains keys`, and a server that asks for them; `agentchains completions`.

use std::{path::Path, process::Output};

use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{client::Client, server::Server};

async fn agentchains(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agentchains"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .await
        .unwrap()
}

/// What `keys` prints as JSON.
pub(crate) async fn keys(folder: &Path, arguments: &[&str]) -> Value {
    let arguments = [&["keys"], arguments, &["--output", "json"]].concat();
    let output = agentchains(folder, &arguments).await;
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// The status of a list that is asked for with a key.
async fn status(client: &Client, key: &str) -> u16 {
    let request = client.request("GET", "/workflows");
    let request = request.header("authorization", format!("Bearer {key}"));
    client
        .exchange(request.body(Full::<Bytes>::default()).unwrap())
        .await
        .status
}

#[tokio::test]
async fn a_first_key_is_made_before_there_is_a_server_and_revoked_while_one_runs() {
    let folder = tempfile::tempdir().unwrap();
    let made = keys(
        folder.path(),
        &["create", "--tenant", "acme", "--role", "viewer", "--name", "me"],
    )
    .await;
    assert_eq!(
        (&made["tenant"], &made["role"], &made["name"]),
        (&json!("acme"), &json!("viewer"), &json!("me"))
    );
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with(&format!("ac_{id}_")));

    let server = Server::serve_with(folder.path(), &["--auth", "required"], &[]).await;
    assert_eq!(server.client.get("/workflows").await.status, 401);
    assert_eq!(status(&server.client, key).await, 200);
    let listed = keys(folder.path(), &["list"]).await;
    assert_eq!(listed["keys"][0]["id"], *id);
    let secret = key.rsplit_once('_').unwrap().1;
    assert!(!listed.to_string().contains(secret), "{listed}");
    keys(folder.path(), &["revoke", id]).await;
    while status(&server.client, key).await == 200 {}
    assert_eq!(status(&server.client, key).await, 401);

    let unknown = agentchains(folder.path(), &["keys", "revoke", "nobody"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    let wrong = agentchains(
        folder.path(),
        &["keys", "create", "--role", "king", "--name", "x"],
    )
    .await;
    assert_eq!(wrong.status.code(), Some(2));
}

#[tokio::test]
async fn a_server_beyond_loopback_is_refused_without_keys() {
    let folder = tempfile::tempdir().unwrap();
    let refused = agentchains(folder.path(), &["serve", "--listen", "0.0.0.0:0"]).await;
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.contains("--auth required") && told.contains("keys create"),
        "{told}"
    );
}

#[tokio::test]
async fn every_shell_gets_its_completions() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = agentchains(folder.path(), &["completions", shell]).await;
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("validate"), "{shell}");
    }
}
