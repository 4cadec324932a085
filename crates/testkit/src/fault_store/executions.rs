//! The write path of executions.

use agentchains_machine::{Changes, ExecutionId};
use agentchains_ports::{
    Claimed, Commit, CommitError, Creation, ExecutionStore, Fence, Idempotency, Interrupted, StoreError,
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::FaultStore;

#[async_trait]
impl<S: ExecutionStore> ExecutionStore for FaultStore<S> {
    async fn create(
        &self,
        changes: Changes,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<(ExecutionId, Fence)>, StoreError> {
        self.pass("create", self.inner.create(changes, idempotency)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.pass("commit", self.inner.commit(commit)).await
    }

    async fn claim(&self, id: ExecutionId) -> Result<Option<Claimed>, StoreError> {
        self.pass("claim", self.inner.claim(id)).await
    }

    async fn interrupted(
        &self,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<Interrupted>, StoreError> {
        self.pass("interrupted", self.inner.interrupted(after, limit))
            .await
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<ExecutionId>, StoreError> {
        self.pass("due", self.inner.due(now, limit)).await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.pass("next_wake", self.inner.next_wake()).await
    }
}
