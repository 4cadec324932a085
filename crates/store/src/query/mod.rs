//! Reading executions and what belongs to them.

mod approvals;
mod executions;
mod history;
mod ledger;
mod nodes;
mod purses;
pub(crate) mod snapshot;

use agentchains_cost::Budget;
use agentchains_machine::{
    ApprovalId, ApprovalRow, AttemptRow, Event, ExecutionId, ExecutionRow, NodeRow, Snapshot,
};
use agentchains_ports::{
    ApprovalFilter, ExecutionFilter, ExecutionQuery, History, HistoryRequest, Ledger, Page, PageRequest,
    PurseId, StoreError, compare_attempts,
};
use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Store,
    entity::{attempt, event, execution, node, purse},
    error::{closed, store_error},
    large,
    mapping::{self, attempt_row},
    terminal::terminal,
};

#[async_trait]
impl ExecutionQuery for Store {
    async fn execution(&self, tenant: &str, id: ExecutionId) -> Result<Option<ExecutionRow>, StoreError> {
        executions::one(self.reader(), tenant, id).await
    }

    async fn executions(
        &self,
        tenant: &str,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionRow>, StoreError> {
        executions::list(self.reader(), tenant, filter, page).await
    }

    async fn count_executions(&self, tenant: &str, filter: &ExecutionFilter) -> Result<u64, StoreError> {
        executions::count(self.reader(), tenant, filter).await
    }

    async fn children(&self, parent: ExecutionId) -> Result<Vec<ExecutionRow>, StoreError> {
        executions::children(self.reader(), parent).await
    }

    async fn has_children(&self, parent: ExecutionId) -> Result<bool, StoreError> {
        executions::has_children(self.reader(), parent).await
    }

    async fn count_in_tree(&self, root: ExecutionId) -> Result<u64, StoreError> {
        executions::count_in_tree(self.reader(), root).await
    }

    async fn snapshot(&self, tenant: &str, id: ExecutionId) -> Result<Option<Snapshot>, StoreError> {
        let tx = self.begin_read().await?;
        match executions::one(&tx, tenant, id).await? {
            Some(execution) => snapshot::of_execution(&tx, execution).await.map(Some),
            None => Ok(None),
        }
    }

    async fn nodes(&self, id: ExecutionId) -> Result<Vec<NodeRow>, StoreError> {
        nodes::of_execution(self.reader(), id).await
    }

    async fn waiting_nodes(&self, id: ExecutionId) -> Result<Vec<NodeRow>, StoreError> {
        nodes::waiting(self.reader(), id).await
    }

    async fn purse(&self, id: &PurseId) -> Result<Option<Budget>, StoreError> {
        purses::one(self.reader(), id).await
    }

    async fn attempts(&self, id: ExecutionId) -> Result<Vec<AttemptRow>, StoreError> {
        use attempt::Column::ExecutionId;

        let rows = attempt::Entity::find()
            .filter(ExecutionId.eq(id.to_string()))
            .all(self.reader())
            .await
            .map_err(store_error)?;
        let mut attempts = rows.into_iter().map(attempt_row).collect::<Result<Vec<_>, _>>()?;
        attempts.sort_by(compare_attempts);
        Ok(attempts)
    }

    async fn ledger(&self, tenant: &str, id: ExecutionId) -> Result<Option<Ledger>, StoreError> {
        let tx = self.begin_read().await?;
        ledger::of_tree(&tx, tenant, id).await
    }

    async fn events(&self, id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        use event::Column::{ExecutionId, Seq};

        // No event has a number that does not fit.
        let Ok(after_seq) = i64::try_from(after_seq) else {
            return Ok(Vec::new());
        };
        let rows = event::Entity::find()
            .filter(ExecutionId.eq(id.to_string()))
            .filter(Seq.gt(after_seq))
            .order_by_asc(Seq)
            .limit(u64::from(limit));
        let rows = large::rows(self.reader(), rows).await?;
        rows.into_iter().map(mapping::event).collect()
    }

    async fn history(&self, tenant: &str, wanted: &HistoryRequest) -> Result<History, StoreError> {
        let tx = self.begin_read().await?;
        history::of_version(&tx, tenant, wanted).await
    }

    async fn approval(&self, tenant: &str, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        approvals::one(self.reader(), tenant, id).await
    }

    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        page: &PageRequest,
    ) -> Result<Page<ApprovalRow>, StoreError> {
        let tx = self.begin_read().await?;
        approvals::list(&tx, tenant, filter, page).await
    }

    async fn delete_terminal(&self, tenant: &str, id: ExecutionId) -> Result<bool, StoreError> {
        let tenant = tenant.to_owned();
        self.write(move |tx| Box::pin(async move { delete_terminal(tx, &tenant, id).await }))
            .await
    }

    async fn ended_before(
        &self,
        moment: Timestamp,
        limit: u32,
    ) -> Result<Vec<(String, ExecutionId)>, StoreError> {
        executions::ended_before(self.reader(), moment, limit).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        if self.writer().is_closed() {
            return Err(closed());
        }
        self.reader().ping().await.map_err(store_error)?;
        self.writer().probe().await
    }
}

/// Deletes an execution with its parts, its purse and the large values that nothing else uses. Most parts go with it by
/// their foreign keys; those that every commit writes have none, which would be looked up for each of their rows. The key of the request that started it stays: the same request again must not start another one.
async fn delete_terminal(
    tx: &DatabaseTransaction,
    tenant: &str,
    id: ExecutionId,
) -> Result<bool, StoreError> {
    let id_text = id.to_string();
    let large_values = large::used_by(tx, &id_text).await.map_err(store_error)?;
    let deleted = execution::Entity::delete_by_id(&id_text)
        .filter(execution::Column::Tenant.eq(tenant))
        .filter(terminal())
        .exec(tx)
        .await
        .map_err(store_error)?;
    if deleted.rows_affected == 0 {
        return Ok(false);
    }
    delete_often_written(tx, &id_text).await.map_err(store_error)?;
    purse::Entity::delete_by_id(PurseId::of_execution(id).as_str())
        .exec(tx)
        .await
        .map_err(store_error)?;
    large::delete_unused(tx, &large_values)
        .await
        .map_err(store_error)?;
    Ok(true)
}

async fn delete_often_written(tx: &DatabaseTransaction, id: &str) -> Result<(), DbErr> {
    node::Entity::delete_many()
        .filter(node::Column::ExecutionId.eq(id))
        .exec(tx)
        .await?;
    attempt::Entity::delete_many()
        .filter(attempt::Column::ExecutionId.eq(id))
        .exec(tx)
        .await?;
    event::Entity::delete_many()
        .filter(event::Column::ExecutionId.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}
