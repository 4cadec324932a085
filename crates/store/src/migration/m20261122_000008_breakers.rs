//! Creates `breakers`.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string, text},
};

use super::table::create_table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Breakers {
    Table,
    Change,
    Tenant,
    AgentId,
    Snapshot,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let breakers = Table::create()
            .table(Breakers::Table)
            .col(big_integer(Breakers::Change).primary_key().auto_increment())
            .col(string(Breakers::Tenant))
            .col(string(Breakers::AgentId))
            .col(text(Breakers::Snapshot))
            .index(
                Index::create()
                    .unique()
                    .col(Breakers::AgentId)
                    .col(Breakers::Tenant),
            )
            .take();
        create_table(manager, breakers).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
