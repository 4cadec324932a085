//! The transaction in which executions are written, several at once.

#[cfg(feature = "sqlite")]
use sea_orm::DatabaseConnection;
use sea_orm::{DatabaseExecutor, DatabaseTransaction, DbErr};

#[cfg(feature = "sqlite")]
use super::sqlite::DirectTransaction;

/// A transaction that excludes every other one that writes, and is rolled back unless it is committed.
pub(crate) enum GroupTransaction {
    /// Through the connection that everything else is written by.
    Connection(DatabaseTransaction),
    /// Through one that runs statements on the caller's thread, which then waits for the disk.
    #[cfg(feature = "sqlite")]
    Direct {
        transaction: DirectTransaction,
        /// Sees what was written before the transaction.
        before: DatabaseConnection,
    },
}

impl GroupTransaction {
    /// Where to read what was there before anything was written in this transaction.
    pub(crate) fn before(&self) -> DatabaseExecutor<'_> {
        match self {
            Self::Connection(transaction) => transaction.into(),
            #[cfg(feature = "sqlite")]
            Self::Direct { before, .. } => before.into(),
        }
    }

    /// Returns when what was written is durable.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Connection(transaction) => transaction.commit().await,
            #[cfg(feature = "sqlite")]
            Self::Direct { transaction, .. } => transaction.commit(),
        }
    }

    /// Takes everything back.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Connection(transaction) => transaction.rollback().await,
            #[cfg(feature = "sqlite")]
            Self::Direct { transaction, .. } => {
                drop(transaction);
                Ok(())
            }
        }
    }
}
