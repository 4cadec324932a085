//! Circuit breakers.

use agentchains_ports::{AgentKey, BreakerRecord, BreakerSnapshot, BreakerStore, StoreError};
use async_trait::async_trait;

use super::MemoryStore;

#[async_trait]
impl BreakerStore for MemoryStore {
    async fn save_breaker(&self, agent: &AgentKey, snapshot: &BreakerSnapshot) -> Result<(), StoreError> {
        let mut data = self.data();
        data.breaker_changes += 1;
        let record = BreakerRecord {
            change: data.breaker_changes,
            agent: agent.clone(),
            snapshot: snapshot.clone(),
        };
        data.breakers.retain(|_, kept| kept.agent != *agent);
        data.breakers.insert(record.change, record);
        Ok(())
    }

    async fn delete_breaker(&self, agent: &AgentKey) -> Result<(), StoreError> {
        self.data().breakers.retain(|_, kept| kept.agent != *agent);
        Ok(())
    }

    async fn load_breakers(&self, after: u64, limit: u32) -> Result<Vec<BreakerRecord>, StoreError> {
        let data = self.data();
        let later = data.breakers.values().filter(|kept| kept.change > after);
        Ok(later.take(limit as usize).cloned().collect())
    }
}
