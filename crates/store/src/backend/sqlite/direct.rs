//! The connection that writes executions, without a thread of its own between it and the one who writes: a round trip
//! to such a thread costs more than the statement, and a commit has a dozen.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{
    CachedStatement, Connection, OpenFlags, ToSql,
    ffi::{SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE},
    types::{Null, ToSqlOutput, ValueRef},
};
use sea_orm::{DbErr, RuntimeErr, SqlxError, Statement, Value, sea_query::Values};

use super::{
    JOURNAL_SIZE_LIMIT_BYTES, PREPARED_STATEMENTS,
    files::{Files, file_error},
};
use crate::Durability;

/// How long a transaction waits for a foreign tool. Who is refused comes again, and meanwhile others find the writer free.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// The log is copied into the database whenever it has grown by so many pages of 4 KiB. A page that changes often is
/// copied once for all its changes, and the log stays far below what it is cut back to.
const PAGES_BETWEEN_CHECKPOINTS: u32 = 4096;

/// Commits after which the log's size is looked at.
const COMMITS_BETWEEN_LOOKS: u64 = 64;

/// A log that is larger is emptied. It grows beyond the last constant while somebody reads from it whenever it could be
/// begun anew.
const MAX_LOG_BYTES: u64 = 32 << 20;

/// A connection to a database file that is there, with its schema. It blocks whoever uses it.
pub(crate) struct Direct {
    inner: Mutex<Inner>,
}

struct Inner {
    connection: Connection,
    files: Files,
    commits: u64,
    /// The statements that write one row, each with the values that follow those of the row.
    of_one_row: HashMap<&'static str, (String, Vec<Value>)>,
}

impl Direct {
    /// Connects to the file, with the settings of the other connections.
    pub(super) fn connect(path: &Path, durability: Durability) -> Result<Self, DbErr> {
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        };
        let connect = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
            connection.execute_batch(&format!(
                "PRAGMA foreign_keys = ON; PRAGMA synchronous = {synchronous};
                PRAGMA journal_size_limit = {JOURNAL_SIZE_LIMIT_BYTES};
                PRAGMA wal_autocheckpoint = {PAGES_BETWEEN_CHECKPOINTS};"
            ))?;
            Ok(connection)
        };
        let connection = connect().map_err(database_error)?;
        let files = Files::of(path).map_err(file_error)?;
        Ok(Self {
            inner: Mutex::new(Inner {
                connection,
                files,
                commits: 0,
                of_one_row: HashMap::new(),
            }),
        })
    }

    /// Begins a transaction that has the write lock from the beginning.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<DirectTransaction, DbErr> {
        let inner = self.lock();
        inner.files.check()?;
        inner.execute("BEGIN IMMEDIATE", &[])?;
        drop(inner);
        Ok(DirectTransaction {
            direct: Arc::clone(self),
            is_open: true,
        })
    }

    /// Fails where what is written would be lost, as the file is gone.
    pub(crate) fn check(&self) -> Result<(), DbErr> {
        self.lock().files.check()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, DbErr> {
        let execute = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            bind(&mut statement, 1, values)?;
            statement.raw_execute()
        };
        execute().map_err(database_error)
    }

    /// Copies the log into the database and empties it, for which it waits until nobody reads from it.
    fn cut_log(&self) {
        let cut = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        match cut {
            Ok(0) => {}
            Ok(_) => tracing::debug!("the write-ahead log is being read, and is cut later"),
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be cut"),
        }
    }
}

/// A transaction, which is rolled back unless it is committed.
pub(crate) struct DirectTransaction {
    direct: Arc<Direct>,
    is_open: bool,
}

impl DirectTransaction {
    /// Writes rows one by one, by the statement that `of_one_row` makes for one of them. It is made once for each name.
    /// Returns how many were written.
    pub(crate) fn write(
        &self,
        name: &'static str,
        rows: &[Vec<Value>],
        of_one_row: impl Fn(Vec<Value>) -> Statement,
    ) -> Result<usize, DbErr> {
        let Some(width) = rows.first().map(Vec::len) else {
            return Ok(0);
        };
        let mut inner = self.direct.lock();
        let Inner {
            connection,
            of_one_row: known,
            ..
        } = &mut *inner;
        let (sql, constants) = match known.entry(name) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let Statement { sql, values, .. } = of_one_row(rows[0].clone());
                let Values(values) = values.unwrap_or_else(|| Values(Vec::new()));
                entry.insert((sql, values.into_iter().skip(width).collect()))
            }
        };
        let write = || {
            let mut statement = connection.prepare_cached(sql)?;
            bind(&mut statement, width + 1, constants)?;
            rows.iter().try_fold(0, |written, row| {
                bind(&mut statement, 1, row)?;
                Ok(written + statement.raw_execute()?)
            })
        };
        write().map_err(database_error)
    }

    /// Runs a statement.
    pub(crate) fn execute(&self, statement: &Statement) -> Result<(), DbErr> {
        let values = statement.values.as_ref().map_or(&[][..], |values| &values.0);
        self.direct.lock().execute(&statement.sql, values).map(drop)
    }

    /// Returns when what was written is on disk.
    pub(crate) fn commit(mut self) -> Result<(), DbErr> {
        let mut inner = self.direct.lock();
        inner.execute("COMMIT", &[])?;
        self.is_open = false;
        inner.commits += 1;
        if inner.commits.is_multiple_of(COMMITS_BETWEEN_LOOKS) && inner.files.log_bytes() > MAX_LOG_BYTES {
            inner.cut_log();
        }
        drop(inner);
        Ok(())
    }
}

impl Drop for DirectTransaction {
    fn drop(&mut self) {
        if self.is_open {
            // Fails where the error that led here has ended the transaction already.
            let _ = self.direct.lock().execute("ROLLBACK", &[]);
        }
    }
}

fn bind(statement: &mut CachedStatement<'_>, first: usize, values: &[Value]) -> rusqlite::Result<()> {
    values
        .iter()
        .enumerate()
        .try_for_each(|(offset, value)| statement.raw_bind_parameter(first + offset, Bound(value)))
}

/// A value as SQLite takes it.
struct Bound<'v>(&'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self.0 {
            Value::Bool(value) => value.map_or_else(null, |value| Ok(value.into())),
            Value::Int(value) => value.map_or_else(null, |value| Ok(value.into())),
            Value::BigInt(value) => value.map_or_else(null, |value| Ok(value.into())),
            Value::String(value) => value.as_deref().map_or_else(null, |value| {
                Ok(ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())))
            }),
            Value::Bytes(value) => value
                .as_deref()
                .map_or_else(null, |value| Ok(ToSqlOutput::Borrowed(ValueRef::Blob(value)))),
            other => {
                let problem = format!("no table has a column for {other:?}");
                Err(rusqlite::Error::ToSqlConversionFailure(problem.into()))
            }
        }
    }
}

fn null<'v>() -> rusqlite::Result<ToSqlOutput<'v>> {
    Ok(ToSqlOutput::from(Null))
}

/// An error as the other connections have it.
fn database_error(error: rusqlite::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(SqlxError::AnyDriverError(
        Box::new(error),
    ))))
}

/// The errors of keys that are there already, and of foreign keys that lead nowhere.
const REFUSALS: [i32; 3] = [
    SQLITE_CONSTRAINT_PRIMARYKEY,
    SQLITE_CONSTRAINT_UNIQUE,
    SQLITE_CONSTRAINT_FOREIGNKEY,
];

/// Whether an error says that a row was refused for what is in it.
pub(crate) fn refuses_data(error: &DbErr) -> bool {
    let DbErr::Exec(RuntimeErr::SqlxError(error)) = error else {
        return false;
    };
    let SqlxError::AnyDriverError(error) = &**error else {
        return false;
    };
    error
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error)
        .is_some_and(|error| REFUSALS.contains(&error.extended_code))
}
