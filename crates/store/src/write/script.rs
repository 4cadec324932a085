//! A script: inserts into several tables, run in as few round trips as the database allows.
//!
//! SQLite's connection has a thread of its own, so that a round trip costs as much as the statement: a short script goes
//! there as one text. Rows are inserted in numbers that are powers of two, so that the texts are few and the database
//! finds each of them prepared.

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IntoActiveModel,
    QueryTrait, Statement, Values,
    sea_query::{OnConflict, UpdateStatement},
};

/// The most rows of one statement. No table has so many columns that it would bind more values than a database allows,
/// which is 32,766 for SQLite, and twice that for PostgreSQL.
const MAX_ROWS: usize = 128;

/// Scripts with up to so many rows are run as one text: with more of them hardly any would be run twice.
const MAX_ROWS_OF_ONE_TEXT: usize = 16;

/// Inserts that belong together.
pub(super) struct Script {
    backend: DbBackend,
    statements: Vec<Statement>,
    rows: usize,
}

impl Script {
    pub(super) fn new(tx: &DatabaseTransaction) -> Self {
        Self {
            backend: tx.get_database_backend(),
            statements: Vec::new(),
            rows: 0,
        }
    }

    /// Adds rows of one table.
    pub(super) fn insert<E>(&mut self, models: Vec<E::Model>, on_conflict: Option<&OnConflict>)
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
    {
        self.rows += models.len();
        let sizes = sizes(models.len());
        let mut models = models.into_iter().map(IntoActiveModel::into_active_model);
        for size in sizes {
            let rows: Vec<E::ActiveModel> = models.by_ref().take(size).collect();
            let mut statement = E::insert_many(rows);
            if let Some(on_conflict) = on_conflict {
                statement = statement.on_conflict(on_conflict.clone());
            }
            self.statements.push(statement.build(self.backend));
        }
    }

    /// Changes rows of one table, each once.
    pub(super) fn update<M>(&mut self, models: &[M], update: impl Fn(&[M]) -> UpdateStatement) {
        self.rows += models.len();
        let mut left = models;
        for size in sizes(models.len()) {
            let (rows, rest) = left.split_at(size);
            left = rest;
            self.statements.push(self.backend.build(&update(rows)));
        }
    }

    /// Runs it. False when some row was not written, as its own condition did not allow it.
    pub(super) async fn run(self, tx: &DatabaseTransaction) -> Result<bool, DbErr> {
        let rows = self.rows;
        let is_short = rows <= MAX_ROWS_OF_ONE_TEXT && self.backend == DbBackend::Sqlite;
        let statements = if is_short { self.joined() } else { self.statements };
        let mut written = 0;
        for statement in statements {
            written += tx.execute_raw(statement).await?.rows_affected();
        }
        Ok(usize::try_from(written) == Ok(rows))
    }

    fn joined(self) -> Vec<Statement> {
        let joined = self.statements.into_iter().reduce(|mut script, statement| {
            script.sql.push(';');
            script.sql.push_str(&statement.sql);
            let values = script.values.get_or_insert_with(|| Values(Vec::new()));
            values
                .0
                .extend(statement.values.into_iter().flat_map(|values| values.0));
            script
        });
        joined.into_iter().collect()
    }
}

/// In how many statements that many rows are written, and how many each takes.
fn sizes(rows: usize) -> Vec<usize> {
    let mut left = rows;
    let next = || {
        let size = 1 << left.min(MAX_ROWS).checked_ilog2()?;
        left -= size;
        Some(size)
    };
    std::iter::from_fn(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_in_powers_of_two() {
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(7), [4, 2, 1]);
        assert_eq!(sizes(300), [128, 128, 32, 8, 4]);
    }
}
