//! Creates `large_values`, and which executions use them.

use sea_orm_migration::{
    prelude::*,
    schema::{string, text},
};

use super::table::{create_table, of_execution};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum LargeValues {
    Table,
    Hash,
    Body,
}

#[derive(DeriveIden)]
enum LargeValueUses {
    Table,
    ExecutionId,
    Hash,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, values()).await?;
        create_table(manager, uses()).await?;
        let by_hash = Index::create()
            .name("large_value_uses_by_hash")
            .table(LargeValueUses::Table)
            .col(LargeValueUses::Hash)
            .take();
        manager.create_index(by_hash).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn values() -> TableCreateStatement {
    Table::create()
        .table(LargeValues::Table)
        .col(string(LargeValues::Hash).primary_key())
        .col(text(LargeValues::Body))
        .take()
}

/// A use goes with its execution, and a value cannot go before its uses.
fn uses() -> TableCreateStatement {
    Table::create()
        .table(LargeValueUses::Table)
        .col(string(LargeValueUses::ExecutionId))
        .col(string(LargeValueUses::Hash))
        .primary_key(
            Index::create()
                .col(LargeValueUses::ExecutionId)
                .col(LargeValueUses::Hash),
        )
        .foreign_key(&mut of_execution(
            LargeValueUses::Table,
            LargeValueUses::ExecutionId,
        ))
        .foreign_key(
            ForeignKey::create()
                .from(LargeValueUses::Table, LargeValueUses::Hash)
                .to(LargeValues::Table, LargeValues::Hash),
        )
        .take()
}
