//! Keeps a second process off a database: an advisory lock of the session that writes.
//!
//! The lock is there as long as the session, and everything is written by that session. So a process that has lost the
//! lock has also lost what it was about to write, and before it writes again it has the lock again, or does not write.
//! In between another process may have had the database, and advanced its epoch: then this one writes nothing more.

use std::sync::{Arc, OnceLock};

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, Executor, PgConnection},
};
use tokio::sync::watch;

use super::code_of;
use crate::open::{EPOCH, Presence};

/// Takes the lock of the schema that the session works in. The first number stands for what is locked.
const LOCK: &str = "SELECT pg_advisory_lock(1094927187, hashtext(coalesce(current_schema(), '')))";

/// What the server answers when a lock was not to be had in time: lock_not_available.
const NOT_AVAILABLE: &str = "55P03";

/// Keeps a database for the process, whatever becomes of single connections.
#[derive(Clone)]
pub(crate) struct SessionLock {
    presence: Presence,
    standing: watch::Sender<Standing>,
    epoch: Arc<OnceLock<i64>>,
}

/// How the present session stands to the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Held,
    /// Another session has it.
    InUse,
    /// Another process has had the database since.
    Superseded,
}

impl SessionLock {
    pub(super) fn new(presence: Presence) -> Self {
        Self {
            presence,
            standing: watch::Sender::new(Standing::InUse),
            epoch: Arc::default(),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// From here on the database is this process's as long as this is its epoch.
    pub(crate) fn bind_to(&self, epoch: i64) {
        // It is bound once, by its opening.
        let _ = self.epoch.set(epoch);
    }

    /// Whether the session that was connected last may write.
    pub(crate) fn check(&self) -> Result<(), DbErr> {
        let lost = match self.standing() {
            Standing::Held => return Ok(()),
            Standing::InUse => "another process has the database",
            Standing::Superseded => "another process has had the database since: start this one again",
        };
        Err(DbErr::Conn(RuntimeErr::Internal(lost.to_owned())))
    }

    /// Tries to take the lock for a session that was just connected.
    pub(super) async fn take(&self, session: &mut PgConnection) -> Result<(), sqlx::Error> {
        session.execute(self.patience()).await?;
        let locked = session.execute(LOCK).await;
        session.execute("SET lock_timeout = DEFAULT").await?;
        let standing = match locked {
            Ok(_) if self.is_superseded(session).await? => Standing::Superseded,
            Ok(_) => Standing::Held,
            Err(error) if code_of(&error) == Some(NOT_AVAILABLE) => Standing::InUse,
            Err(error) => return Err(error),
        };
        self.standing.send_replace(standing);
        Ok(())
    }

    /// How long to wait for the lock: the server notices the end of a process that was killed a moment after it.
    fn patience(&self) -> &'static str {
        match self.presence {
            Presence::Alone => "SET lock_timeout = '600ms'",
            Presence::Beside => "SET lock_timeout = '1ms'",
        }
    }

    async fn is_superseded(&self, session: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let Some(epoch) = self.epoch.get() else {
            return Ok(false);
        };
        let last: Option<i64> = sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
            .bind(EPOCH)
            .fetch_optional(session)
            .await?;
        Ok(last != Some(*epoch))
    }
}
