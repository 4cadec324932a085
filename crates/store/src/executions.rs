//! The write path of executions, and which of them want to be driven.

use std::slice;

use agentchains_machine::{Changes, ExecutionId};
use agentchains_ports::{
    Claimed, Commit, CommitError, Creation, ExecutionStore, Fence, Idempotency, Interrupted, StoreError,
};
use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, TransactionTrait, sea_query::Expr,
};

use crate::{
    Store,
    entity::{
        execution::{Column, Entity, Model},
        execution_input,
    },
    error::store_error,
    idempotency::key_model,
    large,
    mapping::{
        Rows, count, execution_row, input_model, label_models, micros, moment, number, seed_models, word,
    },
    query::snapshot,
    terminal::not_terminal,
    write::NewRows,
};

/// The revision of an execution that was recorded and not changed since.
const FIRST_REVISION: u64 = 1;

#[async_trait]
impl ExecutionStore for Store {
    async fn create(
        &self,
        changes: Changes,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<(ExecutionId, Fence)>, StoreError> {
        let row = &changes.execution;
        let fence = Fence {
            epoch: self.epoch(),
            revision: FIRST_REVISION,
        };
        let mut rows = Rows::of(&changes, fence)?;
        self.subscriptions().record(&changes, &mut rows);
        let mut input = input_model(&changes)?;
        let mut seeds = seed_models(&changes)?;
        large::take_out(slice::from_mut(&mut input), &mut rows.large_values);
        large::take_out(&mut seeds, &mut rows.large_values);
        let new = NewRows {
            id: row.id,
            fence,
            rows,
            input,
            labels: label_models(&changes),
            seeds,
            key: idempotency.map(|key| key_model(&row.tenant, key, row.id.to_string())),
        };
        self.writer().create(new).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let mut rows = Rows::of(&commit.changes, commit.fence.advanced())?;
        self.subscriptions().record(&commit.changes, &mut rows);
        self.writer().commit(rows, commit.purses).await
    }

    async fn claim(&self, id: ExecutionId) -> Result<Option<Claimed>, StoreError> {
        let epoch = count("executions.lease_epoch", self.epoch())?;
        if let Some(claimed) = self.claimed(id, epoch).await? {
            return Ok(Some(claimed));
        }
        let after_crash = self.is_after_crash();
        self.write(move |tx| Box::pin(claim(tx, id, epoch, after_crash)))
            .await
    }

    async fn interrupted(
        &self,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<Interrupted>, StoreError> {
        let mut query = Entity::find()
            .filter(Column::IsDriven.into_expr())
            .filter(Column::LeaseEpoch.lt(count("executions.lease_epoch", self.epoch())?));
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after.to_string()));
        }
        let found: Vec<(String, String, i64)> = query
            .select_only()
            .columns([Column::Id, Column::RootExecutionId, Column::Recoveries])
            .order_by_asc(Column::Id)
            .limit(u64::from(limit))
            .into_tuple()
            .all(self.reader())
            .await
            .map_err(store_error)?;
        let interrupted = |(id, root, recoveries): (String, String, i64)| {
            Ok(Interrupted {
                id: word("executions.id", &id)?,
                root: word("executions.root_execution_id", &root)?,
                recoveries: number("executions.recoveries", recoveries)?,
            })
        };
        found.into_iter().map(interrupted).collect()
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<ExecutionId>, StoreError> {
        let ids = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::WakeAt.lte(micros(now)))
            .filter(not_terminal())
            .order_by_asc(Column::WakeAt)
            .order_by_asc(Column::Id)
            .limit(u64::from(limit));
        read_ids(ids.into_tuple().all(self.reader()).await)
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        let earliest: Option<i64> = Entity::find()
            .select_only()
            .column(Column::WakeAt)
            .filter(Column::WakeAt.is_not_null())
            .filter(not_terminal())
            .order_by_asc(Column::WakeAt)
            .limit(1)
            .into_tuple()
            .one(self.reader())
            .await
            .map_err(store_error)?;
        earliest
            .map(|micros| moment("executions.wake_at", micros))
            .transpose()
    }
}

impl Store {
    /// An execution that is under the present lease already, as one is that was parked by this process. Nothing need be
    /// written then, so that many can be read at the same time. If somebody else changed it between the queries, the
    /// fence would refuse whatever follows from what was read.
    async fn claimed(&self, id: ExecutionId, epoch: i64) -> Result<Option<Claimed>, StoreError> {
        let connection = self.reader();
        let found = Entity::find_by_id(id.to_string())
            .filter(Column::LeaseEpoch.eq(epoch))
            .filter(not_terminal())
            .find_also_related(execution_input::Entity);
        match large::rows(connection, found).await?.pop() {
            Some(found) => with_parts(connection, found).await.map(Some),
            None => Ok(None),
        }
    }
}

/// An execution with what belongs to it.
async fn with_parts<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    found: (Model, Option<execution_input::Model>),
) -> Result<Claimed, StoreError> {
    let (execution, fence) = execution_row(found)?;
    let snapshot = snapshot::of_execution(connection, execution).await?;
    Ok(Claimed { fence, snapshot })
}

/// Puts an execution under the present lease. It writes nothing when it is there already.
async fn claim(
    tx: &DatabaseTransaction,
    id: ExecutionId,
    epoch: i64,
    after_crash: bool,
) -> Result<Option<Claimed>, StoreError> {
    let recovered = Expr::case(
        Column::IsDriven.into_expr(),
        Column::Recoveries.into_expr().add(i32::from(after_crash)),
    )
    .finally(Column::Recoveries.into_expr());
    Entity::update_many()
        .col_expr(Column::LeaseEpoch, Expr::value(epoch))
        .col_expr(Column::Recoveries, recovered.into())
        .filter(Column::Id.eq(id.to_string()))
        .filter(Column::LeaseEpoch.lt(epoch))
        .filter(not_terminal())
        .exec(tx)
        .await
        .map_err(store_error)?;
    let found = Entity::find_by_id(id.to_string())
        .filter(not_terminal())
        .find_also_related(execution_input::Entity);
    let Some(found) = large::rows(tx, found).await?.pop() else {
        return Ok(None);
    };
    with_parts(tx, found).await.map(Some)
}

fn read_ids(ids: Result<Vec<String>, DbErr>) -> Result<Vec<ExecutionId>, StoreError> {
    ids.map_err(store_error)?
        .iter()
        .map(|id| word("executions.id", id))
        .collect()
}
