//! The registry as the API sees it.

use std::time::Duration;

use agentchains_ports::{
    AgentDefinition, AgentDirectory, AgentKey, AgentRecord, Creation, DirectoryError, DiscoveredAgent,
    Idempotency,
};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Registry, entry::Entry, health, own, writable};
use crate::{a2a, definition::checked_endpoint, error::CallError, failure::classify};

/// How long an agent may take when somebody waits for its card, or for a sign that it is well.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

impl Registry {
    /// The present record of an agent that can be changed, if it is the one that the caller has seen.
    fn seen(&self, tenant: &str, agent_id: &str, seen: Option<u32>) -> Result<AgentRecord, DirectoryError> {
        let present = self.get(tenant, agent_id).ok_or_else(|| absent(agent_id))?;
        match seen {
            Some(seen) if seen != present.revision => Err(DirectoryError::Stale { seen }),
            _ => writable(present),
        }
    }
}

#[async_trait]
impl AgentDirectory for Registry {
    fn list(&self, tenant: &str) -> Vec<AgentRecord> {
        self.read(|agents| {
            let is_meant = |record: &&AgentRecord| {
                let is_hidden = || agents.contains_key(&AgentKey::shared(record.key.agent_id()));
                record.key.is_seen_by(tenant) && (record.key.tenant().is_none() || !is_hidden())
            };
            let records = agents.values().map(|entry| &entry.record);
            records.filter(is_meant).cloned().collect()
        })
    }

    fn get(&self, tenant: &str, agent_id: &str) -> Option<AgentRecord> {
        let key = self.key(tenant, agent_id);
        self.read(|agents| agents.get(&key).map(|entry| entry.record.clone()))
    }

    async fn register(
        &self,
        tenant: &str,
        definition: AgentDefinition,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let (definition, endpoint) = self.admitted(definition)?;
        let _changing = self.changing.lock().await;
        let agent_id = definition.agent_id.clone();
        if self.read(|agents| agents.contains_key(&AgentKey::shared(&agent_id))) {
            return Err(DirectoryError::Exists { agent_id });
        }
        let record = own(tenant, definition, None, now);
        match self.store.create_agent(&record, idempotency).await? {
            None => Err(DirectoryError::Exists { agent_id }),
            Some(Creation::Created(record)) => {
                self.put(record.clone(), endpoint)?;
                Ok(record)
            }
            Some(Creation::Replayed(record)) => Ok(record),
            Some(Creation::KeyReused) => Err(DirectoryError::KeyReused),
        }
    }

    async fn replace(
        &self,
        tenant: &str,
        definition: AgentDefinition,
        seen: Option<u32>,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let (definition, endpoint) = self.admitted(definition)?;
        let _changing = self.changing.lock().await;
        let present = self.seen(tenant, &definition.agent_id, seen)?;
        self.store(tenant, definition, endpoint, Some(present), now).await
    }

    async fn remove(&self, tenant: &str, agent_id: &str, seen: Option<u32>) -> Result<(), DirectoryError> {
        let _changing = self.changing.lock().await;
        let present = self.seen(tenant, agent_id, seen)?;
        self.store.delete_agent(&present.key).await?;
        self.write(|agents| agents.remove(&present.key));
        Ok(())
    }

    async fn discover(&self, url: &str) -> Result<DiscoveredAgent, DirectoryError> {
        let endpoint = checked_endpoint("/url", url, self.outbound.policy())?;
        let origin = endpoint.origin();
        let deadline = Instant::now() + ANSWER_LIMIT;
        let found = a2a::discover(self.outbound.channel(), endpoint, deadline).await;
        found.map_err(|error| silent(&error, &origin))
    }

    async fn check(&self, tenant: &str, agent_id: &str) -> Result<(), DirectoryError> {
        let key = self.key(tenant, agent_id);
        let entry = self.read(|agents| agents.get(&key).cloned());
        let Entry {
            record,
            channel,
            endpoint,
            ..
        } = entry.ok_or_else(|| absent(agent_id))?;
        let deadline = Instant::now() + ANSWER_LIMIT;
        let checked = health::check(record.definition.protocol, channel, &endpoint, deadline).await;
        checked.map_err(|error| silent(&error, &endpoint.origin()))
    }
}

fn absent(agent_id: &str) -> DirectoryError {
    DirectoryError::Absent {
        agent_id: agent_id.to_owned(),
    }
}

fn silent(error: &CallError, origin: &str) -> DirectoryError {
    let classified = classify(error, origin);
    DirectoryError::Discovery {
        code: classified.code.as_str(),
        message: format!("the agent {}", classified.what),
        was_called: !error.is_refusal_of_ours(),
    }
}
