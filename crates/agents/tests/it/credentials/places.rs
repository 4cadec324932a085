//! Where secrets are, and what happens where there is none.

use std::sync::Arc;

use agentchains_agents::{AgentRunner, Registry, SecretPolicy};
use agentchains_machine::FailureCode;
use agentchains_ports::{AgentDirectory, AgentStore, DirectoryError};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CANARY, definition, runner};
use crate::{
    scripted::{Scripted, result},
    support::{LONG, MemoryStore, NOW, TENANT, attempt, failure, outbound, registry_on, reply},
};

fn bearer(token: &Value) -> Value {
    json!({"auth": {"type": "bearer", "token": token}})
}

async fn agent() -> Scripted {
    Scripted::agent(|request| result(request, &json!({"message": {"parts": [{"text": "hi"}]}}))).await
}

#[tokio::test]
async fn a_secret_is_read_when_it_is_used() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("token");
    let agent = agent().await;
    let runner = runner(&agent.url, &bearer(&json!({"file": path}))).await;
    for (content, token) in [("first\n", "first"), ("second", "second"), ("third\r\n", "third")] {
        std::fs::write(&path, content).unwrap();
        reply(attempt(&runner, LONG).await);
        let last = agent.requests().pop().unwrap().head;
        assert!(
            last.contains(&format!("authorization: Bearer {token}\r\n")),
            "{last}"
        );
    }
}

#[tokio::test]
async fn a_variable_of_the_environment_is_a_secret_as_well() {
    let agent = agent().await;
    // Whoever runs tests sets this one.
    let runner = runner(&agent.url, &bearer(&json!({"env": "CARGO_MANIFEST_DIR"}))).await;
    reply(attempt(&runner, LONG).await);
    let sent = format!(
        "authorization: Bearer {}",
        std::env::var("CARGO_MANIFEST_DIR").unwrap()
    );
    assert!(agent.requests()[0].head.contains(&sent));
}

#[tokio::test]
async fn without_its_secret_nothing_is_sent_and_the_place_is_named() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let canary = CANARY.as_bytes();
    for (token, place, why) in [
        (
            json!({"env": "NO_SUCH_VARIABLE"}),
            "the environment variable \"NO_SUCH_VARIABLE\"",
            "is not set",
        ),
        (
            json!({"file": "/no/such/file"}),
            "the file \"/no/such/file\"",
            "cannot be read",
        ),
        (json!({"file": folder.path()}), "the file", "is not a file"),
        (json!({"file": file("empty", b"\n")}), "empty\"", "is empty"),
        (
            json!({"file": file("binary", &[canary, b"\xff"].concat())}),
            "binary\"",
            "cannot be read",
        ),
        (
            json!({"file": file("lines", &[canary, b"\n", canary].concat())}),
            "its credential",
            "no header",
        ),
        (
            json!({"file": file("long", &canary.repeat(10_000))}),
            "long\"",
            "more than 65536 bytes",
        ),
        (
            json!({"stored": "absent"}),
            "the stored secret \"absent\"",
            "is not stored",
        ),
    ] {
        let agent = agent().await;
        let (failed, unhealthy) = failure(attempt(&runner(&agent.url, &bearer(&token)).await, LONG).await);
        assert_eq!(failed.code, FailureCode::AgentAuthError, "{token}");
        assert!(
            !failed.retryable && !failed.reached_agent && !unhealthy,
            "{token}"
        );
        assert!(
            failed.message.contains(place) && failed.message.contains(why),
            "{}",
            failed.message
        );
        assert!(!failed.message.contains("c4n4ry"), "{}", failed.message);
        assert!(agent.requests().is_empty(), "{token}");
    }
}

#[tokio::test]
async fn without_a_vault_stored_secrets_are_refused_with_what_to_do() {
    let agent = agent().await;
    let registry = registry_on(&Arc::new(MemoryStore::default()), "loopback").await;
    let stored = definition(&agent.url, &bearer(&json!({"stored": "canary"})));
    registry.register(TENANT, stored, None, NOW).await.unwrap();
    let (failed, _) = failure(attempt(&AgentRunner::new(registry), LONG).await);
    assert!(
        failed.message.contains("--secrets-key-file"),
        "{}",
        failed.message
    );
}

#[tokio::test]
async fn a_definition_that_could_never_be_called_with_its_credential_is_refused() {
    let registry = registry_on(&Arc::new(MemoryStore::default()), "loopback").await;
    let token = json!({"env": "A"});
    let (https, loopback) = ("https://a.example/", "http://127.0.0.1:1/");
    let oauth = |token_url: &str, scopes: &[&str]| {
        json!({"auth": {"type": "oauth2_client_credentials", "token_url": token_url, "client_id": "a",
               "client_secret": token, "scopes": scopes}})
    };
    let key = |name: &str, place: &str| json!({"auth": {"type": "api_key", "name": name, "in": place, "key": token}});
    for (url, members, pointer) in [
        ("http://a.example/", bearer(&token), Some("/auth")),
        (
            "http://a.example/",
            json!({"headers": {"X-A": "{{secrets.a}}"}}),
            Some("/headers"),
        ),
        ("http://a.example/", json!({"headers": {"X-A": "plain"}}), None),
        (loopback, bearer(&token), None),
        (
            https,
            json!({"headers": {"Authorization": "Bearer abc"}}),
            Some("/headers"),
        ),
        (
            https,
            json!({"headers": {"X-A": "{{input.a}}"}}),
            Some("/headers"),
        ),
        (
            https,
            bearer(&json!({"env": "AGENTCHAINS_SECRETS_KEY"})),
            Some("/auth/token"),
        ),
        (https, bearer(&json!({"env": ""})), Some("/auth/token")),
        (https, bearer(&json!({"file": ""})), Some("/auth/token")),
        (https, bearer(&json!({"stored": "a b"})), Some("/auth/token")),
        (https, key("Host", "header"), Some("/auth/name")),
        (https, key("", "query"), Some("/auth/name")),
        (https, key("a b", "cookie"), Some("/auth/name")),
        (
            https,
            json!({"auth": {"type": "basic", "username": "a:b", "password": token}}),
            Some("/auth/username"),
        ),
        (https, oauth("http://b.example/", &[]), Some("/auth/token_url")),
        (https, oauth("https://10.0.0.1/", &[]), Some("/auth/token_url")),
        (https, oauth("https://b.example/", &["a b"]), Some("/auth/scopes")),
        (https, oauth("https://b.example/", &["a"]), None),
        (
            loopback,
            json!({"auth": {"type": "mtls", "certificate": token, "private_key": token}}),
            Some("/auth"),
        ),
        (https, json!({"http": {"method": "GET"}}), Some("/http")),
        (
            https,
            json!({"protocol": "openai", "openai": {"temperature": 3.0}}),
            Some("/openai/temperature"),
        ),
    ] {
        let upserted = registry.upsert(TENANT, definition(url, &members), NOW).await;
        let found = match upserted {
            Ok(_) => None,
            Err(DirectoryError::Invalid { pointer, .. }) => Some(pointer),
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(found, pointer, "{url} {members}");
    }
}

#[tokio::test]
async fn nothing_that_is_kept_or_shown_of_an_agent_has_its_secret() {
    let agent = agent().await;
    let store = Arc::new(MemoryStore::default());
    let vault = super::vault().await;
    let registry = Registry::load_with_vault(
        Arc::clone(&store) as Arc<dyn AgentStore>,
        outbound("loopback"),
        vault.clone(),
        SecretPolicy::any(),
    )
    .await
    .unwrap();
    let members = json!({"auth": {"type": "basic", "username": "ada", "password": {"stored": "canary"}}});
    registry
        .register(TENANT, definition(&agent.url, &members), None, NOW)
        .await
        .unwrap();
    reply(attempt(&AgentRunner::new(Arc::clone(&registry)), LONG).await);
    let shown = format!(
        "{registry:?} {:?} {vault:?} {:?} {:?}",
        registry.list(TENANT),
        store.agents,
        vault.list().await.unwrap(),
    );
    assert!(!shown.contains("c4n4ry"), "{shown}");
}
