//! The least that durability costs: one thread that writes to SQLite (write-ahead log, `synchronous = FULL`), and puts
//! all rows that wait for it into one transaction.

use std::{path::Path, sync::mpsc, thread};

use rusqlite::{Connection as Database, params};
use tokio::sync::oneshot;

use crate::error::{LoadError, Result, While as _};

/// As much as a node's result has.
const ROW: &str = r#"{"status":"completed","output":{"delay_ms":0},"cost_usd":0,"attempt":1,"finished_at":"2026-11-22T12:00:00.000Z"}"#;

/// Rows in one transaction at the most.
const MAX_BATCH: usize = 256;

const INSERT: &str = "INSERT INTO results (execution, node, result) VALUES (?1, ?2, ?3)";

/// A row to be committed, and who waits for it.
struct Waiting {
    key: (i64, i64),
    committed: oneshot::Sender<()>,
}

/// The way to the writing thread, which ends with it.
#[derive(Clone)]
pub(crate) struct Writer {
    rows: mpsc::Sender<Waiting>,
}

impl Writer {
    /// Starts the thread on a new database.
    ///
    /// # Errors
    /// When the database cannot be made.
    pub(crate) fn start(path: &Path) -> Result<Self> {
        let database = open(path)?;
        let (rows, waiting) = mpsc::channel();
        // A failure ends the thread, and shows to those that wait.
        thread::spawn(move || write(&database, &waiting));
        Ok(Self { rows })
    }

    /// Commits a row, and returns when it is on disk.
    ///
    /// # Errors
    /// When the thread has ended.
    pub(crate) async fn commit(&self, execution: i64, node: i64) -> Result<()> {
        let (committed, acknowledged) = oneshot::channel();
        let key = (execution, node);
        self.rows.send(Waiting { key, committed }).during("send a row")?;
        acknowledged.await.during("commit a row")
    }
}

fn write(database: &Database, waiting: &mpsc::Receiver<Waiting>) -> Result<()> {
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(MAX_BATCH));
        commit(database, batch.iter().map(|row| row.key))?;
        for row in batch {
            // Whoever gave up does not care.
            let _ = row.committed.send(());
        }
    }
    Ok(())
}

/// Opens a new database with the table of [`commit`].
///
/// # Errors
/// When it cannot be made, or has a write-ahead log of another kind.
pub(crate) fn open(path: &Path) -> Result<Database> {
    let database = Database::open(path).during("make a database")?;
    let mode: String = database
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .during("set the journal mode")?;
    if mode != "wal" {
        return Err(LoadError::new(format!("set the journal mode: it is {mode}")));
    }
    let schema = "PRAGMA synchronous = FULL;
        CREATE TABLE results (execution INTEGER, node INTEGER, result TEXT NOT NULL, PRIMARY KEY (execution, node))
        WITHOUT ROWID;";
    database.execute_batch(schema).during("make a table")?;
    Ok(database)
}

/// Commits a row for each of these executions and nodes in one transaction.
///
/// # Errors
/// When the database refuses.
pub(crate) fn commit(database: &Database, keys: impl Iterator<Item = (i64, i64)>) -> Result<()> {
    database
        .prepare_cached("BEGIN IMMEDIATE")
        .and_then(|mut begin| begin.execute([]))
        .during("begin")?;
    let mut insert = database.prepare_cached(INSERT).during("prepare a row")?;
    for (execution, node) in keys {
        insert
            .execute(params![execution, node, ROW])
            .during("insert a row")?;
    }
    database
        .prepare_cached("COMMIT")
        .and_then(|mut commit| commit.execute([]))
        .during("commit")
        .map(|_| ())
}
