//! Creates `agents`.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string, text, unsigned},
};

use super::table::create_table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Agents {
    Table,
    AgentId,
    Definition,
    Revision,
    CreatedAt,
    UpdatedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let agents = Table::create()
            .table(Agents::Table)
            .col(string(Agents::AgentId).primary_key())
            .col(text(Agents::Definition))
            .col(unsigned(Agents::Revision))
            .col(big_integer(Agents::CreatedAt))
            .col(big_integer(Agents::UpdatedAt))
            .take();
        create_table(manager, agents).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
