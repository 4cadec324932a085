//! Durable state of executions: the write path.

use agentchains_machine::{Changes, Event, ExecutionId, ExecutionRow, Snapshot};
use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;

use crate::{PurseChange, PurseId};

/// Why the store did not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It cannot at the moment; trying again later may help.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What it holds cannot be understood.
    #[error("the database holds something unexpected in {place}")]
    Corrupt {
        /// Table and column.
        place: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A list was asked to go on from a cursor that it did not give out.
    #[error(transparent)]
    Cursor(#[from] crate::InvalidCursor),
}

impl StoreError {
    /// The error with what caused it, for the log: that may name files and hosts, which callers need not know.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

/// Why a commit was not made. In every case nothing of it was written.
#[derive(Debug, Error)]
pub enum CommitError {
    /// Another writer has taken the execution over, or went first. The machine must be dropped.
    #[error("the execution was changed by another writer")]
    Fenced,
    /// A purse has no room for what is to be reserved. The machine must be dropped.
    #[error("purse {0} has no room for what is to be reserved")]
    OverBudget(PurseId),
    /// The store failed; the same commit may be tried again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a writer must still hold for its commit to count: rule 4, every write is fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The lease under which the execution was claimed.
    pub epoch: u64,
    /// The execution's revision that the changes were computed from.
    pub revision: u64,
}

impl Fence {
    /// The fence after one commit.
    #[must_use]
    pub const fn advanced(self) -> Self {
        Self {
            epoch: self.epoch,
            revision: self.revision + 1,
        }
    }
}

/// One execution's part of a transaction.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Under which conditions it counts.
    pub fence: Fence,
    /// What to write.
    pub changes: Changes,
    /// What it does to the purses that the execution draws from.
    pub purses: Vec<PurseChange>,
}

/// An execution that this process now owns.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// What its commits must name.
    pub fence: Fence,
    /// Its rows.
    pub snapshot: Snapshot,
}

/// An execution that an earlier process was driving when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted {
    /// Its id.
    pub id: ExecutionId,
    /// The execution at the top of its tree, which may be itself.
    pub root: ExecutionId,
    /// How often it was taken over before, since it last came any further.
    pub recoveries: u32,
}

/// A request that must have its effect once, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key.
    pub key: String,
    /// What was asked, so that the same key for something else is noticed: method, path and body, digested.
    pub fingerprint: String,
    /// When the key may be forgotten.
    pub expires_at: Timestamp,
}

/// What became of a creation.
#[derive(Debug, Clone, PartialEq)]
pub enum Creation<T> {
    /// It was made.
    Created(T),
    /// It was there already: the same request, or one for the same execution, had made it.
    Replayed(T),
    /// The key was used for another request.
    KeyReused,
}

/// Writes executions. Every method is one transaction, durable when it returns.
#[async_trait]
pub trait ExecutionStore: Send + Sync + 'static {
    /// Records an execution together with its first step. One with a budget gets a purse.
    ///
    /// Nothing is written when the idempotency key was used before, or when an execution of that id is there, and the
    /// answer names the earlier execution. An id that follows from what it is for, as a child execution's does, needs
    /// no key to have its effect once.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn create(
        &self,
        changes: Changes,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<(ExecutionId, Fence)>, StoreError>;

    /// Writes the changes of an execution. Commits that are ready at the same time share a transaction.
    ///
    /// # Errors
    /// [`CommitError`]; in each case nothing was written.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// Takes an execution over and reads its rows. `None` when it does not exist or is terminal.
    ///
    /// Where an earlier process was driving it, this counts as a recovery: before it begins, so that one which makes
    /// the process crash is counted too.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be read.
    async fn claim(&self, id: ExecutionId) -> Result<Option<Claimed>, StoreError>;

    /// Executions that an earlier process was driving when it ended, or whose child executions reported to it.
    /// Ascending, from the one after `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when they could not be read.
    async fn interrupted(
        &self,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<Interrupted>, StoreError>;

    /// Parked executions whose `wake_at` has come, earliest first.
    ///
    /// # Errors
    /// [`StoreError`] when they could not be read.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<ExecutionId>, StoreError>;

    /// The earliest `wake_at` of all.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be read.
    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError>;
}

/// Receives the events of executions once they are durable, in order within each execution.
pub trait EventSink: Send + Sync + 'static {
    /// Takes the events of one commit, and the execution as it is after that. Must not block.
    fn publish(&self, execution: &ExecutionRow, events: &[Event]);
}
