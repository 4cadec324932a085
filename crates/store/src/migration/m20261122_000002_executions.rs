//! Creates `executions`, with their inputs and the index of their labels.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, string, string_null, text, text_null, unsigned},
};

use super::table::{create_table, of_execution};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Executions {
    Table,
    Id,
    Tenant,
    WorkflowId,
    WorkflowVersion,
    Status,
    PauseReason,
    Ending,
    Output,
    Error,
    MaxBudget,
    OnBudget,
    Spent,
    Reserved,
    CostKnown,
    Labels,
    InitiatedBy,
    ParentExecutionId,
    RootExecutionId,
    ParentPath,
    Depth,
    ParentWaits,
    ParentBudgets,
    ParentHolds,
    ForkedFrom,
    CreatedAt,
    StartedAt,
    FinishedAt,
    Deadline,
    WakeAt,
    LastSeq,
    InFlight,
    Children,
    NodesTotal,
    NodesSettled,
    IsDriven,
    Recoveries,
    Revision,
    LeaseEpoch,
}

#[derive(DeriveIden)]
enum ExecutionInputs {
    Table,
    ExecutionId,
    Input,
}

#[derive(DeriveIden)]
enum ExecutionLabels {
    Table,
    ExecutionId,
    Name,
    Value,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, executions()).await?;
        create_table(manager, inputs()).await?;
        create_table(manager, labels()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn executions() -> TableCreateStatement {
    Table::create()
        .table(Executions::Table)
        .col(string(Executions::Id).primary_key())
        .col(string(Executions::Tenant))
        .col(string(Executions::WorkflowId))
        .col(unsigned(Executions::WorkflowVersion))
        .col(string(Executions::Status))
        .col(string_null(Executions::PauseReason))
        .col(text_null(Executions::Ending))
        .col(text_null(Executions::Output))
        .col(text_null(Executions::Error))
        .col(big_integer_null(Executions::MaxBudget))
        .col(string(Executions::OnBudget))
        .col(big_integer(Executions::Spent))
        .col(big_integer(Executions::Reserved))
        .col(boolean(Executions::CostKnown))
        .col(text(Executions::Labels))
        .col(text(Executions::InitiatedBy))
        .col(string_null(Executions::ParentExecutionId))
        .col(string(Executions::RootExecutionId))
        .col(text_null(Executions::ParentPath))
        .col(unsigned(Executions::Depth))
        .col(boolean(Executions::ParentWaits))
        .col(text_null(Executions::ParentBudgets))
        .col(boolean(Executions::ParentHolds))
        .col(string_null(Executions::ForkedFrom))
        .col(big_integer(Executions::CreatedAt))
        .col(big_integer_null(Executions::StartedAt))
        .col(big_integer_null(Executions::FinishedAt))
        .col(big_integer_null(Executions::Deadline))
        .col(big_integer_null(Executions::WakeAt))
        .col(big_integer(Executions::LastSeq))
        .col(unsigned(Executions::InFlight))
        .col(unsigned(Executions::Children))
        .col(unsigned(Executions::NodesTotal))
        .col(unsigned(Executions::NodesSettled))
        .col(boolean(Executions::IsDriven))
        .col(unsigned(Executions::Recoveries))
        .col(big_integer(Executions::Revision))
        .col(big_integer(Executions::LeaseEpoch))
        .take()
}

fn inputs() -> TableCreateStatement {
    Table::create()
        .table(ExecutionInputs::Table)
        .col(string(ExecutionInputs::ExecutionId).primary_key())
        .col(text(ExecutionInputs::Input))
        .foreign_key(&mut of_execution(
            ExecutionInputs::Table,
            ExecutionInputs::ExecutionId,
        ))
        .take()
}

fn labels() -> TableCreateStatement {
    Table::create()
        .table(ExecutionLabels::Table)
        .col(string(ExecutionLabels::ExecutionId))
        .col(string(ExecutionLabels::Name))
        .col(text(ExecutionLabels::Value))
        .primary_key(
            Index::create()
                .col(ExecutionLabels::ExecutionId)
                .col(ExecutionLabels::Name),
        )
        .foreign_key(&mut of_execution(
            ExecutionLabels::Table,
            ExecutionLabels::ExecutionId,
        ))
        .take()
}

/// One for each way in which executions are listed or looked for: per tenant, of a workflow, in a status,
/// interrupted, due, ended, below a parent, in a tree, and by label. A parent that was deleted is still named by its
/// children, so no foreign key leads there.
fn indexes() -> [IndexCreateStatement; 9] {
    use Executions::{
        FinishedAt, Id, IsDriven, LeaseEpoch, ParentExecutionId, RootExecutionId, Status, Tenant, WakeAt,
        WorkflowId,
    };

    let on_executions = |name: &str| Index::create().name(name).table(Executions::Table).take();
    [
        on_executions("executions_newest_first")
            .col(Tenant)
            .col(Id)
            .take(),
        on_executions("executions_of_workflow")
            .col(Tenant)
            .col(WorkflowId)
            .col(Id)
            .take(),
        on_executions("executions_in_status")
            .col(Tenant)
            .col(Status)
            .col(Id)
            .take(),
        on_executions("executions_driven")
            .col(Id)
            .col(LeaseEpoch)
            .and_where(Expr::col(IsDriven))
            .take(),
        on_executions("executions_due")
            .col(WakeAt)
            .col(Id)
            .and_where(Expr::col(WakeAt).is_not_null())
            .take(),
        on_executions("executions_ended")
            .col(FinishedAt)
            .col(Id)
            .and_where(Expr::col(FinishedAt).is_not_null())
            .take(),
        on_executions("executions_of_parent")
            .col(ParentExecutionId)
            .col(Id)
            .and_where(Expr::col(ParentExecutionId).is_not_null())
            .take(),
        on_executions("executions_in_tree").col(RootExecutionId).take(),
        Index::create()
            .name("execution_labels_by_value")
            .table(ExecutionLabels::Table)
            .col(ExecutionLabels::Name)
            .col(ExecutionLabels::Value)
            .col(ExecutionLabels::ExecutionId)
            .take(),
    ]
}
