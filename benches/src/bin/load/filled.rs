//! A database with a million finished executions: real ones, made once by the server and copied row by row under new ids.

use std::{fs, io, path::Path, time::Duration};

use rusqlite::{Connection as Database, params};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    error::{LoadError, Result, While as _},
    stage::{Settings, Stage, Witness, Workflow, api},
    workflows,
};

/// Executions that were interrupted in the middle of a call, where there are any.
const INTERRUPTED: usize = 10_000;

/// The table whose rows are the executions themselves.
const EXECUTIONS: &str = "executions";

/// Between two looks at whether a call has begun.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a server is started on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// 1,000 finished executions.
    Thousand,
    /// 1,000,000 finished executions.
    Million,
    /// 1,000,000 finished executions, and 10,000 that were interrupted.
    Interrupted,
}

/// A stage on which the server can be started again and again on a database with a known content.
pub(crate) struct Filled {
    pub(crate) stage: Stage,
    /// A chain, which is in the database.
    pub(crate) chain: Workflow,
    /// An execution that was interrupted.
    interrupted: String,
}

impl Filled {
    /// Fills the databases, which takes some gigabytes and minutes.
    ///
    /// # Errors
    /// When there is no room, or the schema is not understood.
    pub(crate) async fn make(settings: &Settings) -> Result<Self> {
        let mut stage = Stage::set(settings, Witness::None).await?;
        let chain = stage.publish(&workflows::chain()).await?;
        let (single, held) = (
            stage.publish(&workflows::single()).await?,
            stage.publish(&workflows::held()).await?,
        );
        let mut connection = stage.connect().await?;
        let finished = single.start(&mut connection).await?;
        stage.until_rest().await?;
        let interrupted = held.start(&mut connection).await?;
        let path = api(&format!("/executions/{interrupted}"));
        while connection.get(&path).await?["in_flight"] != 1 {
            sleep(LOOK_EVERY).await;
        }
        stage.kill_server().await?;
        // Only the file is copied, so that the write-ahead log must have been taken into it.
        let checkpoint =
            open(&stage.database())?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        checkpoint.during("checkpoint the database")?;
        for (content, count) in [(Content::Thousand, 1_000), (Content::Million, 1_000_000)] {
            let file = stage.file(content.file());
            fs::copy(stage.database(), &file).during("copy the database")?;
            multiply(&file, &finished, count)?;
        }
        Ok(Self {
            stage,
            chain,
            interrupted,
        })
    }

    /// Starts the server on a copy of that database, and tells how long it took until it was ready. One that runs is
    /// killed first.
    ///
    /// # Errors
    /// When the server does not come to be ready.
    pub(crate) async fn start(&mut self, content: Content) -> Result<Duration> {
        self.stage.kill_server().await?;
        let database = self.stage.database();
        for rest in ["agentchains.db-wal", "agentchains.db-shm"] {
            let removed = fs::remove_file(self.stage.file(rest));
            if removed
                .as_ref()
                .is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
            {
                removed.during("remove the write-ahead log")?;
            }
        }
        fs::copy(self.stage.file(content.file()), &database).during("copy the database")?;
        if content == Content::Interrupted {
            multiply(&database, &self.interrupted, INTERRUPTED)?;
        }
        // What the copy has left to be written must not be paid for by the server.
        let file = fs::File::open(&database).during("open the database")?;
        file.sync_all().during("write the database to disk")?;
        self.stage.start_server().await
    }
}

impl Content {
    fn file(self) -> &'static str {
        match self {
            Self::Thousand => "thousand.db",
            Self::Million | Self::Interrupted => "million.db",
        }
    }
}

fn open(path: &Path) -> Result<Database> {
    Database::open(path).during("open the database")
}

/// Copies all rows of an execution `count` times, each time under another id.
fn multiply(path: &Path, execution_id: &str, count: usize) -> Result<()> {
    let mut database = open(path)?;
    // Whoever loses power here makes the file again.
    let fast = "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144;
        CREATE TEMP TABLE copies (id TEXT PRIMARY KEY) WITHOUT ROWID;";
    database.execute_batch(fast).during("prepare the database")?;
    let transaction = database.transaction().during("begin a transaction")?;
    {
        let mut insert = transaction
            .prepare("INSERT INTO copies VALUES (?1)")
            .during("prepare new ids")?;
        for _ in 0..count {
            let id = Uuid::now_v7().hyphenated().to_string();
            insert.execute(params![id]).during("make new ids")?;
        }
    }
    for table in tables(&transaction)? {
        let copied = copy_rows(&transaction, &table, execution_id)?;
        if table == EXECUTIONS && copied != count {
            return Err(LoadError::new(format!(
                "copy an execution {count} times: {copied} were made"
            )));
        }
    }
    transaction.commit().during("commit the copies")?;
    database
        .close()
        .map_err(|(_, error)| error)
        .during("close the database")
}

/// The tables that have rows of an execution.
fn tables(database: &Database) -> Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND (name = ?1 OR EXISTS
        (SELECT 1 FROM pragma_table_info(sqlite_schema.name) column WHERE column.name = 'execution_id'))";
    strings(database, sql, EXECUTIONS)
}

fn copy_rows(database: &Database, table: &str, execution_id: &str) -> Result<usize> {
    let key = if table == EXECUTIONS { "id" } else { "execution_id" };
    let columns = strings(database, "SELECT name FROM pragma_table_info(?1)", table)?;
    let copied: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            name if name == key || name == "root_execution_id" => "copies.id".to_owned(),
            name => format!("original.\"{name}\""),
        })
        .collect();
    // The order of the join makes the rows come in the order of their ids, so that the indexes grow at their ends.
    let sql = format!(
        "INSERT INTO \"{table}\" (\"{}\") SELECT {} FROM copies CROSS JOIN \"{table}\" original
            WHERE original.\"{key}\" = ?1",
        columns.join("\", \""),
        copied.join(", "),
    );
    let doing = format!("copy the rows of {table}");
    database.execute(&sql, params![execution_id]).during(&doing)
}

/// The first column of a query with one parameter.
fn strings(database: &Database, sql: &str, argument: &str) -> Result<Vec<String>> {
    let mut statement = database.prepare(sql).during("read the schema")?;
    let rows = statement
        .query_map(params![argument], |row| row.get(0))
        .during("read the schema")?;
    rows.collect::<std::result::Result<_, _>>()
        .during("read the schema")
}
