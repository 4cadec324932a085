//! The files of a database that is open: whether they are still there, and how large its log is.

use std::{
    ffi::OsString,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// The file at a path when the database was opened.
pub(super) struct Files {
    database: PathBuf,
    log: PathBuf,
    opened: Identity,
}

/// What tells a file from another one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

/// What was written from here on would be gone with this process.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database file {path:?} was deleted or replaced while it was open: nothing is written any more; put the file \
     back if you have moved it, else stop this process and restore a backup"
)]
struct Replaced {
    path: PathBuf,
}

impl Files {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let database = fs::canonicalize(path)?;
        let mut log = OsString::from(&database);
        log.push("-wal");
        Ok(Self {
            opened: Identity::of(&fs::metadata(&database)?),
            database,
            log: log.into(),
        })
    }

    /// Fails where the path leads to another file than the one that is open, or to none. The system would let writes go
    /// on, into a file that nobody can open again.
    pub(super) fn check(&self) -> Result<(), DbErr> {
        match fs::metadata(&self.database) {
            Ok(found) if Identity::of(&found) == self.opened => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(error)),
            _ => Err(file_error(io::Error::other(Replaced {
                path: self.database.clone(),
            }))),
        }
    }

    pub(super) fn log_bytes(&self) -> u64 {
        fs::metadata(&self.log).map_or(0, |log| log.len())
    }
}

impl Identity {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self(file.dev(), file.ino())
    }

    /// Systems that do not let an open file be deleted need not tell files apart.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self(0, 0)
    }
}

/// An error of the file system as connections have it.
pub(super) fn file_error(error: io::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(SqlxError::Io(error))))
}
