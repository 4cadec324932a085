//! A store in memory that can be told to be slow, to fail, and to forget what it knows.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agentchains_engine::{
    machine::{Changes, ExecutionId},
    ports::{
        Claimed, Commit, CommitError, Creation, ExecutionStore, Fence, Idempotency, Interrupted, StoreError,
    },
};
use agentchains_testkit::{FaultStore, MemoryStore};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

/// A [`MemoryStore`] behind faults. Clones share both.
#[derive(Clone)]
pub(crate) struct FaultyStore {
    inner: FaultStore<MemoryStore>,
    faults: Arc<Mutex<Faults>>,
    open: watch::Sender<bool>,
}

#[derive(Default)]
struct Faults {
    commits_to_fail: usize,
    commits_tried: usize,
    unreadable: BTreeSet<ExecutionId>,
    claims: Vec<ExecutionId>,
    counted_elsewhere: u64,
    creations_to_fail: usize,
    stuck: Option<ExecutionId>,
    breakers_fail: bool,
}

impl Default for FaultyStore {
    fn default() -> Self {
        Self {
            inner: FaultStore::new(MemoryStore::new()),
            faults: Arc::default(),
            open: watch::Sender::new(true),
        }
    }
}

impl FaultyStore {
    /// What it holds, past all faults.
    pub(crate) fn memory(&self) -> &MemoryStore {
        self.inner.inner()
    }

    /// What is asked in the end, where single calls can be made to fail.
    pub(crate) fn inner(&self) -> &FaultStore<MemoryStore> {
        &self.inner
    }

    pub(crate) fn reopened(&self) -> Self {
        self.faults().stuck = None;
        Self {
            inner: self.inner.in_front_of(self.memory().reopened()),
            faults: Arc::clone(&self.faults),
            open: self.open.clone(),
        }
    }

    /// Writes hang until [`Self::release`].
    pub(crate) fn hold(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn release(&self) {
        self.open.send_replace(true);
    }

    /// The next commits fail.
    pub(crate) fn fail_commits(&self, count: usize) {
        self.faults().commits_to_fail = count;
    }

    pub(crate) fn commits_tried(&self) -> usize {
        self.faults().commits_tried
    }

    /// The execution's rows cannot be understood.
    pub(crate) fn corrupt(&self, id: ExecutionId) {
        self.faults().unreadable.insert(id);
    }

    /// The executions that were taken over to be driven, in order.
    pub(crate) fn claims(&self) -> Vec<ExecutionId> {
        self.faults().claims.clone()
    }

    /// The execution's commits hang for as long as the process lives.
    pub(crate) fn hold_commits_of(&self, id: ExecutionId) {
        self.faults().stuck = Some(id);
    }

    /// Every tree is larger by so many executions than it seems.
    pub(crate) fn enlarge_trees(&self, by: u64) {
        self.faults().counted_elsewhere = by;
    }

    /// The next child executions are not recorded.
    pub(crate) fn fail_creations_of_children(&self, count: usize) {
        self.faults().creations_to_fail = count;
    }

    /// Whether circuit breakers can be neither saved nor read.
    pub(crate) fn fail_breakers(&self, fail: bool) {
        self.faults().breakers_fail = fail;
    }

    pub(crate) fn breakers_fail(&self) -> bool {
        self.faults().breakers_fail
    }

    pub(crate) fn counted_elsewhere(&self) -> u64 {
        self.faults().counted_elsewhere
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn opened(&self) {
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}

#[async_trait]
impl ExecutionStore for FaultyStore {
    async fn create(
        &self,
        changes: Changes,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<(ExecutionId, Fence)>, StoreError> {
        self.opened().await;
        {
            let mut faults = self.faults();
            if changes.execution.parent.is_some() && faults.creations_to_fail > 0 {
                faults.creations_to_fail -= 1;
                return Err(StoreError::Unavailable("the test says so".into()));
            }
        }
        self.inner.create(changes, idempotency).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.opened().await;
        if self.faults().stuck == Some(commit.changes.execution.id) {
            std::future::pending::<()>().await;
        }
        {
            let mut faults = self.faults();
            faults.commits_tried += 1;
            if faults.commits_to_fail > 0 {
                faults.commits_to_fail -= 1;
                return Err(StoreError::Unavailable("the test says so".into()).into());
            }
        }
        self.inner.commit(commit).await
    }

    async fn claim(&self, id: ExecutionId) -> Result<Option<Claimed>, StoreError> {
        self.opened().await;
        {
            let mut faults = self.faults();
            faults.claims.push(id);
            if faults.unreadable.contains(&id) {
                return Err(StoreError::Corrupt {
                    place: "executions.status",
                    source: "the test says so".into(),
                });
            }
        }
        self.inner.claim(id).await
    }

    async fn interrupted(
        &self,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<Interrupted>, StoreError> {
        self.inner.interrupted(after, limit).await
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<ExecutionId>, StoreError> {
        self.inner.due(now, limit).await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner.next_wake().await
    }
}
