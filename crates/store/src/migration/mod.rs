//! The schema, one file for each migration. A migration that was released never changes; a later one corrects it.
//!
//! All that are missing run in one transaction together with the notes that they ran, so that a crash leaves nothing
//! half done and a new database costs one sync. There is no way back: a database is restored from a copy, not migrated down.

mod m20261122_000001_workflows;
mod m20261122_000002_executions;
mod m20261122_000003_execution_parts;
mod m20261122_000004_approvals;
mod m20261122_000005_agents;
mod m20261122_000006_idempotency_keys;
mod m20261122_000007_meta;
mod m20261122_000008_breakers;
mod m20261122_000009_purses;
mod m20261122_000010_secrets;
mod m20261122_000011_large_values;
mod m20261122_000012_api_keys;
mod m20261122_000013_webhooks;
mod table;

use sea_orm::{DatabaseConnection, DbErr, TransactionTrait as _};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_workflows::Migration),
            Box::new(m20261122_000002_executions::Migration),
            Box::new(m20261122_000003_execution_parts::Migration),
            Box::new(m20261122_000004_approvals::Migration),
            Box::new(m20261122_000005_agents::Migration),
            Box::new(m20261122_000006_idempotency_keys::Migration),
            Box::new(m20261122_000007_meta::Migration),
            Box::new(m20261122_000008_breakers::Migration),
            Box::new(m20261122_000009_purses::Migration),
            Box::new(m20261122_000010_secrets::Migration),
            Box::new(m20261122_000011_large_values::Migration),
            Box::new(m20261122_000012_api_keys::Migration),
            Box::new(m20261122_000013_webhooks::Migration),
        ]
    }
}

/// Brings a database to the present schema.
pub(crate) async fn up(database: &DatabaseConnection) -> Result<(), DbErr> {
    let transaction = database.begin().await?;
    Migrator::up(&transaction, None).await?;
    transaction.commit().await
}
