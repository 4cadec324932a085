//! The request log, starting and stopping.

use std::{collections::BTreeMap, time::Duration};

use agentchains_demo::{DemoSettings, Ports, start_all};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::client::{ask, call, instant_agents, post, url};

#[tokio::test]
async fn each_request_is_in_the_log_and_in_its_file_before_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.jsonl");
    let settings = DemoSettings {
        delay: Some(Duration::ZERO),
        request_log: Some(path.clone()),
        ..DemoSettings::default()
    };
    let agents = start_all(settings).await.unwrap();
    let url = url(&agents, "critic");
    ask(&url, &json!({})).await;
    call(&url, "GetTask", json!({"id": "t-1"})).await;
    post(&url, "rubbish").await;

    let entries = agents.log().entries();
    let seen: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry.method.as_str(),
                entry.message_id.as_deref(),
                entry.task_id.as_deref(),
            )
        })
        .collect();
    let expected = [
        ("SendMessage", Some("m-1"), None),
        ("GetTask", None, Some("t-1")),
        ("malformed", None, None),
    ];
    assert_eq!(seen, expected);
    assert_eq!(
        (agents.log().total(), agents.log().count("critic", "GetTask")),
        (3, 1)
    );

    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (&lines[0]["agent"], &lines[0]["messageId"]),
        (&json!("critic"), &json!("m-1"))
    );
}

#[tokio::test]
async fn a_stopped_agent_no_longer_listens() {
    let agents = instant_agents().await;
    let address = url(&agents, "flaky").replace("http://", "");
    assert!(TcpStream::connect(&address).await.is_ok());
    agents.shutdown().await;
    assert!(TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let unknown = BTreeMap::from([("web".to_owned(), Duration::ZERO)]);
    for settings in [
        DemoSettings {
            delays: unknown,
            ..DemoSettings::default()
        },
        DemoSettings {
            ports: Ports::From(u16::MAX),
            ..DemoSettings::default()
        },
        DemoSettings {
            request_log: Some("/no/such/folder/log".into()),
            ..DemoSettings::default()
        },
    ] {
        assert!(start_all(settings).await.is_err());
    }
}
