//! The registry: which agents there are. It is held in memory for reading, and every change is in the store
//! before it counts. Agents that the settings declare are beside those, and are not stored.

mod directory;
mod entry;
mod health;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use agentchains_ports::{
    AgentDefinition, AgentDirectory, AgentKey, AgentProfile, AgentRecord, AgentSource, AgentStore,
    DirectoryError, StoreError,
};
use jiff::Timestamp;
use tokio::sync::Mutex;

use self::entry::Entry;
use crate::{
    Outbound, SecretPolicy, Vault,
    agent::Agent,
    credentials::{SecretSource, check_places},
    definition::{unusable, validated},
    net::Endpoint,
};

/// The registered agents.
pub struct Registry {
    store: Arc<dyn AgentStore>,
    outbound: Outbound,
    secrets: SecretSource,
    agents: RwLock<BTreeMap<AgentKey, Entry>>,
    /// Held by who changes something, from looking at what is there until it is stored.
    changing: Mutex<()>,
}

impl Registry {
    /// The agents that a store holds, called through `outbound`, by whose address policy definitions are judged. Their
    /// secrets are in the environment and in files.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    pub async fn load(store: Arc<dyn AgentStore>, outbound: Outbound) -> Result<Arc<Self>, StoreError> {
        let secrets = SecretSource::new(None, SecretPolicy::any());
        Self::with_secrets(store, outbound, secrets).await
    }

    /// The same for agents whose secrets are also in a vault: those of a tenant's agents are the tenant's, and those of
    /// agents that the settings declare are of the tenant that the vault is for. What registered agents may name besides
    /// is what `allowed` says.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    pub async fn load_with_vault(
        store: Arc<dyn AgentStore>,
        outbound: Outbound,
        vault: Vault,
        allowed: SecretPolicy,
    ) -> Result<Arc<Self>, StoreError> {
        Self::with_secrets(store, outbound, SecretSource::new(Some(vault), allowed)).await
    }

    async fn with_secrets(
        store: Arc<dyn AgentStore>,
        outbound: Outbound,
        secrets: SecretSource,
    ) -> Result<Arc<Self>, StoreError> {
        let mut agents = BTreeMap::new();
        for record in store.load_agents().await? {
            let key = record.key.clone();
            let endpoint = Endpoint::parse(&record.definition.url).map_err(|error| corrupt(error.into()))?;
            let entry = Entry::new(record, endpoint, &outbound, &secrets);
            agents.insert(key, entry.map_err(|error| corrupt(error.into()))?);
        }
        Ok(Arc::new(Self {
            store,
            outbound,
            secrets,
            agents: RwLock::new(agents),
            changing: Mutex::default(),
        }))
    }

    /// Registers an agent of a tenant, or gives a registered one this definition. Nothing changes when it has it already.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when the definition breaks a rule, [`DirectoryError::ReadOnly`] when the settings
    /// declare the agent, [`DirectoryError::Store`] when it was not stored.
    pub async fn upsert(
        &self,
        tenant: &str,
        definition: AgentDefinition,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let (definition, endpoint) = self.admitted(definition)?;
        let _changing = self.changing.lock().await;
        match self.get(tenant, &definition.agent_id) {
            Some(present) if present.definition == definition => Ok(present),
            Some(present) => {
                self.store(tenant, definition, endpoint, Some(writable(present)?), now)
                    .await
            }
            None => self.store(tenant, definition, endpoint, None, now).await,
        }
    }

    /// Makes known to all tenants an agent that the settings declare. It is not stored, and takes the place of registered
    /// ones of its id for as long as the process lives.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when the definition breaks a rule, [`DirectoryError::Exists`] when the settings
    /// declare another agent of this id.
    pub async fn declare(&self, definition: AgentDefinition, now: Timestamp) -> Result<(), DirectoryError> {
        let (definition, endpoint) = validated(definition, self.outbound.policy())?;
        let _changing = self.changing.lock().await;
        let key = AgentKey::shared(&definition.agent_id);
        if self.read(|agents| agents.contains_key(&key)) {
            return Err(DirectoryError::Exists {
                agent_id: definition.agent_id,
            });
        }
        let record = AgentRecord {
            key,
            definition,
            source: AgentSource::Settings,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        self.put(record, endpoint)
    }

    /// The definition of an agent that is registered, where it keeps to all rules, with its address.
    fn admitted(&self, definition: AgentDefinition) -> Result<(AgentDefinition, Endpoint), DirectoryError> {
        let (definition, endpoint) = validated(definition, self.outbound.policy())?;
        check_places(&definition, self.secrets.registered())?;
        Ok((definition, endpoint))
    }

    /// Which agent a tenant means by an id: the one that all share, its own, or one that nobody has registered.
    pub(crate) fn key(&self, tenant: &str, agent_id: &str) -> AgentKey {
        let (shared, own) = (AgentKey::shared(agent_id), AgentKey::of(tenant, agent_id));
        let is_own = self.read(|agents| !agents.contains_key(&shared) && agents.contains_key(&own));
        if is_own { own } else { shared }
    }

    /// What the engine needs to know of an agent.
    pub(crate) fn profile(&self, agent: &AgentKey) -> Option<Arc<AgentProfile>> {
        self.read(|agents| agents.get(agent).map(|entry| Arc::clone(&entry.profile)))
    }

    /// A registered agent, and whether it is disabled.
    pub(crate) fn agent(&self, agent: &AgentKey) -> Option<(Arc<dyn Agent>, bool)> {
        self.read(|agents| {
            let entry = agents.get(agent)?;
            Some((Arc::clone(&entry.agent), entry.record.definition.disabled))
        })
    }

    /// The way out that all its agents are called through.
    pub(crate) fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// Stores a tenant's definition in the place of `present`; the caller holds `changing`.
    async fn store(
        &self,
        tenant: &str,
        definition: AgentDefinition,
        endpoint: Endpoint,
        present: Option<AgentRecord>,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let record = own(tenant, definition, present.as_ref(), now);
        self.store.save_agent(&record).await?;
        self.put(record.clone(), endpoint)?;
        Ok(record)
    }

    /// Has calls go to this agent from now on; those in flight go on as they began.
    fn put(&self, record: AgentRecord, endpoint: Endpoint) -> Result<(), DirectoryError> {
        let key = record.key.clone();
        let entry =
            Entry::new(record, endpoint, &self.outbound, &self.secrets).map_err(|error| unusable(&error))?;
        self.write(|agents| agents.insert(key, entry));
        Ok(())
    }

    fn read<R>(&self, read: impl FnOnce(&BTreeMap<AgentKey, Entry>) -> R) -> R {
        read(&self.agents.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, write: impl FnOnce(&mut BTreeMap<AgentKey, Entry>) -> R) -> R {
        write(&mut self.agents.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A tenant's agent, in the place of `present`.
fn own(
    tenant: &str,
    definition: AgentDefinition,
    present: Option<&AgentRecord>,
    now: Timestamp,
) -> AgentRecord {
    AgentRecord {
        key: AgentKey::of(tenant, &definition.agent_id),
        definition,
        source: AgentSource::Registry,
        revision: present.map_or(1, |present| present.revision.saturating_add(1)),
        created_at: present.map_or(now, |present| present.created_at),
        updated_at: now,
    }
}

/// A record that can be changed.
fn writable(record: AgentRecord) -> Result<AgentRecord, DirectoryError> {
    match record.source {
        AgentSource::Registry => Ok(record),
        AgentSource::Settings => Err(DirectoryError::ReadOnly {
            agent_id: record.definition.agent_id,
        }),
    }
}

fn corrupt(source: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Corrupt {
        place: "agents.definition",
        source,
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("agents", &self.agents)
            .finish_non_exhaustive()
    }
}
