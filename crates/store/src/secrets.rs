//! Sealed secrets.

use agentchains_ports::{SealedSecret, SecretStore, StoreError};
use async_trait::async_trait;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, sea_query::OnConflict};

use crate::{
    Store,
    entity::secret::{Column, Entity},
    error::store_error,
    mapping::{sealed_secret, secret_model},
};

#[async_trait]
impl SecretStore for Store {
    async fn secret(&self, tenant: &str, name: &str) -> Result<Option<SealedSecret>, StoreError> {
        let row = Entity::find_by_id((tenant.to_owned(), name.to_owned()))
            .one(self.reader())
            .await
            .map_err(store_error)?;
        row.map(sealed_secret).transpose()
    }

    async fn secrets(&self, tenant: &str) -> Result<Vec<SealedSecret>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Tenant.eq(tenant))
            .order_by_asc(Column::Name)
            .all(self.reader())
            .await
            .map_err(store_error)?;
        rows.into_iter().map(sealed_secret).collect()
    }

    async fn save_secret(&self, tenant: &str, secret: &SealedSecret) -> Result<(), StoreError> {
        let row = secret_model(tenant, secret).into_active_model();
        let replace = OnConflict::columns([Column::Tenant, Column::Name])
            .update_columns([Column::Sealed, Column::UpdatedAt])
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

    async fn delete_secret(&self, tenant: &str, name: &str) -> Result<bool, StoreError> {
        let id = (tenant.to_owned(), name.to_owned());
        self.write(move |tx| {
            Box::pin(async move {
                let deleted = Entity::delete_by_id(id).exec(tx).await.map_err(store_error)?;
                Ok(deleted.rows_affected > 0)
            })
        })
        .await
    }
}
