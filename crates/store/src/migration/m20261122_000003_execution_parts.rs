//! Creates what belongs to an execution and goes with it: `nodes`, `attempts`, `events` and `seeds`.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, string, string_null, text, text_null, unsigned, unsigned_null,
    },
};

use super::table::{create_table, of_execution};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Nodes {
    Table,
    ExecutionId,
    Path,
    NodeId,
    Type,
    Position,
    Status,
    State,
    Attempts,
    AttemptsBefore,
    Iteration,
    Request,
    RemoteTask,
    Cost,
    CostKnown,
    Overrun,
    Reserved,
    ChildSpent,
    ChildMaxBudget,
    Usage,
    Reused,
    ChildExecutionId,
    WakeAt,
    StartedAt,
    FinishedAt,
}

#[derive(DeriveIden)]
enum Attempts {
    Table,
    ExecutionId,
    Path,
    Number,
    AgentId,
    MessageId,
    Status,
    Reserved,
    Cost,
    CostKnown,
    Lines,
    PriceVersion,
    Overrun,
    Usage,
    Error,
    StartedAt,
    FinishedAt,
}

#[derive(DeriveIden)]
enum Events {
    Table,
    ExecutionId,
    Seq,
    Type,
    At,
    Data,
}

#[derive(DeriveIden)]
enum Seeds {
    Table,
    ExecutionId,
    Path,
    Digest,
    Output,
    Branch,
    ChildExecutionId,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, nodes()).await?;
        create_table(manager, attempts()).await?;
        create_table(manager, events()).await?;
        create_table(manager, seeds()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn nodes() -> TableCreateStatement {
    Table::create()
        .table(Nodes::Table)
        .col(string(Nodes::ExecutionId))
        .col(text(Nodes::Path))
        .col(string(Nodes::NodeId))
        .col(string(Nodes::Type))
        .col(unsigned(Nodes::Position))
        .col(string(Nodes::Status))
        .col(text(Nodes::State))
        .col(unsigned(Nodes::Attempts))
        .col(unsigned(Nodes::AttemptsBefore))
        .col(unsigned(Nodes::Iteration))
        .col(text_null(Nodes::Request))
        .col(text_null(Nodes::RemoteTask))
        .col(big_integer(Nodes::Cost))
        .col(boolean(Nodes::CostKnown))
        .col(big_integer(Nodes::Overrun))
        .col(big_integer(Nodes::Reserved))
        .col(big_integer(Nodes::ChildSpent))
        .col(big_integer_null(Nodes::ChildMaxBudget))
        .col(text_null(Nodes::Usage))
        .col(boolean(Nodes::Reused))
        .col(string_null(Nodes::ChildExecutionId))
        .col(big_integer_null(Nodes::WakeAt))
        .col(big_integer_null(Nodes::StartedAt))
        .col(big_integer_null(Nodes::FinishedAt))
        .primary_key(Index::create().col(Nodes::ExecutionId).col(Nodes::Path))
        .take()
}

fn attempts() -> TableCreateStatement {
    Table::create()
        .table(Attempts::Table)
        .col(string(Attempts::ExecutionId))
        .col(text(Attempts::Path))
        .col(unsigned(Attempts::Number))
        .col(text(Attempts::AgentId))
        .col(string(Attempts::MessageId))
        .col(string(Attempts::Status))
        .col(big_integer(Attempts::Reserved))
        .col(big_integer(Attempts::Cost))
        .col(boolean(Attempts::CostKnown))
        .col(text(Attempts::Lines))
        .col(unsigned_null(Attempts::PriceVersion))
        .col(big_integer(Attempts::Overrun))
        .col(text_null(Attempts::Usage))
        .col(text_null(Attempts::Error))
        .col(big_integer(Attempts::StartedAt))
        .col(big_integer_null(Attempts::FinishedAt))
        .primary_key(
            Index::create()
                .col(Attempts::ExecutionId)
                .col(Attempts::Path)
                .col(Attempts::Number),
        )
        .take()
}

fn events() -> TableCreateStatement {
    Table::create()
        .table(Events::Table)
        .col(string(Events::ExecutionId))
        .col(big_integer(Events::Seq))
        .col(string(Events::Type))
        .col(big_integer(Events::At))
        .col(text(Events::Data))
        .primary_key(Index::create().col(Events::ExecutionId).col(Events::Seq))
        .take()
}

fn seeds() -> TableCreateStatement {
    Table::create()
        .table(Seeds::Table)
        .col(string(Seeds::ExecutionId))
        .col(text(Seeds::Path))
        .col(string_null(Seeds::Digest))
        .col(text(Seeds::Output))
        .col(text_null(Seeds::Branch))
        .col(string_null(Seeds::ChildExecutionId))
        .primary_key(Index::create().col(Seeds::ExecutionId).col(Seeds::Path))
        .foreign_key(&mut of_execution(Seeds::Table, Seeds::ExecutionId))
        .take()
}
