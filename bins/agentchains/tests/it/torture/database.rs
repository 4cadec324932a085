//! The database of a torture, looked at from outside by SQL that every database understands. The one place where it is
//! chosen.

use std::path::PathBuf;

use agentchains_testkit::PostgresDatabase;
use sqlx::{AnyConnection, Connection, FromRow, any::AnyRow};
use tempfile::TempDir;

/// A database, and what keeps it.
pub(super) struct Database {
    pub(super) url: String,
    folder: TempDir,
}

impl Database {
    /// An empty file.
    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            url: format!("sqlite:{}", folder.path().join("torture.db").display()),
            folder,
        }
    }

    /// An empty one on a PostgreSQL server; none where that is not installed.
    pub(super) fn postgres() -> Option<Self> {
        let made = PostgresDatabase::create().unwrap()?;
        Some(Self {
            url: made.url(),
            ..Self::sqlite()
        })
    }

    /// The file.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("torture.db")
    }

    /// Its write-ahead log.
    pub(super) fn log_path(&self) -> PathBuf {
        self.folder.path().join("torture.db-wal")
    }

    /// A connection that changes nothing.
    pub(super) async fn look(&self) -> Look {
        sqlx::any::install_default_drivers();
        let read_only = if self.url.starts_with("sqlite:") {
            "?mode=ro"
        } else {
            ""
        };
        let connection = AnyConnection::connect(&format!("{}{read_only}", self.url)).await;
        Look(connection.unwrap())
    }
}

/// A look at a database.
pub(super) struct Look(AnyConnection);

impl Look {
    /// The rows of a query.
    pub(super) async fn rows<T>(&mut self, sql: &'static str) -> Vec<T>
    where
        T: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        let rows = sqlx::query_as(sql).fetch_all(&mut self.0).await;
        rows.unwrap_or_else(|error| panic!("{error} in {sql}"))
    }

    /// The first column of a query, which is text.
    pub(super) async fn texts(&mut self, sql: &'static str) -> Vec<String> {
        let rows: Vec<(String,)> = self.rows(sql).await;
        rows.into_iter().map(|(text,)| text).collect()
    }
}
