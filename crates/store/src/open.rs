//! Opening: takes the database, migrates it, and advances the epoch.

use std::{io, path::PathBuf};

use agentchains_ports::StoreError;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, sea_query::OnConflict,
};
use thiserror::Error;

use crate::{
    StoreOptions,
    backend::{Backend, Taken, WriteConnection},
    entity::meta,
};

/// Why a store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The address is not one of a database that can be used here.
    #[error(
        "{url:?} is not the address of a database such as \"sqlite:agentchains.db\" or \"postgres://user@host/name\""
    )]
    Address {
        /// The address, without a password.
        url: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process, or another store of this one, has the database open.
    #[error("the database {database:?} is in use by another process: stop that one, or use another database")]
    InUse {
        /// Its address, without a password.
        database: String,
    },
    /// The database file has several names, by hard links: each would have a log of its own, and what is written under
    /// one name would be lost under another.
    #[error("the database file {path:?} has several names (hard links): remove all but one, or copy it")]
    Linked {
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
    #[error(
        "the database {database:?} could not be opened: is its folder there and writable, or its server up and the address \
         right?"
    )]
    Connect {
        /// Its address, without a password.
        database: String,
        /// What the database says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The schema could not be brought up to date.
    #[error("the database {database:?} could not be brought up to date; nothing of it was changed")]
    Migrate {
        /// Its address, without a password.
        database: String,
        /// What the database says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database is from a later version.
    #[error("the database {database:?} was written by a later version of this program; use that one")]
    Later {
        /// Its address, without a password.
        database: String,
        /// Which part of its schema is not known here.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An open database that is this process's alone.
pub(crate) struct Opened {
    pub(crate) writer: WriteConnection,
    /// Absent where the writer's connection is the database.
    pub(crate) readers: Option<DatabaseConnection>,
    /// One more than that of the process before.
    pub(crate) epoch: u64,
    /// Whether that one ended without closing its store.
    pub(crate) after_crash: bool,
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
    let backend = Backend::of(&options.url).map_err(|source| OpenError::Address {
        url: options.shown_url(),
        source,
    })?;
    let Taken { writer, is_served } = backend.take(options, presence).await?;
    let connect_error = |error: DbErr| connect_error(options, error);
    if !is_served {
        let migrated = writer.migrate().await;
        migrated.map_err(|error| migrate_error(options, error))?;
    }
    let (epoch, after_crash) = match presence {
        Presence::Alone => advance_epoch(&writer).await.map_err(connect_error)?,
        Presence::Beside => (NO_EPOCH, false),
    };
    let readers = backend.readers(options).await.map_err(connect_error)?;
    Ok(Opened {
        writer,
        readers,
        epoch,
        after_crash,
    })
}

/// The database could not be reached.
pub(crate) fn connect_error(options: &StoreOptions, error: DbErr) -> OpenError {
    OpenError::Connect {
        database: options.shown_url(),
        source: Box::new(error),
    }
}

/// The database was opened, and could not be read then.
pub(crate) fn unreadable(options: &StoreOptions, error: StoreError) -> OpenError {
    OpenError::Connect {
        database: options.shown_url(),
        source: Box::new(error),
    }
}

fn migrate_error(options: &StoreOptions, error: DbErr) -> OpenError {
    let database = options.shown_url();
    // The migrator's own word for a migration that it does not know.
    let is_later = matches!(&error, DbErr::Custom(text) if text.contains("file is missing"));
    let source = Box::new(error);
    if is_later {
        OpenError::Later { database, source }
    } else {
        OpenError::Migrate { database, source }
    }
}

/// The epoch of the last opening.
pub(crate) const EPOCH: &str = "epoch";

/// The epoch of the last opening that was closed: where it is another one, its process crashed.
const CLOSED_EPOCH: &str = "closed_epoch";

/// Before every epoch: nothing can be claimed under it.
pub(crate) const NO_EPOCH: u64 = 0;

/// Counts this opening, so that whatever an earlier process still tries to write is noticed. Says also whether that one
/// crashed.
async fn advance_epoch(writer: &WriteConnection) -> Result<(u64, bool), DbErr> {
    let transaction = writer.begin().await?;
    let last = counter(&transaction, EPOCH).await?;
    let after_crash = counter(&transaction, CLOSED_EPOCH).await? != last;
    let next = last.checked_add(1);
    let epoch = next.and_then(|next| u64::try_from(next).ok());
    let (next, epoch) = next
        .zip(epoch)
        .ok_or_else(|| DbErr::Custom("`meta.epoch` is no counter".to_owned()))?;
    set_counter(&transaction, EPOCH, next).await?;
    transaction.commit().await?;
    writer.bind_to(next);
    Ok((epoch, after_crash))
}

/// Remembers that an epoch ended in good order.
pub(crate) async fn close_epoch(writer: &WriteConnection, epoch: u64) -> Result<(), DbErr> {
    let epoch = i64::try_from(epoch).map_err(|error| DbErr::Custom(error.to_string()))?;
    let transaction = writer.begin().await?;
    set_counter(&transaction, CLOSED_EPOCH, epoch).await?;
    transaction.commit().await
}

async fn counter<C: ConnectionTrait>(connection: &C, name: &str) -> Result<i64, DbErr> {
    let row = meta::Entity::find_by_id(name).one(connection).await?;
    Ok(row.map_or(0, |row| row.value))
}

async fn set_counter<C: ConnectionTrait>(connection: &C, name: &str, value: i64) -> Result<(), DbErr> {
    let row = meta::Model {
        name: name.to_owned(),
        value,
    };
    meta::Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::column(meta::Column::Name)
                .update_column(meta::Column::Value)
                .to_owned(),
        )
        .exec_without_returning(connection)
        .await?;
    Ok(())
}
