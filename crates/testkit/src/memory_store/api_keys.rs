//! API keys.

use agentchains_ports::{ApiKey, ApiKeyStore, StoreError};
use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;

#[async_trait]
impl ApiKeyStore for MemoryStore {
    async fn add_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let mut data = self.data();
        if data.api_keys.contains_key(&key.id) {
            return Err(StoreError::Unavailable("there is a key with that id".into()));
        }
        data.api_keys.insert(key.id.clone(), key.clone());
        Ok(())
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.data().api_keys.get(id).cloned())
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let mut keys: Vec<ApiKey> = self.data().api_keys.values().cloned().collect();
        keys.sort_by_key(|key| key.created_at);
        Ok(keys)
    }

    async fn revoke_api_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let mut data = self.data();
        let Some(key) = data.api_keys.get_mut(id) else {
            return Ok(false);
        };
        key.revoked_at.get_or_insert(now);
        Ok(true)
    }
}
