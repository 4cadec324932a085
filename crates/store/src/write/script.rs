//! A script: the rows that a transaction writes into several tables.
//!
//! A connection behind a thread or a network takes as many rows as it can in one statement, in few different numbers, so
//! that the texts are few and the database finds each of them prepared. On the direct connection each row is
//! a statement of its own, prepared once.

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait,
    Statement, Value,
    sea_query::{DeleteStatement, Expr, InsertStatement, OnConflict, Query, UpdateStatement},
};

use crate::backend::GroupTransaction;

/// The most rows of one statement. No table has so many columns that it would bind more values than a database allows,
/// which is 32,766 for SQLite, and twice that for PostgreSQL.
const MAX_ROWS: usize = 128;

/// The values of one row.
pub(super) type Row = Vec<Value>;

/// Statements that belong together.
#[derive(Default)]
pub(super) struct Script {
    deletes: Vec<DeleteStatement>,
    parts: Vec<Part>,
}

/// Rows of one table.
struct Part {
    /// No other statement has it.
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(dead_code, reason = "only SQLite keeps statements by their names")
    )]
    name: &'static str,
    statement: Build,
    rows: Vec<Row>,
}

/// Makes a statement of some rows.
enum Build {
    Insert(fn(Vec<Row>) -> InsertStatement, Option<&'static OnConflict>),
    Update(fn(Vec<Row>) -> UpdateStatement),
}

impl Script {
    /// Deletes rows, before anything is written.
    pub(super) fn delete(&mut self, statement: DeleteStatement) {
        self.deletes.push(statement);
    }

    /// Adds rows of one table.
    pub(super) fn insert<'m, M>(
        &mut self,
        models: impl Iterator<Item = &'m M>,
        on_conflict: Option<&'static OnConflict>,
    ) where
        M: ModelTrait + 'm,
    {
        let row = |model: &M| columns::<M::Entity>().map(|column| model.get(column)).collect();
        self.parts.push(Part {
            name: M::Entity::default().as_str(),
            statement: Build::Insert(insert_into::<M::Entity>, on_conflict),
            rows: models.map(row).collect(),
        });
    }

    /// Changes rows of one table, each once.
    pub(super) fn update(
        &mut self,
        name: &'static str,
        rows: Vec<Row>,
        update: fn(Vec<Row>) -> UpdateStatement,
    ) {
        self.parts.push(Part {
            name,
            statement: Build::Update(update),
            rows,
        });
    }

    /// Runs it. False when some row was not written, as its own condition did not allow it.
    pub(super) async fn run(&self, tx: &GroupTransaction) -> Result<bool, DbErr> {
        let written = match tx {
            GroupTransaction::Connection(transaction) => self.run_on(transaction).await?,
            #[cfg(feature = "sqlite")]
            GroupTransaction::Direct { transaction, .. } => {
                for statement in &self.deletes {
                    transaction.execute(&DbBackend::Sqlite.build(statement))?;
                }
                let write = |part: &Part| {
                    let of_one_row = |row| part.statement(DbBackend::Sqlite, vec![row]);
                    transaction.write(part.name, &part.rows, of_one_row)
                };
                self.parts.iter().map(write).sum::<Result<usize, _>>()?
            }
        };
        let wanted: usize = self.parts.iter().map(|part| part.rows.len()).sum();
        Ok(written == wanted)
    }

    async fn run_on(&self, tx: &DatabaseTransaction) -> Result<usize, DbErr> {
        for statement in &self.deletes {
            tx.execute(statement).await?;
        }
        let mut written = 0;
        for part in &self.parts {
            let mut left = part.rows.as_slice();
            for size in sizes(left.len()) {
                let (rows, rest) = left.split_at(size);
                left = rest;
                let statement = part.statement(tx.get_database_backend(), rows.to_vec());
                written += tx.execute_raw(statement).await?.rows_affected();
            }
        }
        Ok(usize::try_from(written).unwrap_or(usize::MAX))
    }
}

impl Part {
    fn statement(&self, backend: DbBackend, rows: Vec<Row>) -> Statement {
        match &self.statement {
            Build::Insert(insert, on_conflict) => {
                let mut statement = insert(rows);
                if let Some(on_conflict) = on_conflict {
                    statement.on_conflict((*on_conflict).clone());
                }
                backend.build(&statement)
            }
            Build::Update(update) => backend.build(&update(rows)),
        }
    }
}

fn insert_into<E: EntityTrait>(rows: Vec<Row>) -> InsertStatement {
    let mut insert = Query::insert();
    insert.into_table(E::default()).columns(columns::<E>());
    for row in rows {
        insert.values_panic(row.into_iter().map(Expr::value));
    }
    insert
}

fn columns<E: EntityTrait>() -> impl Iterator<Item = E::Column> {
    E::Column::iter()
}

/// In how many statements that many rows are written, and how many each takes: a number of which all but the first three
/// binary digits are zero. There are 24 of these, and two of them make most numbers.
fn sizes(rows: usize) -> Vec<usize> {
    let mut left = rows;
    let next = || {
        let most = left.min(MAX_ROWS);
        let zeros = most.checked_ilog2()?.saturating_sub(2);
        let size = most >> zeros << zeros;
        left -= size;
        Some(size)
    };
    std::iter::from_fn(next).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rows_are_written_in_few_statements_of_few_sizes() {
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(7), [7]);
        assert_eq!(sizes(29), [28, 1]);
        assert_eq!(sizes(300), [128, 128, 40, 4]);
        let all: BTreeSet<usize> = (1..=1_000).flat_map(sizes).collect();
        assert_eq!(all.len(), 24);
    }
}
