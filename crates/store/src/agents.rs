//! The registry of agents.

use agentchains_ports::{AgentKey, AgentRecord, AgentStore, StoreError};
use async_trait::async_trait;
use sea_orm::{EntityTrait, QueryOrder, sea_query::OnConflict};

use crate::{
    Store,
    entity::agent::{ActiveModel, Column, Entity},
    error::store_error,
    mapping::{agent_model, agent_record, key_columns},
};

#[async_trait]
impl AgentStore for Store {
    async fn load_agents(&self) -> Result<Vec<AgentRecord>, StoreError> {
        let rows = Entity::find()
            .order_by_asc(Column::AgentId)
            .order_by_asc(Column::Tenant)
            .all(self.reader())
            .await
            .map_err(store_error)?;
        rows.into_iter().map(agent_record).collect()
    }

    async fn save_agent(&self, record: &AgentRecord) -> Result<(), StoreError> {
        let row = ActiveModel::from(agent_model(record)?);
        let replace = OnConflict::columns([Column::Tenant, Column::AgentId])
            .update_columns([
                Column::Definition,
                Column::Revision,
                Column::CreatedAt,
                Column::UpdatedAt,
            ])
            .to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                let insert = Entity::insert(row).on_conflict(replace);
                insert.exec_without_returning(tx).await.map_err(store_error)?;
                Ok(())
            })
        })
        .await
    }

    async fn delete_agent(&self, agent: &AgentKey) -> Result<bool, StoreError> {
        let id = key_columns(agent);
        self.write(move |tx| {
            Box::pin(async move {
                let deleted = Entity::delete_by_id(id).exec(tx).await.map_err(store_error)?;
                Ok(deleted.rows_affected > 0)
            })
        })
        .await
    }
}
