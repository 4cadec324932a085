//! Creates `idempotency_keys`.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string, text},
};

use super::table::create_table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum IdempotencyKeys {
    Table,
    Tenant,
    Key,
    Fingerprint,
    ResourceId,
    ExpiresAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let keys = Table::create()
            .table(IdempotencyKeys::Table)
            .col(string(IdempotencyKeys::Tenant))
            .col(text(IdempotencyKeys::Key))
            .col(string(IdempotencyKeys::Fingerprint))
            .col(string(IdempotencyKeys::ResourceId))
            .col(big_integer(IdempotencyKeys::ExpiresAt))
            .primary_key(
                Index::create()
                    .col(IdempotencyKeys::Tenant)
                    .col(IdempotencyKeys::Key),
            )
            .take();
        create_table(manager, keys).await?;
        manager
            .create_index(index("idempotency_keys_expired", IdempotencyKeys::ExpiresAt))
            .await?;
        manager
            .create_index(index("idempotency_keys_of_resource", IdempotencyKeys::ResourceId))
            .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn index(name: &str, column: IdempotencyKeys) -> IndexCreateStatement {
    Index::create()
        .name(name)
        .table(IdempotencyKeys::Table)
        .col(column)
        .take()
}
