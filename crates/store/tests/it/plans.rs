//! No statement reads a table from end to end that grows with the executions: each statement that the conformance suite
//! makes the store read by is explained by the database.

use std::{
    collections::BTreeSet,
    error::Error,
    sync::{Mutex, OnceLock},
};

use agentchains_store::Store;
use agentchains_testkit::store_conformance::Backend;
use async_trait::async_trait;
use rusqlite::Connection;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry,
};

use crate::backends::SqliteFile;

/// The tables that grow with the executions.
const GROWING: [&str; 13] = [
    "approvals",
    "attempts",
    "events",
    "execution_inputs",
    "execution_labels",
    "executions",
    "idempotency_keys",
    "large_value_uses",
    "large_values",
    "nodes",
    "purses",
    "seeds",
    "webhook_deliveries",
];

/// The index of the executions that are being driven, which are few: to read it is to read what is asked for.
const OF_FEW: &str = "USING INDEX executions_driven";

/// SQLite in a file, which explains when it is closed whatever it was asked.
pub(crate) struct Explained(SqliteFile);

impl Explained {
    pub(crate) fn new() -> Self {
        listen();
        Self(SqliteFile::new())
    }
}

#[async_trait]
impl Backend for Explained {
    type Store = Store;

    async fn open(&self) -> Result<Store, Box<dyn Error + Send + Sync>> {
        self.0.open().await
    }

    async fn close(&self, store: Store) {
        self.0.close(store).await;
        let database = Connection::open(self.0.path()).unwrap();
        for sql in heard().lock().unwrap().iter() {
            for step in plan(&database, sql) {
                assert!(!is_scan(&step), "{step}: {sql}");
            }
        }
    }
}

/// The steps by which the database would carry out a statement, without knowing how much is there.
fn plan(database: &Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get(3).unwrap());
    }
    steps
}

/// Whether a step reads the whole of a table that grows, be it in the order of an index.
fn is_scan(step: &str) -> bool {
    if step.ends_with(OF_FEW) {
        return false;
    }
    step.strip_prefix("SCAN ")
        .and_then(|rest| rest.split(' ').next())
        .is_some_and(|table| GROWING.contains(&table))
}

/// The statements that were carried out by this process.
fn heard() -> &'static Mutex<BTreeSet<String>> {
    static HEARD: OnceLock<Mutex<BTreeSet<String>>> = OnceLock::new();
    HEARD.get_or_init(Mutex::default)
}

/// Keeps every statement that a connection logs from now on.
fn listen() {
    // It is listened already where another test of this process does so.
    let _ = tracing::subscriber::set_global_default(registry().with(Statements));
}

struct Statements;

impl<S: Subscriber> Layer<S> for Statements {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Statement);
    }
}

struct Statement;

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        let sql = value.trim();
        let is_explained = ["SELECT", "UPDATE", "DELETE", "INSERT", "WITH"]
            .iter()
            .any(|word| sql.starts_with(word));
        if field.name() == "db.statement" && is_explained {
            heard().lock().unwrap().insert(sql.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[test]
fn a_scan_is_told_from_a_search() {
    for (step, expected) in [
        ("SCAN executions", true),
        ("SCAN nodes USING INDEX idx_nodes", true),
        ("SCAN executions USING INDEX executions_driven", false),
        ("SCAN meta", false),
        ("SEARCH executions USING PRIMARY KEY (id=?)", false),
    ] {
        assert_eq!(is_scan(step), expected, "{step}");
    }
}
