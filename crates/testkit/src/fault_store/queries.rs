//! Reading executions.

use agentchains_cost::Budget;
use agentchains_machine::{
    ApprovalId, ApprovalRow, AttemptRow, Event, ExecutionId, ExecutionRow, NodeRow, Snapshot,
};
use agentchains_ports::{
    ApprovalFilter, ExecutionFilter, ExecutionQuery, History, HistoryRequest, Ledger, Page, PageRequest,
    PurseId, StoreError,
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::FaultStore;

#[async_trait]
impl<S: ExecutionQuery> ExecutionQuery for FaultStore<S> {
    async fn execution(&self, tenant: &str, id: ExecutionId) -> Result<Option<ExecutionRow>, StoreError> {
        self.pass("execution", self.inner.execution(tenant, id)).await
    }

    async fn executions(
        &self,
        tenant: &str,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionRow>, StoreError> {
        self.pass("executions", self.inner.executions(tenant, filter, page))
            .await
    }

    async fn count_executions(&self, tenant: &str, filter: &ExecutionFilter) -> Result<u64, StoreError> {
        let counted = self.inner.count_executions(tenant, filter);
        self.pass("count_executions", counted).await
    }

    async fn children(&self, parent: ExecutionId) -> Result<Vec<ExecutionRow>, StoreError> {
        self.pass("children", self.inner.children(parent)).await
    }

    async fn has_children(&self, parent: ExecutionId) -> Result<bool, StoreError> {
        self.pass("has_children", self.inner.has_children(parent)).await
    }

    async fn count_in_tree(&self, root: ExecutionId) -> Result<u64, StoreError> {
        self.pass("count_in_tree", self.inner.count_in_tree(root)).await
    }

    async fn snapshot(&self, tenant: &str, id: ExecutionId) -> Result<Option<Snapshot>, StoreError> {
        self.pass("snapshot", self.inner.snapshot(tenant, id)).await
    }

    async fn nodes(&self, id: ExecutionId) -> Result<Vec<NodeRow>, StoreError> {
        self.pass("nodes", self.inner.nodes(id)).await
    }

    async fn waiting_nodes(&self, id: ExecutionId) -> Result<Vec<NodeRow>, StoreError> {
        self.pass("waiting_nodes", self.inner.waiting_nodes(id)).await
    }

    async fn purse(&self, id: &PurseId) -> Result<Option<Budget>, StoreError> {
        self.pass("purse", self.inner.purse(id)).await
    }

    async fn attempts(&self, id: ExecutionId) -> Result<Vec<AttemptRow>, StoreError> {
        self.pass("attempts", self.inner.attempts(id)).await
    }

    async fn ledger(&self, tenant: &str, id: ExecutionId) -> Result<Option<Ledger>, StoreError> {
        self.pass("ledger", self.inner.ledger(tenant, id)).await
    }

    async fn events(&self, id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.pass("events", self.inner.events(id, after_seq, limit)).await
    }

    async fn history(&self, tenant: &str, wanted: &HistoryRequest) -> Result<History, StoreError> {
        self.pass("history", self.inner.history(tenant, wanted)).await
    }

    async fn approval(&self, tenant: &str, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        self.pass("approval", self.inner.approval(tenant, id)).await
    }

    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        page: &PageRequest,
    ) -> Result<Page<ApprovalRow>, StoreError> {
        self.pass("approvals", self.inner.approvals(tenant, filter, page))
            .await
    }

    async fn delete_terminal(&self, tenant: &str, id: ExecutionId) -> Result<bool, StoreError> {
        self.pass("delete_terminal", self.inner.delete_terminal(tenant, id))
            .await
    }

    async fn ended_before(
        &self,
        moment: Timestamp,
        limit: u32,
    ) -> Result<Vec<(String, ExecutionId)>, StoreError> {
        self.pass("ended_before", self.inner.ended_before(moment, limit))
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.pass("ping", self.inner.ping()).await
    }
}
