//! Opening: takes the file, migrates it, and advances the epoch.

use std::{io, path::PathBuf};

use sea_orm::{
    DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, TransactionTrait, sea_query::OnConflict,
};
use sea_orm_migration::MigratorTrait;
use thiserror::Error;

use crate::{
    StoreOptions,
    connect::{self, Location},
    entity::meta,
    lock::{FileLock, LockError},
    migration::Migrator,
    write::immediate,
};

/// Why a store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The address is not one of a database that can be used here.
    #[error("{url:?} is not the address of a database such as \"sqlite:agentchains.db\"")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process, or another store of this one, has the database open.
    #[error("the database {path:?} is in use by another process: stop that one, or use a file of your own")]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The lock file beside the database could not be made.
    #[error("the file {path:?} could not be locked: is its directory there, and writable?")]
    Lock {
        /// The database file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The database could not be opened.
    #[error("the database could not be opened")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The schema could not be brought up to date; also when the database is from a later version.
    #[error("the database could not be migrated: was it written by a later version of this program?")]
    Migrate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An open database that is this process's alone.
pub(crate) struct Opened {
    pub(crate) writer: DatabaseConnection,
    /// Absent where the writer's connection is the database.
    pub(crate) readers: Option<DatabaseConnection>,
    /// Absent where there is no file.
    pub(crate) lock: Option<FileLock>,
    /// One more than that of the process before.
    pub(crate) epoch: u64,
}

/// What an opening does about a process that has the database already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// There must be none.
    Alone,
    /// It keeps the lock and its epoch, and the schema is the one that it has made.
    Beside,
}

pub(crate) async fn open(options: &StoreOptions, presence: Presence) -> Result<Opened, OpenError> {
    let location = Location::of(&options.url).map_err(|source| OpenError::Address {
        url: options.url.clone(),
        source,
    })?;
    let (lock, is_served) = match &location {
        Location::Memory => (None, false),
        Location::File(path) => match lock(path.clone()) {
            Ok(lock) => (Some(lock), false),
            Err(OpenError::InUse { .. }) if presence == Presence::Beside => (None, true),
            Err(error) => return Err(error),
        },
    };
    let connect_error = |error: DbErr| OpenError::Connect(Box::new(error));
    let writer = connect::writer(options).await.map_err(connect_error)?;
    if !is_served {
        Migrator::up(&writer, None)
            .await
            .map_err(|error| OpenError::Migrate(Box::new(error)))?;
    }
    let epoch = match presence {
        Presence::Alone => advance_epoch(&writer).await.map_err(connect_error)?,
        Presence::Beside => NO_EPOCH,
    };
    let readers = match location {
        Location::Memory => None,
        Location::File(_) => Some(connect::readers(options).await.map_err(connect_error)?),
    };
    Ok(Opened {
        writer,
        readers,
        lock,
        epoch,
    })
}

fn lock(path: PathBuf) -> Result<FileLock, OpenError> {
    FileLock::take(&path).map_err(|error| match error {
        LockError::Held => OpenError::InUse { path },
        LockError::Io(source) => OpenError::Lock { path, source },
    })
}

const EPOCH: &str = "epoch";

/// Before every epoch: nothing can be claimed under it.
const NO_EPOCH: u64 = 0;

/// Counts this opening, so that whatever an earlier process still tries to write is noticed.
async fn advance_epoch(writer: &DatabaseConnection) -> Result<u64, DbErr> {
    let transaction = writer.begin_with_options(immediate()).await?;
    let last = meta::Entity::find_by_id(EPOCH)
        .one(&transaction)
        .await?
        .map_or(0, |row| row.value);
    let row = last.checked_add(1).map(|value| meta::Model {
        name: EPOCH.to_owned(),
        value,
    });
    let counted = row.and_then(|row| Some((u64::try_from(row.value).ok()?, row)));
    let (epoch, row) = counted.ok_or_else(|| DbErr::Custom("`meta.epoch` is no counter".to_owned()))?;
    meta::Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::column(meta::Column::Name)
                .update_column(meta::Column::Value)
                .to_owned(),
        )
        .exec_without_returning(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(epoch)
}
