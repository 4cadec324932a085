//! The store: its connections and its writer.

use std::sync::Arc;

use agentchains_ports::StoreError;
use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait};

use crate::{
    OpenError, StoreOptions,
    error::store_error,
    open::{self, Opened, Presence, unreadable},
    webhooks::Subscriptions,
    write::{Work, Writer},
};

/// A database with the rows of workflows, executions and agents. Cheap to clone.
///
/// When the last clone is dropped, what was asked for is still written, and the file is given up some time
/// later; [`Store::close`] waits for that.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    readers: DatabaseConnection,
    writer: Writer,
    subscriptions: Subscriptions,
    epoch: u64,
    after_crash: bool,
}

impl Store {
    /// Opens a database: makes the file when there is none, takes it for this process, brings its schema up to
    /// date and advances its epoch. To be called within a tokio runtime, which the store's task then lives in.
    ///
    /// # Errors
    /// [`OpenError`] says what to do about it; [`OpenError::InUse`] when another store has the file open.
    pub async fn open(options: StoreOptions) -> Result<Self, OpenError> {
        Self::with(options, Presence::Alone).await
    }

    /// Opens a database that another process may have open, to read it and to write what no execution owns, such as
    /// agents and secrets. The other process is not disturbed; where there is none, the file is made and migrated.
    /// Executions cannot be driven by it.
    ///
    /// # Errors
    /// [`OpenError`] says what to do about it; never [`OpenError::InUse`].
    pub async fn open_beside(options: StoreOptions) -> Result<Self, OpenError> {
        Self::with(options, Presence::Beside).await
    }

    async fn with(options: StoreOptions, presence: Presence) -> Result<Self, OpenError> {
        let Opened {
            writer,
            readers,
            epoch,
            after_crash,
        } = open::open(&options, presence).await?;
        let inner = Inner {
            readers: readers.clone().unwrap_or_else(|| writer.database().clone()),
            writer: Writer::start(writer, readers, epoch),
            subscriptions: Subscriptions::default(),
            epoch,
            after_crash,
        };
        let store = Self {
            inner: Arc::new(inner),
        };
        let subscribed = store.subscribe().await;
        subscribed.map_err(|error| unreadable(&options, error))?;
        Ok(store)
    }

    /// Writes what has been asked for, folds the log into the database file and gives it up. Every later call,
    /// on whichever clone, fails with [`StoreError::Unavailable`].
    pub async fn close(self) {
        self.inner.writer.close().await;
    }

    pub(crate) fn subscriptions(&self) -> &Subscriptions {
        &self.inner.subscriptions
    }

    /// The epoch of this opening: the lease under which executions are claimed.
    pub(crate) fn epoch(&self) -> u64 {
        self.inner.epoch
    }

    /// Whether the process before this one ended without closing its store.
    pub(crate) fn is_after_crash(&self) -> bool {
        self.inner.after_crash
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.inner.writer
    }

    /// For reads of one statement.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.inner.readers
    }

    /// For reads of several statements that must agree with each other.
    pub(crate) async fn begin_read(&self) -> Result<DatabaseTransaction, StoreError> {
        self.reader().begin().await.map_err(store_error)
    }

    /// Does some work in a writing transaction of its own.
    pub(crate) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'tx> FnOnce(&'tx DatabaseTransaction) -> Work<'tx, Result<T, StoreError>> + Send + 'static,
    {
        self.inner.writer.alone(work).await
    }
}
