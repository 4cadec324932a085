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
    Tenant,
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
            .col(string(Agents::Tenant))
            .col(string(Agents::AgentId))
            .col(text(Agents::Definition))
            .col(unsigned(Agents::Revision))
            .col(big_integer(Agents::CreatedAt))
            .col(big_integer(Agents::UpdatedAt))
            .primary_key(Index::create().col(Agents::Tenant).col(Agents::AgentId))
            .take();
        create_table(manager, agents).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
