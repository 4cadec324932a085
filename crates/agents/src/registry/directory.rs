//! The registry as the API sees it.

use std::time::Duration;

use agentchains_ports::{AgentDefinition, AgentDirectory, AgentRecord, DirectoryError, DiscoveredAgent};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Registry, entry::Entry, health, writable};
use crate::{
    a2a,
    definition::{checked_endpoint, validated},
    error::CallError,
    failure::classify,
};

/// How long an agent may take when somebody waits for its card, or for a sign that it is well.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

impl Registry {
    /// The present record of an agent that can be changed, if it is the one that the caller has seen.
    fn seen(&self, agent_id: &str, seen: Option<u32>) -> Result<AgentRecord, DirectoryError> {
        let present = self.get(agent_id).ok_or_else(|| absent(agent_id))?;
        match seen {
            Some(seen) if seen != present.revision => Err(DirectoryError::Stale { seen }),
            _ => writable(present),
        }
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
        let endpoint = checked_endpoint("/url", url, self.outbound.policy())?;
        let origin = endpoint.origin();
        let deadline = Instant::now() + ANSWER_LIMIT;
        let found = a2a::discover(self.outbound.channel(), endpoint, deadline).await;
        found.map_err(|error| silent(&error, &origin))
    }

    async fn check(&self, agent_id: &str) -> Result<(), DirectoryError> {
        let entry = self.read(|agents| agents.get(agent_id).cloned());
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
