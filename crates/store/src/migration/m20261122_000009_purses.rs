//! Creates `purses`. No foreign key leads to `executions`: a tenant's purse belongs to none of them.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text},
};

use super::table::create_table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Purses {
    Table,
    Id,
    MaxBudget,
    Spent,
    Reserved,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let purses = Table::create()
            .table(Purses::Table)
            .col(text(Purses::Id).primary_key())
            .col(big_integer_null(Purses::MaxBudget))
            .col(big_integer(Purses::Spent))
            .col(big_integer(Purses::Reserved))
            .take();
        create_table(manager, purses).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
