//! Which secrets of the server an agent may name: those that the operator allows, where it is registered.

use std::{os::unix::fs::symlink, sync::Arc};

use agentchains_agents::{AgentRunner, Registry};
use agentchains_machine::FailureCode;
use agentchains_ports::{AgentDirectory as _, AgentStore, DirectoryError};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CANARY, definition, vault};
use crate::{
    scripted::{Scripted, result},
    support::{LONG, MemoryStore, NOW, TENANT, attempt, failure, outbound, reply},
};

async fn registry(store: &Arc<MemoryStore>, allowed: &str) -> Arc<Registry> {
    let store = Arc::clone(store) as Arc<dyn AgentStore>;
    let allowed = allowed.parse().unwrap();
    Registry::load_with_vault(store, outbound("loopback"), vault().await, allowed)
        .await
        .unwrap()
}

async fn agent() -> Scripted {
    Scripted::agent(|request| result(request, &json!({"message": {"parts": [{"text": "hi"}]}}))).await
}

fn bearer(token: &Value) -> Value {
    json!({"auth": {"type": "bearer", "token": token}})
}

#[tokio::test]
async fn an_agent_is_registered_with_stored_secrets_and_those_of_allowed_places_only() {
    let registry = registry(&Arc::default(), "env:AGENT_*,file:/run/secrets").await;
    let (env, file) = (
        json!({"env": "PATH"}),
        json!({"file": "/run/secrets/../../etc/shadow"}),
    );
    let stored = json!({"stored": "canary"});
    for (members, pointer) in [
        (bearer(&stored), None),
        (bearer(&json!({"env": "AGENT_TOKEN"})), None),
        (bearer(&json!({"file": "/run/secrets/token"})), None),
        (bearer(&env), Some("/auth/token")),
        (bearer(&file), Some("/auth/token")),
        (
            json!({"auth": {"type": "api_key", "key": env}}),
            Some("/auth/key"),
        ),
        (
            json!({"auth": {"type": "basic", "username": "u", "password": file}}),
            Some("/auth/password"),
        ),
        (
            json!({"auth": {"type": "oauth2_client_credentials", "token_url": "https://a.example", "client_id": "a",
                   "client_secret": env}}),
            Some("/auth/client_secret"),
        ),
        (
            json!({"auth": {"type": "mtls", "certificate": stored, "private_key": stored, "authority": file}}),
            Some("/auth/authority"),
        ),
    ] {
        let definition = definition("https://a.example", &members);
        let registered = registry.upsert(TENANT, definition.clone(), NOW).await;
        let found = match registered {
            Ok(_) => None,
            Err(DirectoryError::Invalid {
                pointer,
                code: "secret_not_allowed",
                message,
            }) => {
                assert!(message.contains("--allow-agent-secrets"), "{message}");
                Some(pointer)
            }
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(found, pointer, "{members}");
    }
}

#[tokio::test]
async fn agents_that_the_settings_declare_may_name_any_secret() {
    let registry = registry(&Arc::default(), "none").await;
    let agent = agent().await;
    let token = bearer(&json!({"env": "CARGO_MANIFEST_DIR"}));
    registry
        .declare(definition(&agent.url, &token), NOW)
        .await
        .unwrap();
    reply(attempt(&AgentRunner::new(registry), LONG).await);
    let sent = format!("Bearer {}", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(
        agent.requests().last().unwrap().header("authorization"),
        Some(sent.as_str())
    );
}

#[tokio::test]
async fn a_place_that_is_not_allowed_any_more_is_not_read() {
    let (store, agent) = (Arc::default(), agent().await);
    let token = bearer(&json!({"env": "CARGO_MANIFEST_DIR"}));
    let before = registry(&store, "any").await;
    let registered = before.register(TENANT, definition(&agent.url, &token), None, NOW);
    registered.await.unwrap();
    let runner = AgentRunner::new(registry(&store, "none").await);
    let (failed, _) = failure(attempt(&runner, LONG).await);
    assert_eq!(failed.code, FailureCode::AgentAuthError);
    assert!(
        failed.message.contains("--allow-agent-secrets"),
        "{}",
        failed.message
    );
    assert!(agent.requests().is_empty());
}

#[tokio::test]
async fn a_link_that_leads_out_of_the_allowed_folder_is_not_followed() {
    let folder = TempDir::new().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    for file in [folder.path().join("outside"), inside.join("token")] {
        std::fs::write(file, CANARY).unwrap();
    }
    let link = inside.join("link");
    symlink("../outside", &link).unwrap();
    let agent = agent().await;
    let registry = registry(&Arc::default(), &format!("file:{}", inside.display())).await;
    let token = bearer(&json!({"file": link}));
    let registered = registry.register(TENANT, definition(&agent.url, &token), None, NOW);
    registered.await.unwrap();
    let runner = AgentRunner::new(registry);
    let (failed, _) = failure(attempt(&runner, LONG).await);
    assert!(
        failed.message.contains("--allow-agent-secrets"),
        "{}",
        failed.message
    );
    assert!(agent.requests().is_empty());
    std::fs::remove_file(&link).unwrap();
    symlink("token", &link).unwrap();
    reply(attempt(&runner, LONG).await);
}
