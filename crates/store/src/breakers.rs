//! Circuit breakers.

use agentchains_ports::{
    AgentKey, BreakerRecord, BreakerSnapshot, BreakerStore, MAX_KEPT_BREAKERS, StoreError,
};
use async_trait::async_trait;
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Store,
    entity::breaker::{Column, Entity},
    error::store_error,
    mapping::{breaker_record, breaker_row, key_columns},
};

#[async_trait]
impl BreakerStore for Store {
    async fn save_breaker(&self, agent: &AgentKey, snapshot: &BreakerSnapshot) -> Result<(), StoreError> {
        let row = breaker_row(agent, snapshot)?;
        let agent = agent.clone();
        self.write(move |tx| {
            Box::pin(async move {
                delete(tx, &agent).await.map_err(store_error)?;
                let inserted = Entity::insert(row).exec(tx).await.map_err(store_error)?;
                forget_before(tx, inserted.last_insert_id)
                    .await
                    .map_err(store_error)
            })
        })
        .await
    }

    async fn delete_breaker(&self, agent: &AgentKey) -> Result<(), StoreError> {
        let agent = agent.clone();
        self.write(move |tx| Box::pin(async move { delete(tx, &agent).await.map_err(store_error) }))
            .await
    }

    async fn load_breakers(&self, after: u64, limit: u32) -> Result<Vec<BreakerRecord>, StoreError> {
        let rows = Entity::find()
            // No change has a higher number than the database knows.
            .filter(Column::Change.gt(i64::try_from(after).unwrap_or(i64::MAX)))
            .order_by_asc(Column::Change)
            .limit(u64::from(limit))
            .all(self.reader())
            .await
            .map_err(store_error)?;
        rows.into_iter().map(breaker_record).collect()
    }
}

async fn delete(tx: &DatabaseTransaction, agent: &AgentKey) -> Result<(), DbErr> {
    let (tenant, agent_id) = key_columns(agent);
    let of_agent = Entity::delete_many()
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Tenant.eq(tenant));
    of_agent.exec(tx).await.map(drop)
}

/// Keeps the table from growing without end: each breaker has one change, so that those among the last so many
/// changes are so many at the most.
async fn forget_before(tx: &DatabaseTransaction, last: i64) -> Result<(), DbErr> {
    let oldest = last.saturating_sub(i64::from(MAX_KEPT_BREAKERS));
    let older = Entity::delete_many().filter(Column::Change.lte(oldest));
    older.exec(tx).await.map(drop)
}
