//! The registry of agents.

use agentchains_ports::{AgentKey, AgentRecord, AgentStore, Creation, Idempotency, StoreError};
use async_trait::async_trait;
use sea_orm::{DatabaseTransaction, EntityTrait, QueryOrder, sea_query::OnConflict};

use crate::{
    Store,
    entity::agent::{ActiveModel, Column, Entity},
    error::store_error,
    idempotency,
    mapping::{agent_model, agent_record, key_columns, micros},
};

/// What idempotency keys have made when they have made an agent. No execution and no workflow has such an id.
fn resource_id(agent: &AgentKey) -> String {
    format!("agent {}", agent.agent_id())
}

async fn create(
    tx: &DatabaseTransaction,
    record: AgentRecord,
    idempotency: Option<Idempotency>,
) -> Result<Option<Creation<AgentRecord>>, StoreError> {
    let present = Entity::find_by_id(key_columns(&record.key))
        .one(tx)
        .await
        .map_err(store_error)?;
    let present = present.map(agent_record).transpose()?;
    if let Some(key) = idempotency {
        let resource_id = resource_id(&record.key);
        let tenant = record.key.tenant().unwrap_or_default();
        let key = idempotency::key_model(tenant, key, resource_id.clone());
        let now = micros(record.created_at);
        let used = idempotency::used(tx, &[&key], now).await.map_err(store_error)?;
        if let Some(earlier) = used.into_values().next() {
            let is_same = earlier.fingerprint == key.fingerprint && earlier.resource_id == resource_id;
            let made = present.filter(|_| is_same);
            return Ok(Some(made.map_or(Creation::KeyReused, Creation::Replayed)));
        }
        if present.is_none() {
            idempotency::first_use(tx, key, now).await?;
        }
    }
    if present.is_some() {
        return Ok(None);
    }
    let row = ActiveModel::from(agent_model(&record)?);
    Entity::insert(row)
        .exec_without_returning(tx)
        .await
        .map_err(store_error)?;
    Ok(Some(Creation::Created(record)))
}

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

    async fn create_agent(
        &self,
        record: &AgentRecord,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<Creation<AgentRecord>>, StoreError> {
        let record = record.clone();
        self.write(move |tx| Box::pin(async move { create(tx, record, idempotency).await }))
            .await
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
