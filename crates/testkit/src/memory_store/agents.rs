//! The registry of agents.

use agentchains_ports::{AgentKey, AgentRecord, AgentStore, Creation, Idempotency, StoreError};
use async_trait::async_trait;

use super::{KeyVerdict, Made, MemoryStore};

#[async_trait]
impl AgentStore for MemoryStore {
    async fn load_agents(&self) -> Result<Vec<AgentRecord>, StoreError> {
        Ok(self.data().agents.values().cloned().collect())
    }

    async fn create_agent(
        &self,
        record: &AgentRecord,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<Creation<AgentRecord>>, StoreError> {
        let mut data = self.data();
        let tenant = record.key.tenant().unwrap_or_default();
        let present = data.agents.get(&record.key).cloned();
        if let Some(key) = &idempotency {
            let made = Made::Agent(record.key.clone());
            match data.key_verdict(tenant, key, record.created_at) {
                KeyVerdict::Fresh => {}
                KeyVerdict::Replay(earlier) => {
                    let made = present.filter(|_| earlier == made);
                    return Ok(Some(made.map_or(Creation::KeyReused, Creation::Replayed)));
                }
                KeyVerdict::Reused => return Ok(Some(Creation::KeyReused)),
            }
        }
        if present.is_some() {
            return Ok(None);
        }
        if let Some(key) = idempotency {
            data.use_key(tenant, key, Made::Agent(record.key.clone()));
        }
        data.agents.insert(record.key.clone(), record.clone());
        Ok(Some(Creation::Created(record.clone())))
    }

    async fn save_agent(&self, record: &AgentRecord) -> Result<(), StoreError> {
        self.data().agents.insert(record.key.clone(), record.clone());
        Ok(())
    }

    async fn delete_agent(&self, agent: &AgentKey) -> Result<bool, StoreError> {
        Ok(self.data().agents.remove(agent).is_some())
    }
}
