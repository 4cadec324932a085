//! The registry: what it takes, and what becomes of changes.

use std::time::Duration;

use agentchains_agents::AgentRunner;
use agentchains_machine::FailureCode;
use agentchains_ports::{AgentDefinition, AgentDirectory, DirectoryError, NodeRunner};
use serde_json::{Value, json};

use crate::{
    scripted::{Scripted, http_reply},
    support::{Accepted, Ask as _, LONG, NOW, TENANT, call, definition, failure, own, registry, registry_on},
};

fn with(field: &str, value: Value) -> AgentDefinition {
    let mut definition = json!({"agent_id": "a", "url": "https://a.example/"});
    definition[field] = value;
    serde_json::from_value(definition).unwrap()
}

fn invalid(error: DirectoryError) -> (&'static str, &'static str) {
    match error {
        DirectoryError::Invalid { pointer, code, .. } => (pointer, code),
        other => panic!("expected an invalid definition, got {other:?}"),
    }
}

#[tokio::test]
async fn a_definition_that_breaks_a_rule_is_refused_with_the_place() {
    let (registry, store) = registry("127.0.0.1/32").await;
    for (field, value, code) in [
        ("agent_id", json!(""), "invalid_value"),
        ("agent_id", json!(" a"), "invalid_value"),
        ("agent_id", json!("a\u{7}"), "invalid_value"),
        ("agent_id", json!("x".repeat(201)), "invalid_value"),
        ("name", json!(" "), "invalid_value"),
        ("timeout", json!(0), "invalid_value"),
        ("max_cost", json!(-1), "invalid_value"),
        ("url", json!("a.example"), "invalid_value"),
        ("url", json!("https://user:pass@a.example/"), "invalid_value"),
        ("url", json!("https://a.example/#x"), "invalid_value"),
        ("url", json!("http://127.0.0.2/"), "agent_address_refused"),
        ("url", json!("http://[::ffff:10.0.0.1]/"), "agent_address_refused"),
    ] {
        let error = registry
            .register(TENANT, with(field, value.clone()), None, NOW)
            .await
            .unwrap_err();
        assert_eq!(invalid(error), (format!("/{field}").as_str(), code), "{value}");
    }
    assert!(store.agents.lock().unwrap().is_empty() && registry.list(TENANT).is_empty());
}

#[tokio::test]
async fn agents_are_registered_replaced_and_removed_by_revision() {
    let (registry, store) = registry("none").await;
    let first = registry
        .register(TENANT, definition("a", "https://a.example/"), None, NOW)
        .await
        .unwrap();
    assert_eq!((first.revision, first.created_at), (1, NOW));
    let again = registry
        .register(TENANT, definition("a", "https://b.example/"), None, NOW)
        .await;
    assert!(matches!(again, Err(DirectoryError::Exists { .. })));

    let later = NOW.checked_add(Duration::from_secs(1)).unwrap();
    let stale = registry
        .replace(TENANT, definition("a", "https://b.example/"), Some(2), later)
        .await;
    assert!(matches!(stale, Err(DirectoryError::Stale { seen: 2 })));
    let second = registry
        .replace(TENANT, definition("a", "https://b.example/"), Some(1), later)
        .await
        .unwrap();
    assert_eq!(
        (second.revision, second.created_at, second.updated_at),
        (2, NOW, later)
    );
    assert_eq!(registry.get(TENANT, "a"), Some(second));

    let absent = registry
        .replace(TENANT, definition("b", "https://b.example/"), None, later)
        .await;
    assert!(matches!(absent, Err(DirectoryError::Absent { .. })));
    assert!(matches!(
        registry.remove(TENANT, "a", Some(1)).await,
        Err(DirectoryError::Stale { seen: 1 })
    ));
    registry.remove(TENANT, "a", Some(2)).await.unwrap();
    assert!(matches!(
        registry.remove(TENANT, "a", None).await,
        Err(DirectoryError::Absent { .. })
    ));
    assert!(registry.list(TENANT).is_empty() && store.agents.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_same_definition_again_changes_nothing() {
    let (registry, _) = registry("none").await;
    for (url, revision) in [
        ("https://a.example/", 1),
        ("https://a.example/", 1),
        ("https://b.example/", 2),
    ] {
        assert_eq!(
            registry
                .upsert(TENANT, definition("a", url), NOW)
                .await
                .unwrap()
                .revision,
            revision
        );
    }
}

#[tokio::test]
async fn what_the_store_did_not_take_is_not_registered() {
    let (registry, store) = registry("none").await;
    registry
        .register(TENANT, definition("a", "https://a.example/"), None, NOW)
        .await
        .unwrap();
    *store.broken.lock().unwrap() = true;
    assert!(matches!(
        registry
            .register(TENANT, definition("b", "https://b.example/"), None, NOW)
            .await,
        Err(DirectoryError::Store(_))
    ));
    assert!(matches!(
        registry.remove(TENANT, "a", None).await,
        Err(DirectoryError::Store(_))
    ));
    let known: Vec<_> = registry
        .list(TENANT)
        .into_iter()
        .map(|record| record.definition.agent_id)
        .collect();
    assert_eq!(known, ["a"]);
}

#[tokio::test]
async fn what_the_store_holds_is_known_after_a_restart() {
    let (registry, store) = registry("none").await;
    registry
        .register(TENANT, definition("b", "https://b.example/"), None, NOW)
        .await
        .unwrap();
    registry
        .register(TENANT, definition("a", "https://a.example/"), None, NOW)
        .await
        .unwrap();
    let restarted = registry_on(&store, "none").await;
    assert_eq!(restarted.list(TENANT), registry.list(TENANT));
    assert_eq!(restarted.list(TENANT)[0].definition.agent_id, "a");
}

#[tokio::test]
async fn a_profile_is_what_the_definition_declares() {
    let (registry, _) = registry("none").await;
    let declared = serde_json::from_value(json!({
        "agent_id": "a", "url": "https://a.example/", "timeout": "30s", "max_concurrency": 4, "max_cost": 0.05,
        "pricing": {"per_call": 0.01}, "on_unknown": "ask", "circuit_breaker": {"failure_threshold": 2},
    }));
    registry
        .register(TENANT, declared.unwrap(), None, NOW)
        .await
        .unwrap();
    let runner = AgentRunner::new(registry);
    let profile = runner.profile(&own("a")).unwrap();
    assert_eq!(profile.terms.timeout, Some(Duration::from_secs(30)));
    assert_eq!(profile.terms.max_cost, "0.05".parse().ok());
    assert_eq!(profile.terms.prices.per_call, "0.01".parse().ok());
    assert_eq!(serde_json::to_value(profile.terms.on_unknown).unwrap(), "ask");
    assert_eq!(profile.max_concurrency.unwrap().get(), 4);
    assert_eq!(profile.breaker.failure_threshold.get(), 2);
    assert!(runner.profile(&own("b")).is_none());
}

#[tokio::test]
async fn an_agent_that_is_not_registered_is_not_called() {
    let (registry, _) = registry("none").await;
    let runner = AgentRunner::new(registry);
    let outcome = runner
        .ask(&call("a", json!({}), LONG), &Accepted::default())
        .await;
    let (failed, unhealthy) = failure(outcome);
    assert_eq!(
        (failed.code, failed.retryable, unhealthy),
        (FailureCode::AgentDisabled, false, false)
    );
}

#[tokio::test]
async fn a_name_that_leads_to_a_refused_address_is_refused_when_it_is_connected_to() {
    let agent = Scripted::agent(|_| http_reply("200 OK", &[], b"")).await;
    let (registry, _) = registry("none").await;
    let url = agent.url.replace("127.0.0.1", "localhost");
    registry
        .register(TENANT, definition("a", &url), None, NOW)
        .await
        .unwrap();
    let runner = AgentRunner::new(registry);
    let outcome = runner
        .ask(&call("a", json!({}), LONG), &Accepted::default())
        .await;
    let (failed, unhealthy) = failure(outcome);
    assert_eq!(
        (failed.code, failed.retryable, unhealthy),
        (FailureCode::AgentAddressRefused, false, false)
    );
    assert!(!failed.reached_agent && agent.requests().is_empty());
}

#[tokio::test]
async fn an_agent_that_cannot_be_discovered_is_refused_with_the_code_of_a_failed_node() {
    let (registry, _) = registry("loopback").await;
    assert_eq!(
        invalid(registry.discover("http://192.168.0.1/").await.unwrap_err()),
        ("/url", "agent_address_refused")
    );
    assert_eq!(
        invalid(registry.discover("nonsense").await.unwrap_err()),
        ("/url", "invalid_value")
    );
    let agent = Scripted::start(|_, _| http_reply("404 Not Found", &[], b"")).await;
    match registry.discover(&agent.url).await.unwrap_err() {
        DirectoryError::Discovery { code, message, .. } => {
            assert_eq!(code, "agent_http_error");
            assert!(
                message.starts_with("the agent answered with HTTP status 404"),
                "{message}"
            );
        }
        other => panic!("expected a failed discovery, got {other:?}"),
    }
}

#[tokio::test]
async fn an_agent_whose_secret_is_not_there_is_not_called_when_its_health_is_asked() {
    let (registry, _) = registry("loopback").await;
    let agent = Scripted::start(|_, _| http_reply("404 Not Found", &[], b"")).await;
    let locked = json!({
        "agent_id": "locked", "url": agent.url,
        "auth": {"type": "bearer", "token": {"env": "TOKEN_THAT_NOBODY_SETS"}},
    });
    let open = definition("open", &agent.url);
    for (definition, called) in [(serde_json::from_value(locked).unwrap(), false), (open, true)] {
        let id = registry
            .register(TENANT, definition, None, NOW)
            .await
            .unwrap()
            .definition
            .agent_id;
        let was_called = match registry.check(TENANT, &id).await {
            Err(DirectoryError::Discovery { was_called, .. }) => was_called,
            other => panic!("expected a failed check, got {other:?}"),
        };
        assert_eq!(
            (was_called, agent.requests().is_empty()),
            (called, !called),
            "{id}"
        );
    }
}

#[tokio::test]
async fn tenants_have_agents_of_their_own_under_one_id_and_share_those_of_the_settings() {
    let (registry, store) = registry("none").await;
    for tenant in ["acme", "umbrella"] {
        let url = format!("https://{tenant}.example/");
        registry
            .register(tenant, definition("critic", &url), None, NOW)
            .await
            .unwrap();
    }
    let url = |registry: &agentchains_agents::Registry, tenant: &str, id: &str| {
        Some(registry.get(tenant, id)?.definition.url)
    };
    let restarted = registry_on(&store, "none").await;
    for registry in [&registry, &restarted] {
        assert_eq!(url(registry, "acme", "critic").unwrap(), "https://acme.example/");
        assert_eq!(
            url(registry, "umbrella", "critic").unwrap(),
            "https://umbrella.example/"
        );
        assert_eq!(url(registry, "initech", "critic"), None);
    }
    let shared = definition("critic", "https://shared.example/");
    restarted.declare(shared, NOW).await.unwrap();
    for tenant in ["acme", "initech"] {
        assert_eq!(
            url(&restarted, tenant, "critic").unwrap(),
            "https://shared.example/"
        );
        assert_eq!(restarted.list(tenant).len(), 1, "the shared one hides the own");
        assert!(matches!(
            restarted.remove(tenant, "critic", None).await,
            Err(DirectoryError::ReadOnly { .. })
        ));
    }
    registry.remove("acme", "critic", None).await.unwrap();
    assert_eq!(registry.list("acme"), []);
    assert_eq!(registry.list("umbrella").len(), 1);
}
