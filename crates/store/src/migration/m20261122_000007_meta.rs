//! Creates `meta`, where the epoch of the last process to open the database is kept.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string},
};

use super::table::create_table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Meta {
    Table,
    Name,
    Value,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let meta = Table::create()
            .table(Meta::Table)
            .col(string(Meta::Name).primary_key())
            .col(big_integer(Meta::Value))
            .take();
        create_table(manager, meta).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
