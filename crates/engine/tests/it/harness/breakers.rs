//! Circuit breakers in the store that can be told to fail.

use agentchains_engine::ports::{AgentKey, BreakerRecord, BreakerSnapshot, BreakerStore, StoreError};
use async_trait::async_trait;

use super::FaultyStore;

impl FaultyStore {
    fn breakers_answer(&self) -> Result<(), StoreError> {
        if self.breakers_fail() {
            return Err(StoreError::Unavailable("the test says so".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl BreakerStore for FaultyStore {
    async fn save_breaker(&self, agent: &AgentKey, snapshot: &BreakerSnapshot) -> Result<(), StoreError> {
        self.breakers_answer()?;
        self.inner().save_breaker(agent, snapshot).await
    }

    async fn delete_breaker(&self, agent: &AgentKey) -> Result<(), StoreError> {
        self.breakers_answer()?;
        self.inner().delete_breaker(agent).await
    }

    async fn load_breakers(&self, after: u64, limit: u32) -> Result<Vec<BreakerRecord>, StoreError> {
        self.breakers_answer()?;
        self.inner().load_breakers(after, limit).await
    }
}
