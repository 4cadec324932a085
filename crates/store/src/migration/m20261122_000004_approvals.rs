//! Creates `approvals`.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, string, text, text_null, unsigned},
};

use super::table::{create_table, of_execution};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Approvals {
    Table,
    Id,
    Tenant,
    Kind,
    Status,
    ExecutionId,
    RootExecutionId,
    NodeId,
    Path,
    Message,
    Shown,
    ShownHash,
    Form,
    Actions,
    Approvers,
    Quorum,
    ForbidInitiator,
    Decisions,
    ExpiresAt,
    CreatedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, approvals()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn approvals() -> TableCreateStatement {
    Table::create()
        .table(Approvals::Table)
        .col(string(Approvals::Id).primary_key())
        .col(string(Approvals::Tenant))
        .col(string(Approvals::Kind))
        .col(string(Approvals::Status))
        .col(string(Approvals::ExecutionId))
        .col(string(Approvals::RootExecutionId))
        .col(string(Approvals::NodeId))
        .col(text(Approvals::Path))
        .col(text(Approvals::Message))
        .col(text(Approvals::Shown))
        .col(string(Approvals::ShownHash))
        .col(text_null(Approvals::Form))
        .col(text(Approvals::Actions))
        .col(text(Approvals::Approvers))
        .col(unsigned(Approvals::Quorum))
        .col(boolean(Approvals::ForbidInitiator))
        .col(text(Approvals::Decisions))
        .col(big_integer_null(Approvals::ExpiresAt))
        .col(big_integer(Approvals::CreatedAt))
        .foreign_key(&mut of_execution(Approvals::Table, Approvals::ExecutionId))
        .take()
}

/// One for each way in which questions are listed: all and those in a status of a tenant, those of an execution,
/// and those of a tree of executions. The last two hold the tenant, because SQLite would otherwise read all of a
/// tenant's questions for the sake of their order.
fn indexes() -> [IndexCreateStatement; 4] {
    use Approvals::{ExecutionId, Id, RootExecutionId, Status, Tenant};

    let on_approvals = |name: &str| Index::create().name(name).table(Approvals::Table).take();
    [
        on_approvals("approvals_newest_first").col(Tenant).col(Id).take(),
        on_approvals("approvals_in_status")
            .col(Tenant)
            .col(Status)
            .col(Id)
            .take(),
        on_approvals("approvals_of_execution")
            .col(ExecutionId)
            .col(Tenant)
            .col(Id)
            .take(),
        on_approvals("approvals_of_tree")
            .col(RootExecutionId)
            .col(Tenant)
            .col(Id)
            .take(),
    ]
}
