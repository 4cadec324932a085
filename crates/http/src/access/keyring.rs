//! The stored keys, as far as they were shown a moment ago.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use agentchains_engine::ports::{ApiKey, ApiKeyStore, StoreError};
use tokio::time::Instant;

use super::key::Presented;

/// How long a key that was read is taken to be as it was. A key that is revoked is of no use after this time.
const FRESH: Duration = Duration::from_secs(2);

/// Keys that are kept. All are forgotten when there are more.
const CAPACITY: usize = 4096;

/// Looks keys up, and reads each of them at most once in a while.
pub(crate) struct Keyring {
    store: Arc<dyn ApiKeyStore>,
    read: Mutex<HashMap<String, (ApiKey, Instant)>>,
}

impl Keyring {
    pub(super) fn new(store: Arc<dyn ApiKeyStore>) -> Self {
        Self {
            store,
            read: Mutex::default(),
        }
    }

    /// The key that was shown, where it is of use.
    pub(super) async fn find(&self, presented: &Presented<'_>) -> Result<Option<ApiKey>, StoreError> {
        let key = self.look_up(presented.id).await?;
        Ok(key.filter(|key| presented.is(key) && key.revoked_at.is_none()))
    }

    /// Whether a key that was of use still is. True where the store cannot say so now.
    pub(super) async fn is_usable(&self, id: &str) -> bool {
        match self.look_up(id).await {
            Ok(key) => key.is_some_and(|key| key.revoked_at.is_none()),
            Err(_) => true,
        }
    }

    async fn look_up(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        if let Some(key) = self.fresh(id) {
            return Ok(Some(key));
        }
        let read_at = Instant::now();
        let key = self.store.api_key(id).await?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &key {
            Some(key) => {
                if read.len() >= CAPACITY {
                    read.clear();
                }
                read.insert(id.to_owned(), (key.clone(), read_at));
            }
            // What is not there need not be remembered: it would be whatever somebody makes up.
            None => _ = read.remove(id),
        }
        Ok(key)
    }

    fn fresh(&self, id: &str) -> Option<ApiKey> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, read_at) = read.get(id)?;
        (read_at.elapsed() < FRESH).then(|| key.clone())
    }
}
