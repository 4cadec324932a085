//! Creates `secrets`.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, blob, string},
};

use super::table::create_table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Secrets {
    Table,
    Tenant,
    Name,
    Sealed,
    CreatedAt,
    UpdatedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let secrets = Table::create()
            .table(Secrets::Table)
            .col(string(Secrets::Tenant))
            .col(string(Secrets::Name))
            .col(blob(Secrets::Sealed))
            .col(big_integer(Secrets::CreatedAt))
            .col(big_integer(Secrets::UpdatedAt))
            .primary_key(Index::create().col(Secrets::Tenant).col(Secrets::Name))
            .take();
        create_table(manager, secrets).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
