//! Credentials on the wire: what an agent is shown, what it is not, and what is left of it in what comes back.

mod allowed;
mod oauth;
mod places;
mod schemes;
mod sealing;

use std::sync::Arc;

use agentchains_agents::{AgentRunner, Outbound, Registry, SecretPolicy, SecretsKey, Vault};
use agentchains_ports::{AgentDefinition, AgentDirectory as _, AgentStore};
use agentchains_testkit::MemoryStore as Secrets;
use serde_json::{Value, json};

use crate::support::{MemoryStore, NOW, TENANT, outbound};

/// What every secret of these tests is.
pub(crate) const CANARY: &str = "c4n4ry/\"7f+s3cret";

/// A vault that has the canary under the name `canary`.
pub(crate) async fn vault() -> Vault {
    let key: SecretsKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".parse().unwrap();
    let vault = Vault::new(Arc::new(Secrets::new()), "default", Some(key));
    vault.set("canary", CANARY.into(), NOW).await.unwrap();
    vault
}

/// A definition of the agent `a` with further members.
pub(crate) fn definition(url: &str, members: &Value) -> AgentDefinition {
    let mut definition = json!({"agent_id": "a", "url": url});
    for (name, value) in members.as_object().unwrap() {
        definition[name] = value.clone();
    }
    serde_json::from_value(definition).unwrap()
}

/// A registry with the vault and the agent `a`.
pub(crate) async fn registry(outbound: Outbound, definition: AgentDefinition) -> Arc<Registry> {
    let store: Arc<dyn AgentStore> = Arc::new(MemoryStore::default());
    let registry = Registry::load_with_vault(store, outbound, vault().await, SecretPolicy::any())
        .await
        .unwrap();
    registry.register(TENANT, definition, None, NOW).await.unwrap();
    registry
}

/// A runner that may call loopback, with the agent `a`.
pub(crate) async fn runner(url: &str, members: &Value) -> AgentRunner {
    AgentRunner::new(registry(outbound("loopback"), definition(url, members)).await)
}
