//! Creates `workflows` and `workflow_versions`.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, string, text, text_null, unsigned},
};

use super::table::create_table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Workflows {
    Table,
    Id,
    Tenant,
    Name,
    NameFolded,
    Description,
    Version,
    Archived,
    Published,
    CreatedAt,
    UpdatedAt,
}

#[derive(DeriveIden)]
enum WorkflowVersions {
    Table,
    WorkflowId,
    Version,
    Document,
    Hash,
    CreatedBy,
    CreatedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, workflows()).await?;
        create_table(manager, workflow_versions()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn workflows() -> TableCreateStatement {
    Table::create()
        .table(Workflows::Table)
        .col(string(Workflows::Id).primary_key())
        .col(string(Workflows::Tenant))
        .col(text(Workflows::Name))
        .col(text(Workflows::NameFolded))
        .col(text_null(Workflows::Description))
        .col(unsigned(Workflows::Version))
        .col(boolean(Workflows::Archived))
        .col(boolean(Workflows::Published))
        .col(big_integer(Workflows::CreatedAt))
        .col(big_integer(Workflows::UpdatedAt))
        .take()
}

fn workflow_versions() -> TableCreateStatement {
    Table::create()
        .table(WorkflowVersions::Table)
        .col(string(WorkflowVersions::WorkflowId))
        .col(unsigned(WorkflowVersions::Version))
        .col(text(WorkflowVersions::Document))
        .col(string(WorkflowVersions::Hash))
        .col(text(WorkflowVersions::CreatedBy))
        .col(big_integer(WorkflowVersions::CreatedAt))
        .primary_key(
            Index::create()
                .col(WorkflowVersions::WorkflowId)
                .col(WorkflowVersions::Version),
        )
        .foreign_key(
            ForeignKey::create()
                .from(WorkflowVersions::Table, WorkflowVersions::WorkflowId)
                .to(Workflows::Table, Workflows::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}

/// One for each way in which workflows are listed or looked for: per tenant, and by name.
fn indexes() -> [IndexCreateStatement; 2] {
    use Workflows::{Id, Name, Tenant};

    let on_workflows = |name: &str| Index::create().name(name).table(Workflows::Table).take();
    [
        on_workflows("workflows_newest_first").col(Tenant).col(Id).take(),
        on_workflows("workflows_by_name")
            .col(Tenant)
            .col(Name)
            .col(Id)
            .take(),
    ]
}
