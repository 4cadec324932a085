//! The registry of agents.

use agentchains_ports::{AgentKey, AgentRecord, AgentStore, StoreError};
use async_trait::async_trait;

use super::MemoryStore;

#[async_trait]
impl AgentStore for MemoryStore {
    async fn load_agents(&self) -> Result<Vec<AgentRecord>, StoreError> {
        Ok(self.data().agents.values().cloned().collect())
    }

    async fn save_agent(&self, record: &AgentRecord) -> Result<(), StoreError> {
        self.data().agents.insert(record.key.clone(), record.clone());
        Ok(())
    }

    async fn delete_agent(&self, agent: &AgentKey) -> Result<bool, StoreError> {
        Ok(self.data().agents.remove(agent).is_some())
    }
}
