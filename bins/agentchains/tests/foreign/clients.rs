//! Clients of others and a workflow that is an A2A agent: on each way that its card offers, they ask, answer what they are
//! asked in words and, streamed, with data, cancel, list, and ask for what is not there.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{process::Sdk, server::Server};

/// What a client tells of each way, with the states in the words of version 0.3.
async fn told(sdk: Sdk, address: &str) -> Vec<Value> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/clients");
    let output = Command::from(sdk.command(&scripts))
        .arg(address)
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.map(in_old_words).collect()
}

fn in_old_words(value: Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix("TASK_STATE_") {
            Some(state) => state.to_ascii_lowercase().replace('_', "-").into(),
            None => text.into(),
        },
        Value::Array(items) => items.into_iter().map(in_old_words).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, in_old_words(value)))
            .collect(),
        other => other,
    }
}

async fn check(sdk: Sdk, ways: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let ask =
        json!({"id": "ask", "type": "human_approval", "config": {"message": "Pay for {{input.topic}}?"}});
    let output = json!({"decision": "{{ask.decision}}", "cups": "{{input.n}} of {{input.topic}}"});
    let document = json!({"name": "Ask", "nodes": [ask], "output": output});
    let workflow = server.client.create(&document).await;
    let published = server
        .client
        .post(&format!("/workflows/{workflow}/publish"), &json!({}))
        .await;
    assert_eq!(published.status, 200, "{published:?}");
    let told = told(sdk, &format!("http://{}/a2a/{workflow}", server.client.address())).await;
    let found: Vec<_> = told.iter().map(|way| way["way"].as_str().unwrap()).collect();
    assert_eq!(found, ways);
    for way in told {
        let done = json!({"decision": "approve", "cups": "3 of tea"});
        assert_eq!(way["asked"], json!(["input-required", "Pay for tea?"]), "{way}");
        assert_eq!(way["answered"], json!(["completed", done, true]), "{way}");
        assert_eq!(way["streamed"], json!(["completed", done]), "{way}");
        assert_eq!(way["cancelled"], "canceled", "{way}");
        assert!(
            way["listed"] == 1 || way["listed"].is_null() && way["way"].as_str().unwrap().ends_with("0.3"),
            "{way}"
        );
        assert!(way["unknown"].is_string(), "{way}");
    }
}

const BOTH_VERSIONS: [&str; 4] = ["JSONRPC 1.0", "HTTP+JSON 1.0", "JSONRPC 0.3", "HTTP+JSON 0.3"];

#[tokio::test]
#[ignore = "`cargo xtask test` installs the client"]
async fn python_1_3() {
    check(Sdk::Python1, &BOTH_VERSIONS).await;
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the client"]
async fn python_0_3() {
    check(Sdk::Python03, &["JSONRPC 0.3", "HTTP+JSON 0.3"]).await;
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the client"]
async fn js_1_3() {
    check(Sdk::Js1, &BOTH_VERSIONS).await;
}
