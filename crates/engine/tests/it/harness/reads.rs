//! What the faulty store passes on as it is.

use agentchains_engine::{
    cost::Budget,
    machine::{
        ApprovalId, ApprovalRow, AttemptRow, Event, ExecutionId, ExecutionRow, NodeRow, Snapshot, WorkflowId,
    },
    ports::{
        ApprovalFilter, Change, Creation, ExecutionFilter, ExecutionQuery, History, HistoryRequest,
        Idempotency, Ledger, NewVersion, Page, PageRequest, PurseId, StoreError, VersionRecord,
        WorkflowFilter, WorkflowRecord, WorkflowStore,
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::FaultyStore;

#[async_trait]
impl ExecutionQuery for FaultyStore {
    async fn execution(&self, tenant: &str, id: ExecutionId) -> Result<Option<ExecutionRow>, StoreError> {
        self.inner().execution(tenant, id).await
    }

    async fn executions(
        &self,
        tenant: &str,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionRow>, StoreError> {
        self.inner().executions(tenant, filter, page).await
    }

    async fn count_executions(&self, tenant: &str, filter: &ExecutionFilter) -> Result<u64, StoreError> {
        self.inner().count_executions(tenant, filter).await
    }

    async fn children(&self, parent: ExecutionId) -> Result<Vec<ExecutionRow>, StoreError> {
        self.inner().children(parent).await
    }

    async fn has_children(&self, parent: ExecutionId) -> Result<bool, StoreError> {
        self.inner().has_children(parent).await
    }

    async fn count_in_tree(&self, root: ExecutionId) -> Result<u64, StoreError> {
        Ok(self.counted_elsewhere() + self.inner().count_in_tree(root).await?)
    }

    async fn snapshot(&self, tenant: &str, id: ExecutionId) -> Result<Option<Snapshot>, StoreError> {
        self.inner().snapshot(tenant, id).await
    }

    async fn nodes(&self, id: ExecutionId) -> Result<Vec<NodeRow>, StoreError> {
        self.inner().nodes(id).await
    }

    async fn waiting_nodes(&self, id: ExecutionId) -> Result<Vec<NodeRow>, StoreError> {
        self.inner().waiting_nodes(id).await
    }

    async fn purse(&self, id: &PurseId) -> Result<Option<Budget>, StoreError> {
        self.inner().purse(id).await
    }

    async fn attempts(&self, id: ExecutionId) -> Result<Vec<AttemptRow>, StoreError> {
        self.inner().attempts(id).await
    }

    async fn ledger(&self, tenant: &str, id: ExecutionId) -> Result<Option<Ledger>, StoreError> {
        self.inner().ledger(tenant, id).await
    }

    async fn events(&self, id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.inner().events(id, after_seq, limit).await
    }

    async fn history(&self, tenant: &str, wanted: &HistoryRequest) -> Result<History, StoreError> {
        self.inner().history(tenant, wanted).await
    }

    async fn approval(&self, tenant: &str, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        self.inner().approval(tenant, id).await
    }

    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        page: &PageRequest,
    ) -> Result<Page<ApprovalRow>, StoreError> {
        self.inner().approvals(tenant, filter, page).await
    }

    async fn delete_terminal(&self, tenant: &str, id: ExecutionId) -> Result<bool, StoreError> {
        self.inner().delete_terminal(tenant, id).await
    }

    async fn ended_before(
        &self,
        moment: Timestamp,
        limit: u32,
    ) -> Result<Vec<(String, ExecutionId)>, StoreError> {
        self.inner().ended_before(moment, limit).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.inner().ping().await
    }
}

#[async_trait]
impl WorkflowStore for FaultyStore {
    async fn create_workflow(
        &self,
        tenant: &str,
        id: WorkflowId,
        version: NewVersion,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<WorkflowRecord>, StoreError> {
        self.inner()
            .create_workflow(tenant, id, version, idempotency)
            .await
    }

    async fn add_version(
        &self,
        tenant: &str,
        id: WorkflowId,
        seen: Option<u32>,
        version: NewVersion,
    ) -> Result<Change<WorkflowRecord>, StoreError> {
        self.inner().add_version(tenant, id, seen, version).await
    }

    async fn archive_workflow(
        &self,
        tenant: &str,
        id: WorkflowId,
        seen: Option<u32>,
        now: Timestamp,
    ) -> Result<Change<()>, StoreError> {
        self.inner().archive_workflow(tenant, id, seen, now).await
    }

    async fn set_published(
        &self,
        tenant: &str,
        id: WorkflowId,
        published: bool,
    ) -> Result<Option<WorkflowRecord>, StoreError> {
        self.inner().set_published(tenant, id, published).await
    }

    async fn workflow(&self, tenant: &str, id: WorkflowId) -> Result<Option<WorkflowRecord>, StoreError> {
        self.inner().workflow(tenant, id).await
    }

    async fn find_by_name(&self, tenant: &str, name: &str) -> Result<Option<WorkflowRecord>, StoreError> {
        self.inner().find_by_name(tenant, name).await
    }

    async fn workflows(
        &self,
        tenant: &str,
        filter: &WorkflowFilter,
        page: &PageRequest,
    ) -> Result<Page<WorkflowRecord>, StoreError> {
        self.inner().workflows(tenant, filter, page).await
    }

    async fn version(&self, id: WorkflowId, version: u32) -> Result<Option<VersionRecord>, StoreError> {
        self.inner().version(id, version).await
    }

    async fn versions(&self, id: WorkflowId, page: &PageRequest) -> Result<Page<VersionRecord>, StoreError> {
        self.inner().versions(id, page).await
    }
}
