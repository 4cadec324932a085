//! The databases that the store runs on. What differs between them is here: how one is addressed, connected to, kept
//! for this process and closed, and which of its errors mean what. All statements are the same.

#[cfg(not(any(feature = "postgres", feature = "sqlite")))]
compile_error!("one of the features `postgres` and `sqlite` is needed");

#[cfg(feature = "sqlite")]
mod file_lock;
mod group;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::error::Error;
#[cfg(feature = "sqlite")]
use std::sync::Arc;

pub(crate) use self::group::GroupTransaction;
#[cfg(feature = "sqlite")]
use sea_orm::DbBackend;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

use crate::{OpenError, StoreOptions, open::Presence};

/// A database that can be opened.
pub(crate) enum Backend {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Location),
    #[cfg(feature = "postgres")]
    Postgres,
}

/// The one connection that writes, with what keeps the database for this process.
pub(crate) struct WriteConnection {
    database: DatabaseConnection,
    /// What executions are written by, where that is another one.
    #[cfg(feature = "sqlite")]
    direct: Option<Arc<sqlite::Direct>>,
    hold: Hold,
}

/// What keeps a database for this process.
enum Hold {
    /// Nothing need do so, or another process has it.
    None,
    #[cfg(feature = "sqlite")]
    File { _lock: file_lock::FileLock },
    #[cfg(feature = "postgres")]
    Session(postgres::SessionLock),
}

/// A database that was connected to.
pub(crate) struct Taken {
    pub(crate) writer: WriteConnection,
    /// Whether another process has it; only where that is allowed.
    pub(crate) is_served: bool,
}

impl Backend {
    /// Reads a database's address.
    pub(crate) fn of(url: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        #[cfg(feature = "sqlite")]
        if sqlite::is_address(url) {
            return sqlite::Location::of(url).map(Self::Sqlite);
        }
        #[cfg(feature = "postgres")]
        if postgres::is_address(url) {
            return postgres::check_address(url).map(|()| Self::Postgres);
        }
        Err("it begins like the address of no database that can be used here".into())
    }

    /// Takes the database for this process, and connects to it for writing.
    pub(crate) async fn take(&self, options: &StoreOptions, presence: Presence) -> Result<Taken, OpenError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(location) => sqlite::take(location, options, presence).await,
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::take(options, presence).await,
        }
    }

    /// The connections that read, and cannot do anything else; none where the writer's connection is the database.
    /// A transaction on one of them sees the database as of one moment.
    pub(crate) async fn readers(&self, options: &StoreOptions) -> Result<Option<DatabaseConnection>, DbErr> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite::Location::Memory) => Ok(None),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite::Location::File(_)) => sqlite::readers(options).await.map(Some),
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::readers(options).await.map(Some),
        }
    }
}

impl WriteConnection {
    /// For what needs no transaction.
    pub(crate) fn database(&self) -> &DatabaseConnection {
        &self.database
    }

    /// Brings the schema up to date. Of several processes that try, one does.
    pub(crate) async fn migrate(&self) -> Result<(), DbErr> {
        match &self.hold {
            #[cfg(feature = "postgres")]
            Hold::Session(_) => postgres::migrate(&self.database).await,
            _ => crate::migration::up(&self.database).await,
        }
    }

    /// From here on the connection writes under this epoch or not at all.
    pub(crate) fn bind_to(&self, epoch: i64) {
        #[cfg(feature = "postgres")]
        if let Hold::Session(lock) = &self.hold {
            lock.bind_to(epoch);
        }
        #[cfg(not(feature = "postgres"))]
        let _ = epoch;
    }

    /// Begins a transaction that writes.
    ///
    /// On SQLite it takes the write lock at once: one that turned to writing later would fail, whatever the timeout,
    /// if anything had been written in between.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        #[cfg(feature = "sqlite")]
        if let Some(direct) = &self.direct {
            direct.check()?;
        }
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.database.begin_with_options(immediate).await?;
        #[cfg(feature = "postgres")]
        if let Hold::Session(lock) = &self.hold
            && let Err(error) = lock.check()
        {
            drop(transaction);
            postgres::discard(&self.database).await;
            return Err(error);
        }
        Ok(transaction)
    }

    /// Begins a transaction that writes executions.
    pub(crate) async fn begin_group(&self) -> Result<GroupTransaction, DbErr> {
        #[cfg(feature = "sqlite")]
        if let Some(direct) = &self.direct {
            return Ok(GroupTransaction::Direct {
                transaction: direct.begin()?,
                before: self.database.clone(),
            });
        }
        self.begin().await.map(GroupTransaction::Connection)
    }

    /// Whether a group's transaction makes the thread wait that it is written on.
    pub(crate) fn blocks(&self) -> bool {
        #[cfg(feature = "sqlite")]
        let blocks = self.direct.is_some();
        #[cfg(not(feature = "sqlite"))]
        let blocks = false;
        blocks
    }

    /// Is to be told of every transaction that failed: a connection that cannot write any more makes room for another.
    pub(crate) async fn failed(&self, error: &DbErr) {
        #[cfg(feature = "postgres")]
        if postgres::is_read_only(error) {
            postgres::discard(&self.database).await;
        }
        #[cfg(not(feature = "postgres"))]
        let _ = error;
    }

    /// Closes the connection, and gives up the database.
    pub(crate) async fn close(self) -> Result<(), DbErr> {
        #[cfg(feature = "sqlite")]
        let Self {
            database,
            direct,
            hold,
        } = self;
        #[cfg(feature = "sqlite")]
        drop(direct);
        #[cfg(not(feature = "sqlite"))]
        let Self { database, hold } = self;
        #[cfg(feature = "sqlite")]
        let folded = match database.get_database_backend() {
            DbBackend::Sqlite => sqlite::fold_log(&database).await,
            _ => Ok(()),
        };
        #[cfg(not(feature = "sqlite"))]
        let folded = Ok(());
        let closed = folded.and(database.close().await);
        drop(hold);
        closed
    }
}

/// Whether the database refused a row because of what is in it, which no later attempt will change.
pub(crate) fn refuses_data(error: &DbErr) -> bool {
    #[cfg(feature = "postgres")]
    if postgres::refuses_data(error) {
        return true;
    }
    #[cfg(feature = "sqlite")]
    if sqlite::refuses_data(error) {
        return true;
    }
    error.sql_err().is_some()
}
