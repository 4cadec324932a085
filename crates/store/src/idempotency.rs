//! Idempotency keys: of all requests of a tenant with the same key, the first has its effect.

use std::collections::HashMap;

use agentchains_ports::{Idempotency, StoreError};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait,
    IntoActiveModel, QueryFilter, QueryTrait, sea_query::DeleteStatement,
};

use crate::{
    entity::idempotency_key::{Column, Entity, Model},
    error::store_error,
    mapping::micros,
};

/// Keys that were used, by tenant and key.
pub(crate) type UsedKeys = HashMap<(String, String), Model>;

/// The row of a key; `resource_id` is what the request makes.
pub(crate) fn key_model(tenant: &str, key: Idempotency, resource_id: String) -> Model {
    Model {
        tenant: tenant.to_owned(),
        key: key.key,
        fingerprint: key.fingerprint,
        resource_id,
        expires_at: micros(key.expires_at),
    }
}

/// Forgets the keys that have expired by `now`.
pub(crate) fn forget_expired(now: i64) -> DeleteStatement {
    Entity::delete_many()
        .filter(Column::ExpiresAt.lte(now))
        .into_query()
}

/// Those of `keys` that were used and have not expired by `now`.
pub(crate) async fn used(
    connection: &impl ConnectionTrait,
    keys: &[&Model],
    now: i64,
) -> Result<UsedKeys, DbErr> {
    let any = keys.iter().fold(Condition::any(), |any, key| {
        any.add(Column::Tenant.eq(&key.tenant).and(Column::Key.eq(&key.key)))
    });
    let used = Entity::find()
        .filter(any)
        .filter(Column::ExpiresAt.gt(now))
        .all(connection)
        .await?;
    Ok(used
        .into_iter()
        .map(|row| ((row.tenant.clone(), row.key.clone()), row))
        .collect())
}

/// Who used a key before, in a transaction that uses it: it is noted as used now where nobody has.
pub(crate) async fn first_use(
    tx: &DatabaseTransaction,
    key: Model,
    now: i64,
) -> Result<Option<Model>, StoreError> {
    tx.execute(&forget_expired(now)).await.map_err(store_error)?;
    let used = used(tx, &[&key], now).await.map_err(store_error)?;
    if let Some(earlier) = used.into_values().next() {
        return Ok(Some(earlier));
    }
    let row = key.into_active_model();
    Entity::insert(row)
        .exec_without_returning(tx)
        .await
        .map_err(store_error)?;
    Ok(None)
}
