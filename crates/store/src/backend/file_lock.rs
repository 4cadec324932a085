//! Keeps a second process off a database file.
//!
//! SQLite would let several in, but each process caches what it drives, and epochs count openings: two at a time
//! would fence each other off for ever. The lock is the operating system's, so it ends with its process, however
//! that ends; the lock file itself stays behind and means nothing by itself.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// Held for as long as the value lives.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

/// Why a database file could not be taken.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Someone else holds it.
    Held,
    /// It has another name, under which its lock would be another one.
    Linked,
    /// The lock file could not be made or locked.
    Io(io::Error),
}

impl FileLock {
    /// Takes a database file, which need not exist.
    pub(crate) fn take(database: &Path) -> Result<Self, LockError> {
        if has_other_names(database) {
            return Err(LockError::Linked);
        }
        let path = lock_path(database).map_err(LockError::Io)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }
}

/// Whether hard links lead to a file besides its name.
#[cfg(unix)]
fn has_other_names(database: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    fs::metadata(database).is_ok_and(|found| found.is_file() && found.nlink() > 1)
}

/// Elsewhere nobody can tell.
#[cfg(not(unix))]
fn has_other_names(_: &Path) -> bool {
    false
}

/// `<database>.lock` beside the file that links lead to: two names of one database share their lock.
fn lock_path(database: &Path) -> io::Result<PathBuf> {
    let mut path = match fs::canonicalize(database) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => database.to_owned(),
        Err(error) => return Err(error),
    }
    .into_os_string();
    path.push(".lock");
    Ok(path.into())
}
