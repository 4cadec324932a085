//! The backends that the conformance suite runs on.

use std::{error::Error, path::PathBuf};

use agentchains_store::{Store, StoreOptions};
#[cfg(unix)]
use agentchains_testkit::PostgresDatabase;
use agentchains_testkit::{MemoryStore, store_conformance::Backend};
use async_trait::async_trait;
use tempfile::TempDir;

/// Maps in memory.
pub(crate) struct Maps(MemoryStore);

impl Maps {
    pub(crate) fn new() -> Self {
        Self(MemoryStore::new())
    }
}

#[async_trait]
impl Backend for Maps {
    type Store = MemoryStore;

    async fn open(&self) -> Result<MemoryStore, Box<dyn Error + Send + Sync>> {
        Ok(self.0.reopened())
    }

    async fn close(&self, store: MemoryStore) {
        drop(store);
    }
}

/// SQLite in memory, which is empty whenever it is opened.
pub(crate) struct SqliteInMemory;

#[async_trait]
impl Backend for SqliteInMemory {
    type Store = Store;

    async fn open(&self) -> Result<Store, Box<dyn Error + Send + Sync>> {
        Ok(Store::open(StoreOptions::new("sqlite::memory:")).await?)
    }

    async fn close(&self, store: Store) {
        store.close().await;
    }
}

/// SQLite in a file that is deleted with the value.
pub(crate) struct SqliteFile {
    directory: TempDir,
}

impl SqliteFile {
    pub(crate) fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    pub(crate) fn options(&self) -> StoreOptions {
        options(&self.path())
    }
}

/// The options for a database file.
pub(crate) fn options(path: &std::path::Path) -> StoreOptions {
    StoreOptions::new(format!("sqlite:{}", path.display()))
}

#[async_trait]
impl Backend for SqliteFile {
    type Store = Store;

    async fn open(&self) -> Result<Store, Box<dyn Error + Send + Sync>> {
        Ok(Store::open(self.options()).await?)
    }

    async fn close(&self, store: Store) {
        store.close().await;
    }
}

/// A database of a PostgreSQL server.
#[cfg(unix)]
pub(crate) struct Postgres(pub(crate) PostgresDatabase);

#[cfg(unix)]
impl Postgres {
    /// None where it is not installed.
    pub(crate) fn new() -> Option<Self> {
        PostgresDatabase::create().unwrap().map(Self)
    }

    pub(crate) fn options(&self) -> StoreOptions {
        StoreOptions::new(self.0.url())
    }
}

#[cfg(unix)]
#[async_trait]
impl Backend for Postgres {
    type Store = Store;

    async fn open(&self) -> Result<Store, Box<dyn Error + Send + Sync>> {
        Ok(Store::open(self.options()).await?)
    }

    async fn close(&self, store: Store) {
        store.close().await;
    }
}
