//! The API against its own description: requests that are made of it, good ones and bad ones, are answered as it says.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{process, server::Server};

/// Requests that are made up for each operation.
const EXAMPLES: &str = "40";

/// Of all random choices, so that a failure can be looked at again.
const SEED: &str = "7420";

#[tokio::test]
#[ignore = "needs schemathesis, which `cargo xtask test` installs"]
async fn schemathesis() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let settings = settings(&server).await;
    let address = server.client.address();
    let description = format!("http://{address}/api/v3/orchestration/openapi.json");
    let output = Command::new(process::installed().join("schemathesis/bin/schemathesis"))
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(write(folder.path(), &settings))
        .arg("run")
        .arg(description)
        .args(["--checks", "all", "--max-examples", EXAMPLES, "--seed", SEED, "--no-color"])
        // Longer than the longest `?wait=`.
        .args(["--request-timeout", "70"])
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains(" passed"), "{told}");
}

/// How the API may answer.
const STATUSES: &str = r#"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "404", "409", "412", "422", "426"]
[checks.negative_data_rejection]
expected-statuses = ["400", "404", "405", "409", "412", "413", "415", "422"]
"#;

/// What is there to be asked about, and what the description cannot say: JSON that has the right form may still break a
/// rule of the language, a version that has been changed is refused before the body is looked at, a WebSocket is not opened
/// by a plain request, and a workflow that was deleted is archived and can be read.
async fn settings(server: &Server) -> String {
    let ask = json!({"id": "ask", "type": "human_approval", "config": {"message": "Go on?"}});
    let workflow = server
        .client
        .create(&json!({"name": "Ask", "nodes": [ask], "edges": []}))
        .await;
    let execution = server.client.execute(&workflow, &json!({})).await;
    let asked = server
        .client
        .follow(&execution, 0)
        .await
        .until("approval.requested", None)
        .await;
    let agent = json!({"agent_id": "writer", "url": "http://127.0.0.1:9"});
    let registered = server.client.post("/agents", &agent).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let mut settings = String::from(STATUSES);
    for (kind, id) in [
        ("workflows", &json!(workflow)),
        ("executions", &json!(execution)),
        ("approvals", &asked["data"]["id"]),
        ("agents", &json!("writer")),
        ("templates", &json!("map-reduce")),
    ] {
        parameter(&mut settings, kind, id);
    }
    settings
}

/// The id that operations about such a thing are called with, those left out that would make away with it.
fn parameter(settings: &mut String, kind: &str, id: &Value) {
    let name = if kind == "templates" { "key" } else { "id" };
    writeln!(
        settings,
        "[[operations]]\ninclude-path-regex = \"/{kind}/[{{]\"\nexclude-method = [\"DELETE\"]\nparameters = {{ \"path.{name}\" = {id} }}"
    )
    .unwrap();
    if kind == "workflows" {
        settings.push_str("checks.use_after_free.enabled = false\n");
    }
}

fn write(folder: &Path, settings: &str) -> PathBuf {
    let path = folder.join("schemathesis.toml");
    std::fs::write(&path, settings).unwrap();
    path
}
