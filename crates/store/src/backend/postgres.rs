//! PostgreSQL: its connections with what has to be set on each of them, and what its errors mean.
//!
//! The server must be reached directly, or through a pooler that gives each connection a session of its own: what
//! keeps the database for this process is a lock of the session that writes.

mod session_lock;

use std::{error::Error, sync::Arc, time::Duration};

use log::LevelFilter;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, RuntimeErr, SqlxError,
    sqlx::{
        ConnectOptions as _,
        pool::PoolOptions,
        postgres::{PgConnectOptions, PgDatabaseError, Postgres},
    },
};

pub(super) use self::session_lock::SessionLock;
use self::session_lock::Standing;
use super::{Hold, Taken, WriteConnection};
use crate::{
    Durability, OpenError, StoreOptions,
    open::{Presence, connect_error},
};

/// What its addresses begin with.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// How long a caller waits for a connection before it is told that the database is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that each connection keeps prepared: more than the writer's group commits have texts.
const PREPARED_STATEMENTS: usize = 256;

/// Set on every connection, so that the server notices within half a minute that the other end is gone, and frees what
/// it held.
const KEEP_ALIVE: [(&str, &str); 3] = [
    ("tcp_keepalives_idle", "15"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];

/// A transaction of a reader sees one moment, and cannot write.
const READER: [(&str, &str); 2] = [
    ("default_transaction_isolation", "repeatable read"),
    ("default_transaction_read_only", "on"),
];

/// There is one writer, so that statements may see what was committed since their transaction began: nothing was.
const WRITER: (&str, &str) = ("default_transaction_isolation", "read committed");

/// Excludes other migrations of the same schema. The first number stands for what is locked.
const LOCK_MIGRATION: &str = "SELECT pg_advisory_lock(1094927181, hashtext(coalesce(current_schema(), '')))";

/// Undoes [`LOCK_MIGRATION`].
const UNLOCK_MIGRATION: &str =
    "SELECT pg_advisory_unlock(1094927181, hashtext(coalesce(current_schema(), '')))";

/// Whether an address means a database of this kind.
pub(super) fn is_address(url: &str) -> bool {
    SCHEMES.iter().any(|scheme| url.starts_with(scheme))
}

/// Sees whether an address can be read.
pub(super) fn check_address(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    Ok(url.parse::<PgConnectOptions>().map(drop)?)
}

/// Takes the database, and connects to it. There is one connection, whose session holds the lock: where it is lost, so
/// is whatever was being written.
pub(super) async fn take(options: &StoreOptions, presence: Presence) -> Result<Taken, OpenError> {
    let lock = SessionLock::new(presence);
    let mut settings = vec![WRITER];
    if options.durability == Durability::Normal {
        settings.push(("synchronous_commit", "off"));
    }
    let mut pool = pool(options, 1, settings);
    let taken = lock.clone();
    pool.map_sqlx_postgres_pool_opts(move |pool: PoolOptions<Postgres>| {
        let lock = taken.clone();
        pool.after_connect(move |session, _| {
            let lock = lock.clone();
            Box::pin(async move { lock.take(session).await })
        })
    });
    let database = match Database::connect(pool).await {
        Ok(database) => database,
        Err(error) => return Err(connect_error(options, why_not(options).await.unwrap_or(error))),
    };
    let (hold, is_served) = match (lock.standing(), presence) {
        (Standing::Held, _) => (Hold::Session(lock), false),
        (_, Presence::Beside) => (Hold::None, true),
        (_, Presence::Alone) => {
            return Err(OpenError::InUse {
                database: options.shown_url(),
            });
        }
    };
    Ok(Taken {
        writer: WriteConnection {
            database,
            #[cfg(feature = "sqlite")]
            direct: None,
            hold,
        },
        is_served,
    })
}

/// What keeps a single connection from being made: a pool tries again and again, and says in the end only that it took
/// too long.
async fn why_not(options: &StoreOptions) -> Option<DbErr> {
    let session: PgConnectOptions = options.url.parse().ok()?;
    let tried = tokio::time::timeout(ACQUIRE_TIMEOUT, session.connect())
        .await
        .ok()?;
    let error = tried.err()?;
    Some(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))
}

/// The connections that read, and cannot do anything else.
pub(super) async fn readers(options: &StoreOptions) -> Result<DatabaseConnection, DbErr> {
    Database::connect(pool(options, options.readers.max(1), READER.to_vec())).await
}

fn pool(
    options: &StoreOptions,
    connections: u32,
    settings: Vec<(&'static str, &'static str)>,
) -> ConnectOptions {
    let mut pool = ConnectOptions::new(options.url.clone());
    pool.min_connections(1)
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(true)
        .sqlx_logging_level(LevelFilter::Trace)
        .record_stmt_in_spans(false)
        .set_application_name("agentchains")
        .map_sqlx_postgres_opts(move |postgres| {
            postgres
                .options(KEEP_ALIVE)
                .options(settings.iter().copied())
                .statement_cache_capacity(PREPARED_STATEMENTS)
        });
    pool
}

/// Brings the schema up to date, one process after the other: `database` has one connection, whose session has the
/// lock meanwhile.
pub(super) async fn migrate(database: &DatabaseConnection) -> Result<(), DbErr> {
    database.execute_unprepared(LOCK_MIGRATION).await?;
    let migrated = crate::migration::up(database).await;
    let unlocked = database.execute_unprepared(UNLOCK_MIGRATION).await;
    migrated.and(unlocked.map(drop))
}

/// Closes the one connection of a pool, which makes another when it is needed.
pub(super) async fn discard(database: &DatabaseConnection) {
    // Where there is none to be had, there is none to be closed.
    if let Ok(session) = database.get_postgres_connection_pool().acquire().await {
        // An error says that it is closed already.
        let _ = session.close().await;
    }
}

/// Whether the server of this connection takes no writes any more, as after a failover to another one.
pub(super) fn is_read_only(error: &DbErr) -> bool {
    // read_only_sql_transaction
    code(error) == Some("25006")
}

/// Whether a value cannot be stored: a constraint (class 23), text with U+0000 or a number out of range (class 22), or
/// more than fits into an index (class 54). See appendix A of the PostgreSQL manual.
pub(super) fn refuses_data(error: &DbErr) -> bool {
    code(error).is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
}

/// The code of an error that the server has answered with.
fn code(error: &DbErr) -> Option<&str> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))
    | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    code_of(error)
}

fn code_of(error: &SqlxError) -> Option<&str> {
    let SqlxError::Database(error) = error else {
        return None;
    };
    error
        .try_downcast_ref::<PgDatabaseError>()
        .map(PgDatabaseError::code)
}
