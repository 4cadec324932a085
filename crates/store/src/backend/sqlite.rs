//! SQLite: its addresses, its connections with what has to be set on each of them, and its log.

mod direct;
mod files;

use std::{error::Error, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use log::LevelFilter;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr,
    sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

pub(crate) use self::direct::{Direct, DirectTransaction, refuses_data};
use super::{
    Hold, Taken, WriteConnection,
    file_lock::{FileLock, LockError},
};
use crate::{
    Durability, OpenError, StoreOptions,
    open::{Presence, connect_error},
};

/// What its addresses begin with.
const SCHEME: &str = "sqlite:";

/// How long a statement waits for another connection, which here can only be a checkpoint or a foreign tool.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that each connection keeps prepared: more than the writer's group commits have texts.
const PREPARED_STATEMENTS: usize = 256;

/// What the write-ahead log is cut back to once it has been copied into the database.
const JOURNAL_SIZE_LIMIT_BYTES: &str = "67108864";

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    Memory,
    File(PathBuf),
}

/// Whether an address means a database of this kind.
pub(super) fn is_address(url: &str) -> bool {
    url.starts_with(SCHEME)
}

impl Location {
    /// Reads a database's address.
    pub(super) fn of(url: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let rest = url.strip_prefix(SCHEME).unwrap_or(url);
        let options = SqliteConnectOptions::from_str(url)?;
        let (name, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        if name.trim_start_matches('/') == ":memory:" || parameters.split('&').any(|p| p == "mode=memory") {
            return Ok(Self::Memory);
        }
        if options.get_filename().as_os_str().is_empty() {
            return Err("it names no file".into());
        }
        Ok(Self::File(options.get_filename().to_owned()))
    }
}

/// Takes the file, where there is one, and connects to it.
pub(super) async fn take(
    location: &Location,
    options: &StoreOptions,
    presence: Presence,
) -> Result<Taken, OpenError> {
    let hold = match location {
        Location::Memory => Some(Hold::None),
        Location::File(path) => match FileLock::take(path) {
            Ok(_lock) => Some(Hold::File { _lock }),
            Err(LockError::Held) if presence == Presence::Beside => None,
            Err(LockError::Held) => {
                return Err(OpenError::InUse {
                    database: options.shown_url(),
                });
            }
            Err(LockError::Linked) => return Err(OpenError::Linked { path: path.clone() }),
            Err(LockError::Io(source)) => {
                let path = path.clone();
                return Err(OpenError::Lock { path, source });
            }
        },
    };
    let connect_error = |error: DbErr| connect_error(options, error);
    let database = writer(options).await.map_err(connect_error)?;
    let direct = match (location, &hold) {
        (Location::File(path), Some(_)) => {
            Some(Direct::connect(path, options.durability).map_err(connect_error)?)
        }
        _ => None,
    };
    Ok(Taken {
        is_served: hold.is_none(),
        writer: WriteConnection {
            database,
            direct: direct.map(Arc::new),
            hold: hold.unwrap_or(Hold::None),
        },
    })
}

/// Folds the log into the file, so that one file is left behind, without a log beside it.
pub(super) async fn fold_log(database: &DatabaseConnection) -> Result<(), DbErr> {
    let folded = database.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)");
    folded.await.map(drop)
}

/// The one connection that writes. It makes the file when there is none.
pub(crate) async fn writer(options: &StoreOptions) -> Result<DatabaseConnection, DbErr> {
    Database::connect(pool(options, 1, |sqlite| sqlite.create_if_missing(true))).await
}

/// The connections that read, and cannot do anything else.
pub(super) async fn readers(options: &StoreOptions) -> Result<DatabaseConnection, DbErr> {
    Database::connect(pool(options, options.readers.max(1), |sqlite| {
        sqlite.pragma("query_only", "ON")
    }))
    .await
}

fn pool(
    options: &StoreOptions,
    connections: u32,
    refine: fn(SqliteConnectOptions) -> SqliteConnectOptions,
) -> ConnectOptions {
    let synchronous = match options.durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::Normal => SqliteSynchronous::Normal,
    };
    let mut pool = ConnectOptions::new(options.url.clone());
    // A connection to a database in memory is the database: none may ever be let go for its age. All of them are there from
    // the beginning: a file that was moved away could not be opened once more.
    pool.min_connections(connections)
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(true)
        .sqlx_logging_level(LevelFilter::Trace)
        .record_stmt_in_spans(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            let sqlite = sqlite
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(synchronous)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
                .statement_cache_capacity(PREPARED_STATEMENTS)
                .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT_BYTES);
            refine(sqlite)
        });
    pool
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DbBackend, Statement};

    use super::*;
    use crate::backend::Backend;

    #[tokio::test]
    async fn every_connection_has_its_pragmas() {
        let directory = tempfile::TempDir::new().unwrap();
        let options = StoreOptions::new(format!("sqlite:{}", directory.path().join("a.db").display()));
        let writer = writer(&options).await.unwrap();
        let readers = readers(&options).await.unwrap();
        for (connection, name, expected) in [
            (&writer, "journal_mode", "wal"),
            (&writer, "synchronous", "2"),
            (&writer, "foreign_keys", "1"),
            (&writer, "busy_timeout", "5000"),
            (&writer, "journal_size_limit", JOURNAL_SIZE_LIMIT_BYTES),
            (&writer, "query_only", "0"),
            (&readers, "query_only", "1"),
        ] {
            let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
            let statement =
                Statement::from_string(DbBackend::Sqlite, sql.replace("busy_timeout AS", "timeout AS"));
            let row = connection.query_one_raw(statement).await.unwrap().unwrap();
            assert_eq!(row.try_get_by_index::<String>(0).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn an_address_is_a_file_or_memory() {
        let file = |path: &str| Location::File(path.into());
        for (url, expected) in [
            ("sqlite:agentchains.db", file("agentchains.db")),
            (
                "sqlite://data/agentchains.db?mode=rwc",
                file("data/agentchains.db"),
            ),
            (
                "sqlite:///var/lib/agentchains.db",
                file("/var/lib/agentchains.db"),
            ),
            ("sqlite::memory:", Location::Memory),
            ("sqlite://:memory:", Location::Memory),
            ("sqlite:shared?mode=memory&cache=shared", Location::Memory),
        ] {
            assert_eq!(Location::of(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for url in [
            "",
            "sqlite:",
            "agentchains.db",
            "mysql://localhost/a",
            "sqlite:a.db?mode=wild",
        ] {
            assert!(Backend::of(url).is_err(), "{url}");
        }
    }
}
