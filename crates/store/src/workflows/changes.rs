//! What happens in the transactions that change workflows.

use agentchains_machine::WorkflowId;
use agentchains_ports::{Change, Creation, Idempotency, NewVersion, StoreError, WorkflowRecord};
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, Select,
};

use crate::{
    entity::{idempotency_key, workflow},
    error::store_error,
    idempotency,
    mapping::{folded, micros, version_model, workflow_model, workflow_record},
};

/// Stores the first version of a workflow, unless its key was used before.
pub(super) async fn create(
    tx: &DatabaseTransaction,
    tenant: &str,
    id: WorkflowId,
    version: NewVersion,
    idempotency: Option<Idempotency>,
) -> Result<Creation<WorkflowRecord>, StoreError> {
    if let Some(key) = idempotency {
        let key = idempotency::key_model(tenant, key, id.to_string());
        let fingerprint = key.fingerprint.clone();
        if let Some(earlier) = idempotency::first_use(tx, key, micros(version.now)).await? {
            return replay(tx, &fingerprint, &earlier).await;
        }
    }
    let workflow = workflow_model(tenant, id, &version);
    insert(tx, workflow.clone()).await?;
    insert(tx, version_model(id, workflow.version, version)).await?;
    workflow_record(workflow).map(Creation::Created)
}

/// Answers a request whose key was used before.
async fn replay(
    tx: &DatabaseTransaction,
    fingerprint: &str,
    earlier: &idempotency_key::Model,
) -> Result<Creation<WorkflowRecord>, StoreError> {
    if earlier.fingerprint != fingerprint {
        return Ok(Creation::KeyReused);
    }
    let made = workflow::Entity::find_by_id(&earlier.resource_id)
        .one(tx)
        .await
        .map_err(store_error)?;
    // Where there is none, what the key made is no workflow.
    made.map_or(Ok(Creation::KeyReused), |made| {
        workflow_record(made).map(Creation::Replayed)
    })
}

/// Stores the next version.
pub(super) async fn add_version(
    tx: &DatabaseTransaction,
    tenant: &str,
    id: WorkflowId,
    seen: Option<u32>,
    version: NewVersion,
) -> Result<Change<WorkflowRecord>, StoreError> {
    let Some(mut workflow) = of_tenant(tenant, id).one(tx).await.map_err(store_error)? else {
        return Ok(Change::Absent);
    };
    if seen.is_some_and(|seen| i64::from(seen) != workflow.version) {
        return Ok(Change::Stale);
    }
    workflow.version = workflow
        .version
        .checked_add(1)
        .ok_or_else(|| StoreError::Corrupt {
            place: "workflows.version",
            source: "there is no number left for another version".into(),
        })?;
    workflow.name.clone_from(&version.name);
    workflow.name_folded = folded(&version.name);
    workflow.description.clone_from(&version.description);
    workflow.archived = false;
    workflow.updated_at = micros(version.now);
    insert(tx, version_model(id, workflow.version, version)).await?;
    update(tx, workflow.clone()).await?;
    workflow_record(workflow).map(Change::Done)
}

/// Archives a workflow that is not archived.
pub(super) async fn archive(
    tx: &DatabaseTransaction,
    tenant: &str,
    id: WorkflowId,
    seen: Option<u32>,
    now: Timestamp,
) -> Result<Change<()>, StoreError> {
    let Some(mut workflow) = of_tenant(tenant, id).one(tx).await.map_err(store_error)? else {
        return Ok(Change::Absent);
    };
    if seen.is_some_and(|seen| i64::from(seen) != workflow.version) {
        return Ok(Change::Stale);
    }
    if !workflow.archived {
        workflow.archived = true;
        workflow.updated_at = micros(now);
        update(tx, workflow).await?;
    }
    Ok(Change::Done(()))
}

/// Publishes a workflow, or does so no longer.
pub(super) async fn set_published(
    tx: &DatabaseTransaction,
    tenant: &str,
    id: WorkflowId,
    published: bool,
) -> Result<Option<WorkflowRecord>, StoreError> {
    let Some(mut workflow) = of_tenant(tenant, id).one(tx).await.map_err(store_error)? else {
        return Ok(None);
    };
    if workflow.published != published {
        workflow.published = published;
        update(tx, workflow.clone()).await?;
    }
    workflow_record(workflow).map(Some)
}

/// The query for a workflow of a tenant.
pub(super) fn of_tenant(tenant: &str, id: WorkflowId) -> Select<workflow::Entity> {
    workflow::Entity::find_by_id(id.to_string()).filter(workflow::Column::Tenant.eq(tenant))
}

async fn insert<M>(tx: &DatabaseTransaction, row: M) -> Result<(), StoreError>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
{
    let insert = <M::Entity as EntityTrait>::insert(row.into_active_model());
    insert.exec_without_returning(tx).await.map_err(store_error)?;
    Ok(())
}

async fn update(tx: &DatabaseTransaction, row: workflow::Model) -> Result<(), StoreError> {
    let row = row.into_active_model().reset_all();
    workflow::Entity::update(row)
        .exec(tx)
        .await
        .map_err(store_error)?;
    Ok(())
}
