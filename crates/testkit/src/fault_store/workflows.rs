//! Workflows, and circuit breakers.

use agentchains_machine::WorkflowId;
use agentchains_ports::{
    AgentKey, BreakerRecord, BreakerSnapshot, BreakerStore, Change, Creation, Idempotency, NewVersion, Page,
    PageRequest, StoreError, VersionRecord, WorkflowFilter, WorkflowRecord, WorkflowStore,
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::FaultStore;

#[async_trait]
impl<S: WorkflowStore> WorkflowStore for FaultStore<S> {
    async fn create_workflow(
        &self,
        tenant: &str,
        id: WorkflowId,
        version: NewVersion,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<WorkflowRecord>, StoreError> {
        let call = self.inner.create_workflow(tenant, id, version, idempotency);
        self.pass("create_workflow", call).await
    }

    async fn add_version(
        &self,
        tenant: &str,
        id: WorkflowId,
        seen: Option<u32>,
        version: NewVersion,
    ) -> Result<Change<WorkflowRecord>, StoreError> {
        let call = self.inner.add_version(tenant, id, seen, version);
        self.pass("add_version", call).await
    }

    async fn archive_workflow(
        &self,
        tenant: &str,
        id: WorkflowId,
        seen: Option<u32>,
        now: Timestamp,
    ) -> Result<Change<()>, StoreError> {
        let call = self.inner.archive_workflow(tenant, id, seen, now);
        self.pass("archive_workflow", call).await
    }

    async fn set_published(
        &self,
        tenant: &str,
        id: WorkflowId,
        published: bool,
    ) -> Result<Option<WorkflowRecord>, StoreError> {
        let call = self.inner.set_published(tenant, id, published);
        self.pass("set_published", call).await
    }

    async fn workflow(&self, tenant: &str, id: WorkflowId) -> Result<Option<WorkflowRecord>, StoreError> {
        self.pass("workflow", self.inner.workflow(tenant, id)).await
    }

    async fn find_by_name(&self, tenant: &str, name: &str) -> Result<Option<WorkflowRecord>, StoreError> {
        self.pass("find_by_name", self.inner.find_by_name(tenant, name))
            .await
    }

    async fn workflows(
        &self,
        tenant: &str,
        filter: &WorkflowFilter,
        page: &PageRequest,
    ) -> Result<Page<WorkflowRecord>, StoreError> {
        self.pass("workflows", self.inner.workflows(tenant, filter, page))
            .await
    }

    async fn version(&self, id: WorkflowId, version: u32) -> Result<Option<VersionRecord>, StoreError> {
        self.pass("version", self.inner.version(id, version)).await
    }

    async fn versions(&self, id: WorkflowId, page: &PageRequest) -> Result<Page<VersionRecord>, StoreError> {
        self.pass("versions", self.inner.versions(id, page)).await
    }
}

#[async_trait]
impl<S: BreakerStore> BreakerStore for FaultStore<S> {
    async fn save_breaker(&self, agent: &AgentKey, snapshot: &BreakerSnapshot) -> Result<(), StoreError> {
        self.pass("save_breaker", self.inner.save_breaker(agent, snapshot))
            .await
    }

    async fn delete_breaker(&self, agent: &AgentKey) -> Result<(), StoreError> {
        self.pass("delete_breaker", self.inner.delete_breaker(agent))
            .await
    }

    async fn load_breakers(&self, after: u64, limit: u32) -> Result<Vec<BreakerRecord>, StoreError> {
        self.pass("load_breakers", self.inner.load_breakers(after, limit))
            .await
    }
}
