//! Creates `webhooks` and `webhook_deliveries`. No foreign key leads from one to the other: an event that is recorded while
//! a webhook is removed must not keep its execution from going on.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, string, string_null, text, text_null, unsigned},
};

use super::table::{create_table, of_execution};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Webhooks {
    Table,
    Id,
    Tenant,
    Url,
    Events,
    WorkflowId,
    Secret,
    IsDeclared,
    CreatedAt,
    DisabledAt,
    FailedAt,
    Failure,
}

#[derive(DeriveIden)]
enum WebhookDeliveries {
    Table,
    WebhookId,
    ExecutionId,
    Seq,
    Failures,
    DueAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, webhooks()).await?;
        create_table(manager, deliveries()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn webhooks() -> TableCreateStatement {
    Table::create()
        .table(Webhooks::Table)
        .col(string(Webhooks::Id).primary_key())
        .col(string(Webhooks::Tenant))
        .col(text(Webhooks::Url))
        .col(text(Webhooks::Events))
        .col(string_null(Webhooks::WorkflowId))
        .col(text(Webhooks::Secret))
        .col(boolean(Webhooks::IsDeclared))
        .col(big_integer(Webhooks::CreatedAt))
        .col(big_integer_null(Webhooks::DisabledAt))
        .col(big_integer_null(Webhooks::FailedAt))
        .col(text_null(Webhooks::Failure))
        .take()
}

fn deliveries() -> TableCreateStatement {
    use WebhookDeliveries::{DueAt, ExecutionId, Failures, Seq, WebhookId};

    Table::create()
        .table(WebhookDeliveries::Table)
        .col(string(WebhookId))
        .col(string(ExecutionId))
        .col(big_integer(Seq))
        .col(unsigned(Failures))
        .col(big_integer(DueAt))
        .primary_key(Index::create().col(WebhookId).col(ExecutionId).col(Seq))
        .foreign_key(&mut of_execution(WebhookDeliveries::Table, ExecutionId))
        .take()
}

/// What is due, and what goes with an execution.
fn indexes() -> [IndexCreateStatement; 2] {
    use WebhookDeliveries::{DueAt, ExecutionId, Seq, WebhookId};

    let index = |name: &str| Index::create().name(name).table(WebhookDeliveries::Table).take();
    [
        index("webhook_deliveries_due")
            .col(WebhookId)
            .col(DueAt)
            .col(ExecutionId)
            .col(Seq)
            .take(),
        index("webhook_deliveries_of_execution").col(ExecutionId).take(),
    ]
}
