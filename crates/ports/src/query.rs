//! Reading executions.

use std::collections::BTreeMap;

use agentchains_cost::Budget;
use agentchains_machine::{
    ApprovalId, ApprovalRow, ApprovalStatus, AttemptRow, Event, ExecutionId, ExecutionRow, ExecutionStatus,
    NodeRow, Snapshot, WorkflowId,
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::{History, HistoryRequest, Ledger, Page, PageRequest, PurseId, StoreError};

/// Which executions are wanted; empty fields do not restrict.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExecutionFilter {
    /// Of this workflow.
    pub workflow_id: Option<WorkflowId>,
    /// In one of these statuses.
    pub statuses: Vec<ExecutionStatus>,
    /// With all of these labels.
    pub labels: BTreeMap<String, String>,
    /// Created after this moment.
    pub started_after: Option<Timestamp>,
    /// Created before this moment.
    pub started_before: Option<Timestamp>,
}

/// Which questions are wanted; empty fields do not restrict.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ApprovalFilter {
    /// In this status.
    pub status: Option<ApprovalStatus>,
    /// Of this execution.
    pub execution_id: Option<ExecutionId>,
    /// Of the executions in the tree whose top this one is, itself included.
    pub root_execution_id: Option<ExecutionId>,
}

/// Reads what was committed. An id of another tenant is an id that does not exist.
///
/// Every method's `StoreError` says that the store could not be read.
#[async_trait]
pub trait ExecutionQuery: Send + Sync + 'static {
    /// One execution.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn execution(&self, tenant: &str, id: ExecutionId) -> Result<Option<ExecutionRow>, StoreError>;

    /// Executions, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn executions(
        &self,
        tenant: &str,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionRow>, StoreError>;

    /// How many executions there are of those that are wanted.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn count_executions(&self, tenant: &str, filter: &ExecutionFilter) -> Result<u64, StoreError>;

    /// The child executions that an execution has started, ascending, without those that they started in turn.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn children(&self, parent: ExecutionId) -> Result<Vec<ExecutionRow>, StoreError>;

    /// Whether there are any.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn has_children(&self, parent: ExecutionId) -> Result<bool, StoreError>;

    /// How many executions there are in the tree whose top `root` is, itself included.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn count_in_tree(&self, root: ExecutionId) -> Result<u64, StoreError>;

    /// The rows of an execution as they were at one moment, terminal or not. Nothing is taken over by it.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn snapshot(&self, tenant: &str, id: ExecutionId) -> Result<Option<Snapshot>, StoreError>;

    /// The nodes of an execution that have a row, in the order of [`compare_nodes`](crate::compare_nodes). A node
    /// without one is pending.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn nodes(&self, id: ExecutionId) -> Result<Vec<NodeRow>, StoreError>;

    /// Those of them that wait for something, or for which a child execution runs, in the same order.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn waiting_nodes(&self, id: ExecutionId) -> Result<Vec<NodeRow>, StoreError>;

    /// A purse as it stands: its limit, what is spent and what is reserved. `None` where it is not kept.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn purse(&self, id: &PurseId) -> Result<Option<Budget>, StoreError>;

    /// The attempts of an execution, in the order of [`compare_attempts`](crate::compare_attempts).
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn attempts(&self, id: ExecutionId) -> Result<Vec<AttemptRow>, StoreError>;

    /// What an execution and everything below it were charged and have reserved, all of it as it was at one moment.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn ledger(&self, tenant: &str, id: ExecutionId) -> Result<Option<Ledger>, StoreError>;

    /// The events of an execution from the one after `after_seq` on, ascending.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn events(&self, id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<Event>, StoreError>;

    /// What the newest executions of a version that completed have cost and taken, and their nodes.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn history(&self, tenant: &str, wanted: &HistoryRequest) -> Result<History, StoreError>;

    /// One question.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn approval(&self, tenant: &str, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError>;

    /// Questions, pending ones first, then newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        page: &PageRequest,
    ) -> Result<Page<ApprovalRow>, StoreError>;

    /// Forgets a terminal execution with everything that belongs to it. False when there is none such.
    ///
    /// Its child executions, and those that were made from it, are executions of their own: they stay, and go on
    /// naming it.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn delete_terminal(&self, tenant: &str, id: ExecutionId) -> Result<bool, StoreError>;

    /// Terminal executions that ended before that moment, the one that ended first before the others, with their tenants.
    /// Not those of a tree that still runs: what is above them may ask for them again.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn ended_before(
        &self,
        moment: Timestamp,
        limit: u32,
    ) -> Result<Vec<(String, ExecutionId)>, StoreError>;

    /// Whether the store can be read and written.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot.
    async fn ping(&self) -> Result<(), StoreError>;
}
