//! The encrypted store: who opens a secret, and who does not.

use std::sync::Arc;

use agentchains_agents::{AgentRunner, InvalidKey, Registry, SecretPolicy, SecretsKey, Vault, VaultError};
use agentchains_machine::FailureCode;
use agentchains_ports::{
    AgentDirectory as _, AgentKey, AgentStore, NodeRunner as _, SealedSecret, SecretStore,
};
use agentchains_testkit::MemoryStore as Secrets;
use serde_json::json;
use tempfile::TempDir;

use super::{CANARY, definition};
use crate::{
    scripted::{Scripted, result},
    support::{Accepted, LONG, MemoryStore, NOW, call, execution, failure, outbound, reply},
};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn vault(store: &Secrets, tenant: &str, key: &str) -> Vault {
    Vault::new(Arc::new(store.clone()), tenant, Some(key.parse().unwrap()))
}

/// What a call with the stored secret `name` comes to: none where it was sent, else why not.
async fn refusal(vault: Vault, tenant: &str, name: &str) -> Option<String> {
    let agent =
        Scripted::agent(|request| result(request, &json!({"message": {"parts": [{"text": "hi"}]}}))).await;
    let store: Arc<dyn AgentStore> = Arc::new(MemoryStore::default());
    let registry = Registry::load_with_vault(store, outbound("loopback"), vault, SecretPolicy::any())
        .await
        .unwrap();
    let auth = json!({"auth": {"type": "bearer", "token": {"stored": name}}});
    registry
        .register(tenant, definition(&agent.url, &auth), None, NOW)
        .await
        .unwrap();
    let key = AgentKey::of(tenant, "a");
    let attempt = call("a", json!({}), LONG);
    let outcome = AgentRunner::new(registry)
        .call(&key, execution(), &attempt, &Accepted::default())
        .await;
    if agent.requests().is_empty() {
        let (failed, _) = failure(outcome);
        assert_eq!(failed.code, FailureCode::AgentAuthError);
        return Some(failed.message);
    }
    reply(outcome);
    None
}

#[tokio::test]
async fn what_is_stored_is_opened_with_its_key_under_its_name_by_its_tenant_only() {
    let store = Secrets::new();
    vault(&store, "a", KEY)
        .set("one", CANARY.into(), NOW)
        .await
        .unwrap();
    let sealed = store.secret("a", "one").await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&sealed.sealed).contains("c4n4ry"));
    for (tenant, name, end) in [
        ("a", "two", 0),
        ("b", "one", 0),
        ("a", "cut", 1),
        ("a", "short", 60),
    ] {
        let moved = SealedSecret {
            name: name.to_owned(),
            sealed: sealed.sealed[..sealed.sealed.len().saturating_sub(end)].to_vec(),
            ..sealed.clone()
        };
        store.save_secret(tenant, &moved).await.unwrap();
    }
    for (tenant, key, name, said) in [
        ("a", KEY, "one", None),
        ("a", OTHER_KEY, "one", Some("cannot be opened with this key")),
        ("a", KEY, "two", Some("cannot be opened with this key")),
        ("b", KEY, "one", Some("cannot be opened with this key")),
        ("a", KEY, "cut", Some("cannot be opened with this key")),
        ("a", KEY, "short", Some("cannot be opened with this key")),
        ("b", KEY, "two", Some("is not stored")),
    ] {
        // The registry's own tenant is that of agents that the settings declare.
        let refused = refusal(vault(&store, "settings", key), tenant, name).await;
        match (refused, said) {
            (None, None) => {}
            (Some(message), Some(said)) if message.contains(said) && message.contains(name) => {}
            (other, _) => panic!("{tenant} {name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_same_secret_is_never_sealed_alike() {
    let store = Secrets::new();
    let vault = vault(&store, "a", KEY);
    let mut seen = Vec::new();
    for _ in 0..2 {
        vault.set("one", CANARY.into(), NOW).await.unwrap();
        seen.push(vault.list().await.unwrap().remove(0).sealed);
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn what_is_no_secret_is_not_stored() {
    let store = Secrets::new();
    let locked = Vault::new(Arc::new(store.clone()), "a", None);
    assert!(matches!(
        locked.set("one", CANARY.into(), NOW).await,
        Err(VaultError::NoKey)
    ));
    let vault = vault(&store, "a", KEY);
    for name in ["", "a b", "a/b", "ä", &"x".repeat(201)] {
        assert!(
            matches!(vault.set(name, CANARY.into(), NOW).await, Err(VaultError::Name)),
            "{name}"
        );
    }
    for secret in [String::new(), "\n".to_owned(), "x".repeat(65_537)] {
        assert!(matches!(
            vault.set("a", secret.into(), NOW).await,
            Err(VaultError::Unusable(_))
        ));
    }
    assert!(vault.list().await.unwrap().is_empty());
}

#[test]
fn a_key_is_32_bytes_in_base64_of_a_file_or_a_text() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{KEY}\n")).unwrap();
    let key = SecretsKey::from_file(&path).unwrap();
    assert_eq!(format!("{key:?}"), "SecretsKey");
    for text in [
        "",
        "short",
        &KEY[4..],
        &format!("{KEY}{KEY}"),
        &KEY.replace('A', "!"),
    ] {
        assert!(
            matches!(text.parse::<SecretsKey>(), Err(InvalidKey::Malformed)),
            "{text}"
        );
    }
    let absent = SecretsKey::from_file(&folder.path().join("absent"));
    assert!(matches!(absent, Err(InvalidKey::Unreadable { .. })));
}
