//! How a migration makes a table, and ties its rows to their execution.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{
    SchemaManager,
    prelude::{DeriveIden, Iden},
    sea_query::{
        ColumnDef, ColumnType, ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, TableCreateStatement,
        TableName, TableRef,
    },
};

#[derive(DeriveIden)]
enum Executions {
    Table,
    Id,
}

/// The key by which rows of a table belong to an execution, and go with it.
pub(super) fn of_execution(table: impl Iden, column: impl Iden) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, column)
        .to(Executions::Table, Executions::Id)
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

/// Makes a table whose text is compared byte by byte, on every database: lists are in the order of their ids, and go on
/// after the last of them. PostgreSQL would compare it by the rules of the language that its database was made for.
pub(super) async fn create_table(
    manager: &SchemaManager<'_>,
    mut table: TableCreateStatement,
) -> Result<(), DbErr> {
    // A table is its key's tree then, and not another one beside it. Only a number that counts itself needs the latter.
    let counts = |column: &ColumnDef| column.get_column_spec().auto_increment;
    if manager.get_database_backend() == DbBackend::Sqlite && !table.get_columns().iter().any(counts) {
        table.extra("WITHOUT ROWID");
    }
    let in_byte_order = match manager.get_database_backend() {
        DbBackend::Postgres => in_byte_order(&table),
        _ => None,
    };
    manager.create_table(table).await?;
    if let Some(sql) = in_byte_order {
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// The statement that does so, where a table has text.
fn in_byte_order(table: &TableCreateStatement) -> Option<String> {
    let Some(TableRef::Table(TableName(_, name), _)) = table.get_table_name() else {
        return None;
    };
    let is_text = |column: &&ColumnDef| {
        matches!(
            column.get_column_type(),
            Some(ColumnType::Text | ColumnType::String(_))
        )
    };
    let changes: Vec<String> = table
        .get_columns()
        .iter()
        .filter(is_text)
        .map(|column| {
            let column = column.get_column_name();
            format!("ALTER COLUMN \"{column}\" TYPE text COLLATE \"C\"")
        })
        .collect();
    (!changes.is_empty()).then(|| format!("ALTER TABLE \"{name}\" {}", changes.join(", ")))
}
