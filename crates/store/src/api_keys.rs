//! API keys.

use agentchains_ports::{ApiKey, ApiKeyStore, StoreError};
use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, sea_query::Expr,
};

use crate::{
    Store,
    entity::api_key::{Column, Entity},
    error::store_error,
    mapping::{api_key, api_key_model, micros},
};

#[async_trait]
impl ApiKeyStore for Store {
    async fn add_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let row = api_key_model(key).into_active_model();
        self.write(move |tx| {
            Box::pin(async move {
                let insert = Entity::insert(row);
                insert.exec_without_returning(tx).await.map_err(store_error)?;
                Ok(())
            })
        })
        .await
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let row = Entity::find_by_id(id).one(self.reader()).await;
        row.map_err(store_error)?.map(api_key).transpose()
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = Entity::find()
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .all(self.reader())
            .await
            .map_err(store_error)?;
        rows.into_iter().map(api_key).collect()
    }

    async fn revoke_api_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                let first = Expr::col(Column::RevokedAt).if_null(micros(now));
                let revoked = Entity::update_many()
                    .col_expr(Column::RevokedAt, first)
                    .filter(Column::Id.eq(id))
                    .exec(tx)
                    .await
                    .map_err(store_error)?;
                Ok(revoked.rows_affected > 0)
            })
        })
        .await
    }
}
