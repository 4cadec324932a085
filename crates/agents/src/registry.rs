//! The registry: which agents there are. It is held in memory for reading, and every change is in the store
//! before it counts.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use agentchains_machine::AgentTerms;
use agentchains_ports::{
    AgentDefinition, AgentDirectory, AgentProfile, AgentRecord, AgentStore, DirectoryError, DiscoveredAgent,
    StoreError,
};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    Outbound,
    a2a::{self, A2aAgent},
    agent::Agent,
    definition::{checked_endpoint, validated},
    failure::classify,
    net::Endpoint,
};

/// How long the card of an agent may take when somebody waits for it.
const DISCOVERY_LIMIT: Duration = Duration::from_secs(10);

/// The registered agents.
pub struct Registry {
    store: Arc<dyn AgentStore>,
    outbound: Outbound,
    agents: RwLock<BTreeMap<String, Entry>>,
    /// Held by who changes something, from looking at what is there until it is stored.
    changing: Mutex<()>,
}

/// An agent, with what is computed from its definition.
#[derive(Debug, Clone)]
struct Entry {
    record: AgentRecord,
    profile: Arc<AgentProfile>,
    agent: Arc<dyn Agent>,
}

impl Registry {
    /// The agents that a store holds, called through `outbound`, by whose address policy definitions are judged.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    pub async fn load(store: Arc<dyn AgentStore>, outbound: Outbound) -> Result<Arc<Self>, StoreError> {
        let mut agents = BTreeMap::new();
        for record in store.load_agents().await? {
            let endpoint = Endpoint::parse(&record.definition.url).map_err(|error| StoreError::Corrupt {
                place: "agents.url",
                source: error.into(),
            })?;
            agents.insert(
                record.definition.agent_id.clone(),
                Entry::new(record, endpoint, &outbound),
            );
        }
        Ok(Arc::new(Self {
            store,
            outbound,
            agents: RwLock::new(agents),
            changing: Mutex::default(),
        }))
    }

    /// Registers an agent, or gives a registered one this definition. Nothing changes when it has it already.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when the definition breaks a rule, [`DirectoryError::Store`] when it was not
    /// stored.
    pub async fn upsert(
        &self,
        definition: AgentDefinition,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let (definition, endpoint) = validated(definition, self.outbound.policy())?;
        let _changing = self.changing.lock().await;
        match self.get(&definition.agent_id) {
            Some(present) if present.definition == definition => Ok(present),
            present => self.store(definition, endpoint, present, now).await,
        }
    }

    /// What the engine needs to know of an agent.
    pub(crate) fn profile(&self, agent_id: &str) -> Option<Arc<AgentProfile>> {
        self.read(|agents| agents.get(agent_id).map(|entry| Arc::clone(&entry.profile)))
    }

    /// A registered agent.
    pub(crate) fn agent(&self, agent_id: &str) -> Option<Arc<dyn Agent>> {
        self.read(|agents| agents.get(agent_id).map(|entry| Arc::clone(&entry.agent)))
    }

    /// The way out that all its agents are called through.
    pub(crate) fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// Stores a definition in the place of `present`; the caller holds `changing`.
    async fn store(
        &self,
        definition: AgentDefinition,
        endpoint: Endpoint,
        present: Option<AgentRecord>,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let record = AgentRecord {
            definition,
            revision: present
                .as_ref()
                .map_or(1, |present| present.revision.saturating_add(1)),
            created_at: present.map_or(now, |present| present.created_at),
            updated_at: now,
        };
        self.store.save_agent(&record).await?;
        let entry = Entry::new(record.clone(), endpoint, &self.outbound);
        self.write(|agents| agents.insert(record.definition.agent_id.clone(), entry));
        Ok(record)
    }

    /// The present record of an agent, if it is the one that the caller has seen.
    fn seen(&self, agent_id: &str, seen: Option<u32>) -> Result<AgentRecord, DirectoryError> {
        let absent = || DirectoryError::Absent {
            agent_id: agent_id.to_owned(),
        };
        let present = self.get(agent_id).ok_or_else(absent)?;
        match seen {
            Some(seen) if seen != present.revision => Err(DirectoryError::Stale { seen }),
            _ => Ok(present),
        }
    }

    fn read<R>(&self, read: impl FnOnce(&BTreeMap<String, Entry>) -> R) -> R {
        read(&self.agents.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, write: impl FnOnce(&mut BTreeMap<String, Entry>) -> R) -> R {
        write(&mut self.agents.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl AgentDirectory for Registry {
    fn list(&self) -> Vec<AgentRecord> {
        self.read(|agents| agents.values().map(|entry| entry.record.clone()).collect())
    }

    fn get(&self, agent_id: &str) -> Option<AgentRecord> {
        self.read(|agents| agents.get(agent_id).map(|entry| entry.record.clone()))
    }

    async fn register(
        &self,
        definition: AgentDefinition,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let (definition, endpoint) = validated(definition, self.outbound.policy())?;
        let _changing = self.changing.lock().await;
        if self.get(&definition.agent_id).is_some() {
            return Err(DirectoryError::Exists {
                agent_id: definition.agent_id,
            });
        }
        self.store(definition, endpoint, None, now).await
    }

    async fn replace(
        &self,
        definition: AgentDefinition,
        seen: Option<u32>,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let (definition, endpoint) = validated(definition, self.outbound.policy())?;
        let _changing = self.changing.lock().await;
        let present = self.seen(&definition.agent_id, seen)?;
        self.store(definition, endpoint, Some(present), now).await
    }

    async fn remove(&self, agent_id: &str, seen: Option<u32>) -> Result<(), DirectoryError> {
        let _changing = self.changing.lock().await;
        self.seen(agent_id, seen)?;
        self.store.delete_agent(agent_id).await?;
        self.write(|agents| agents.remove(agent_id));
        Ok(())
    }

    async fn discover(&self, url: &str) -> Result<DiscoveredAgent, DirectoryError> {
        let endpoint = checked_endpoint(url, self.outbound.policy())?;
        let origin = endpoint.origin();
        let deadline = Instant::now() + DISCOVERY_LIMIT;
        let found = a2a::discover(self.outbound.channel(), endpoint, deadline).await;
        found.map_err(|error| {
            let classified = classify(&error, &origin);
            DirectoryError::Discovery {
                code: classified.code.as_str(),
                message: format!("the agent {}", classified.what),
            }
        })
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("agents", &self.agents)
            .finish_non_exhaustive()
    }
}

impl Entry {
    fn new(record: AgentRecord, endpoint: Endpoint, outbound: &Outbound) -> Self {
        let definition = &record.definition;
        let terms = AgentTerms {
            timeout: definition.timeout.map(|timeout| timeout.0),
            max_cost: definition.max_cost,
            prices: definition.pricing.clone(),
            price_version: Some(record.revision),
            fallback_agent_id: definition.fallback_agent_id.clone(),
            on_unknown: definition.on_unknown.unwrap_or_default(),
        };
        let profile = AgentProfile {
            terms: Arc::new(terms),
            breaker: definition.circuit_breaker.clone(),
            max_concurrency: definition.max_concurrency,
        };
        Self {
            record,
            profile: Arc::new(profile),
            agent: Arc::new(A2aAgent::new(outbound.channel(), endpoint)),
        }
    }
}
