//! The encrypted store of secrets, as a store sees it: names, and bytes that mean nothing to it.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::StoreError;

/// A secret that can be stored, because nobody can read it without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// What agents name it by.
    pub name: String,
    /// The secret, sealed by whoever holds the key.
    pub sealed: Vec<u8>,
    /// When a secret of this name was first stored.
    pub created_at: Timestamp,
    /// When it was last replaced.
    pub updated_at: Timestamp,
}

/// Keeps sealed secrets. Each tenant has names of its own.
#[async_trait]
pub trait SecretStore: Send + Sync + 'static {
    /// A secret by its name.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn secret(&self, tenant: &str, name: &str) -> Result<Option<SealedSecret>, StoreError>;

    /// All secrets of a tenant, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn secrets(&self, tenant: &str) -> Result<Vec<SealedSecret>, StoreError>;

    /// Inserts a secret, or replaces what is sealed under its name; `created_at` stays then.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn save_secret(&self, tenant: &str, secret: &SealedSecret) -> Result<(), StoreError>;

    /// Removes a secret. False when there was none.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn delete_secret(&self, tenant: &str, name: &str) -> Result<bool, StoreError>;
}
