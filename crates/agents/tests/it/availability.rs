//! Whether an agent may be called, where it was declared, and whether it answers.

use std::sync::Arc;

use agentchains_agents::AgentRunner;
use agentchains_machine::{FailureCode, RemoteTask};
use agentchains_ports::{AgentDefinition, AgentDirectory, AgentSource, DirectoryError};
use serde_json::json;

use crate::{
    scripted::{Act, Request, Scripted, http_reply, json_reply, result, task},
    support::{
        Accepted, Ask as _, LONG, MemoryStore, NOW, TENANT, attempt, call, definition, failure, registry,
        registry_on, reply,
    },
};

async fn completing() -> Scripted {
    Scripted::agent(|request| match request.method() {
        "GetTask" => result(request, &task("COMPLETED", &json!({}))),
        _ => result(request, &json!({"message": {"parts": [{"text": "hi"}]}})),
    })
    .await
}

fn disabled(mut definition: AgentDefinition) -> AgentDefinition {
    definition.disabled = true;
    definition
}

#[tokio::test]
async fn a_disabled_agent_gets_nothing_new_and_finishes_what_it_has() {
    let agent = completing().await;
    let (registry, _) = registry("loopback").await;
    registry
        .upsert(TENANT, definition("a", &agent.url), NOW)
        .await
        .unwrap();
    let runner = AgentRunner::new(Arc::clone(&registry));
    reply(attempt(&runner, LONG).await);

    registry
        .upsert(TENANT, disabled(definition("a", &agent.url)), NOW)
        .await
        .unwrap();
    let sent = agent.requests().len();
    let (failed, unhealthy) = failure(attempt(&runner, LONG).await);
    assert_eq!(failed.code, FailureCode::AgentDisabled);
    assert!(!failed.retryable && !failed.reached_agent && !unhealthy);
    assert!(failed.message.contains("enable it"), "{}", failed.message);
    assert_eq!(agent.requests().len(), sent);

    let mut begun = call("a", json!({}), LONG);
    begun.remote_task = Some(RemoteTask {
        task_id: "t-1".to_owned(),
        context_id: None,
    });
    reply(runner.ask(&begun, &Accepted::default()).await);

    registry
        .upsert(TENANT, definition("a", &agent.url), NOW)
        .await
        .unwrap();
    reply(attempt(&runner, LONG).await);
}

#[tokio::test]
async fn an_agent_of_the_settings_hides_a_stored_one_and_cannot_be_changed() {
    let store = Arc::new(MemoryStore::default());
    let registry = registry_on(&store, "none").await;
    registry
        .register(TENANT, definition("a", "https://stored.example/"), None, NOW)
        .await
        .unwrap();
    registry
        .declare(definition("a", "https://declared.example/"), NOW)
        .await
        .unwrap();
    registry
        .declare(definition("b", "https://b.example/"), NOW)
        .await
        .unwrap();

    let sources: Vec<_> = registry
        .list(TENANT)
        .into_iter()
        .map(|record| record.source)
        .collect();
    assert_eq!(sources, [AgentSource::Settings; 2]);
    let changed = || definition("a", "https://changed.example/");
    assert!(matches!(
        registry.register(TENANT, changed(), None, NOW).await,
        Err(DirectoryError::Exists { .. })
    ));
    assert!(matches!(
        registry.replace(TENANT, changed(), Some(1), NOW).await,
        Err(DirectoryError::ReadOnly { .. })
    ));
    assert!(matches!(
        registry.upsert(TENANT, changed(), NOW).await,
        Err(DirectoryError::ReadOnly { .. })
    ));
    assert!(matches!(
        registry.remove(TENANT, "a", None).await,
        Err(DirectoryError::ReadOnly { .. })
    ));
    assert!(matches!(
        registry.declare(changed(), NOW).await,
        Err(DirectoryError::Exists { .. })
    ));
    assert_eq!(
        registry.get(TENANT, "a").unwrap().definition.url,
        "https://declared.example/"
    );

    let later = registry_on(&store, "none").await;
    assert_eq!(
        later.list(TENANT).len(),
        1,
        "what the settings declare is not stored"
    );
    assert_eq!(
        later.get(TENANT, "a").unwrap().definition.url,
        "https://stored.example/"
    );
}

async fn checked(
    protocol: &str,
    script: impl Fn(&Request) -> Act + Send + Sync + 'static,
) -> (Option<&'static str>, Vec<Request>) {
    let agent = Scripted::start(move |request, _| script(request)).await;
    let (registry, _) = registry("loopback").await;
    let definition = json!({"agent_id": "a", "protocol": protocol, "url": format!("{}/v1/", agent.url)});
    let definition: AgentDefinition = serde_json::from_value(definition).unwrap();
    registry.register(TENANT, definition, None, NOW).await.unwrap();
    let code = match registry.check(TENANT, "a").await {
        Ok(()) => None,
        Err(DirectoryError::Discovery { code, .. }) => Some(code),
        Err(other) => panic!("{other:?}"),
    };
    (code, agent.requests())
}

#[tokio::test]
async fn health_is_asked_for_as_the_protocol_has_it() {
    let status = |status: &'static str| move |_: &Request| http_reply(status, &[], b"");
    for (protocol, line, taken, refused) in [
        (
            "http",
            "HEAD /v1/ HTTP/1.1",
            vec!["200 OK", "404 No", "405 No", "501 No"],
            vec!["401 No", "403 No", "500 No"],
        ),
        (
            "openai",
            "GET /v1/models HTTP/1.1",
            vec!["200 OK"],
            vec!["401 No", "404 No", "500 No"],
        ),
        (
            "mcp",
            "POST /v1/ HTTP/1.1",
            vec!["200 OK"],
            vec!["401 No", "404 No", "500 No"],
        ),
    ] {
        for answer in taken {
            let (code, requests) = checked(protocol, status(answer)).await;
            assert_eq!(
                (code, requests[0].head.lines().next()),
                (None, Some(line)),
                "{protocol} {answer}"
            );
        }
        for answer in refused {
            let (code, _) = checked(protocol, status(answer)).await;
            assert!(code.is_some(), "{protocol} {answer}");
        }
    }
    let (code, _) = checked("a2a", |_| json_reply(&json!({"name": "no interface"}))).await;
    assert_eq!(code, Some("agent_protocol_error"));
}

#[tokio::test]
async fn a_session_that_was_opened_for_a_look_is_closed() {
    let (code, requests) = checked("mcp", |_| {
        http_reply("200 OK", &[("Mcp-Session-Id", "s-1")], b"{}")
    })
    .await;
    assert_eq!(code, None);
    assert_eq!(requests[0].body["method"], "initialize");
    assert!(requests[1].head.starts_with("DELETE /v1/ ") && requests[1].head.contains("mcp-session-id: s-1"));
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_told_from_one_that_is_not_registered() {
    let (registry, _) = registry("loopback").await;
    assert!(matches!(
        registry.check(TENANT, "a").await,
        Err(DirectoryError::Absent { .. })
    ));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for protocol in ["a2a", "http", "openai", "mcp"] {
        let declared = json!({"agent_id": protocol, "protocol": protocol, "url": format!("http://{nobody}")});
        let declared: AgentDefinition = serde_json::from_value(declared).unwrap();
        registry.register(TENANT, declared, None, NOW).await.unwrap();
        match registry.check(TENANT, protocol).await {
            Err(DirectoryError::Discovery { code, .. }) => assert_eq!(code, "agent_unreachable"),
            other => panic!("{other:?}"),
        }
    }
}
