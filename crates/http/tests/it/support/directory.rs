//! A registry of agents in memory, for which some addresses lead nowhere.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use agentchains_engine::ports::{
    AgentDefinition, AgentDirectory, AgentKey, AgentRecord, AgentSource, DirectoryError, DiscoveredAgent,
    Idempotency,
};
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;

/// The agents that the tests without keys call are in the process, and everybody's.
fn key_of(tenant: &str, agent_id: &str) -> AgentKey {
    match tenant {
        "default" => AgentKey::shared(agent_id),
        tenant => AgentKey::of(tenant, agent_id),
    }
}

#[derive(Default)]
pub(crate) struct Directory(Mutex<BTreeMap<AgentKey, AgentRecord>>);

impl Directory {
    fn records(&self) -> MutexGuard<'_, BTreeMap<AgentKey, AgentRecord>> {
        self.0.lock().unwrap()
    }
}

#[async_trait]
impl AgentDirectory for Directory {
    fn list(&self, tenant: &str) -> Vec<AgentRecord> {
        let records = self.records();
        let own = records.values().filter(|record| record.key.is_seen_by(tenant));
        own.cloned().collect()
    }

    fn get(&self, tenant: &str, agent_id: &str) -> Option<AgentRecord> {
        self.records().get(&key_of(tenant, agent_id)).cloned()
    }

    async fn register(
        &self,
        tenant: &str,
        definition: AgentDefinition,
        _: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let agent_id = definition.agent_id.clone();
        if !definition.url.starts_with("http") {
            let message = "the url is none of http or https".to_owned();
            return Err(DirectoryError::Invalid {
                pointer: "/url",
                code: "invalid_value",
                message,
            });
        }
        if self.get(tenant, &agent_id).is_some() {
            return Err(DirectoryError::Exists { agent_id });
        }
        let source = match definition.url.as_str() {
            "http://declared.test" => AgentSource::Settings,
            _ => AgentSource::Registry,
        };
        let key = key_of(tenant, &agent_id);
        let record = AgentRecord {
            key: key.clone(),
            definition,
            source,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        self.records().insert(key, record.clone());
        Ok(record)
    }

    async fn replace(
        &self,
        tenant: &str,
        definition: AgentDefinition,
        seen: Option<u32>,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let mut records = self.records();
        let record = records.get_mut(&key_of(tenant, &definition.agent_id)).unwrap();
        if record.source == AgentSource::Settings {
            let agent_id = definition.agent_id;
            return Err(DirectoryError::ReadOnly { agent_id });
        }
        if let Some(seen) = seen.filter(|seen| *seen != record.revision) {
            return Err(DirectoryError::Stale { seen });
        }
        record.definition = definition;
        record.revision += 1;
        record.updated_at = now;
        Ok(record.clone())
    }

    async fn remove(&self, tenant: &str, agent_id: &str, _: Option<u32>) -> Result<(), DirectoryError> {
        let mut records = self.records();
        let key = key_of(tenant, agent_id);
        if records[&key].source == AgentSource::Settings {
            let agent_id = agent_id.to_owned();
            return Err(DirectoryError::ReadOnly { agent_id });
        }
        records.remove(&key);
        Ok(())
    }

    async fn discover(&self, url: &str) -> Result<DiscoveredAgent, DirectoryError> {
        match url {
            "http://down.test" => Err(DirectoryError::Discovery {
                code: "agent_unreachable",
                message: "nothing listens there".to_owned(),
                was_called: true,
            }),
            "http://locked.test" => Err(DirectoryError::Discovery {
                code: "agent_auth_error",
                message: "there is no key".to_owned(),
                was_called: false,
            }),
            "http://bug.test" => panic!("a secret of the server"),
            url => Ok(DiscoveredAgent {
                name: "Found".into(),
                description: None,
                url: url.into(),
                protocol_version: "1.0".into(),
                streaming: false,
                card: json!({"name": "Found"}),
            }),
        }
    }

    async fn check(&self, tenant: &str, agent_id: &str) -> Result<(), DirectoryError> {
        let url = self
            .records()
            .get(&key_of(tenant, agent_id))
            .map(|record| record.definition.url.clone());
        match url {
            Some(url) => self.discover(&url).await.map(drop),
            None => Err(DirectoryError::Absent {
                agent_id: agent_id.to_owned(),
            }),
        }
    }
}
