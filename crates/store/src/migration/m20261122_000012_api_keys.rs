//! Creates `api_keys`.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, string, text},
};

use super::table::create_table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum ApiKeys {
    Table,
    Id,
    Tenant,
    Role,
    Name,
    Hash,
    CreatedAt,
    RevokedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let keys = Table::create()
            .table(ApiKeys::Table)
            .col(string(ApiKeys::Id).primary_key())
            .col(string(ApiKeys::Tenant))
            .col(string(ApiKeys::Role))
            .col(text(ApiKeys::Name))
            .col(string(ApiKeys::Hash))
            .col(big_integer(ApiKeys::CreatedAt))
            .col(big_integer_null(ApiKeys::RevokedAt))
            .take();
        create_table(manager, keys).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
