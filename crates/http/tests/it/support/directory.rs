//! A registry of agents in memory, for which some addresses lead nowhere.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use agentchains_engine::ports::{
    AgentDefinition, AgentDirectory, AgentRecord, AgentSource, DirectoryError, DiscoveredAgent,
};
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;

#[derive(Default)]
pub(crate) struct Directory(Mutex<BTreeMap<String, AgentRecord>>);

impl Directory {
    fn records(&self) -> MutexGuard<'_, BTreeMap<String, AgentRecord>> {
        self.0.lock().unwrap()
    }
}

#[async_trait]
impl AgentDirectory for Directory {
    fn list(&self) -> Vec<AgentRecord> {
        self.records().values().cloned().collect()
    }

    fn get(&self, agent_id: &str) -> Option<AgentRecord> {
        self.records().get(agent_id).cloned()
    }

    async fn register(
        &self,
        definition: AgentDefinition,
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
        if self.get(&agent_id).is_some() {
            return Err(DirectoryError::Exists { agent_id });
        }
        let source = match definition.url.as_str() {
            "http://declared.test" => AgentSource::Settings,
            _ => AgentSource::Registry,
        };
        let record = AgentRecord {
            definition,
            source,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        self.records().insert(agent_id, record.clone());
        Ok(record)
    }

    async fn replace(
        &self,
        definition: AgentDefinition,
        seen: Option<u32>,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError> {
        let mut records = self.records();
        let record = records.get_mut(&definition.agent_id).unwrap();
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

    async fn remove(&self, agent_id: &str, _: Option<u32>) -> Result<(), DirectoryError> {
        let mut records = self.records();
        if records[agent_id].source == AgentSource::Settings {
            let agent_id = agent_id.to_owned();
            return Err(DirectoryError::ReadOnly { agent_id });
        }
        records.remove(agent_id);
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

    async fn check(&self, agent_id: &str) -> Result<(), DirectoryError> {
        let url = self
            .records()
            .get(agent_id)
            .map(|record| record.definition.url.clone());
        match url {
            Some(url) => self.discover(&url).await.map(drop),
            None => Err(DirectoryError::Absent {
                agent_id: agent_id.to_owned(),
            }),
        }
    }
}
