//! Large values in the database: each once, and no longer than they are used.

use std::sync::Arc;

use agentchains_machine::{
    Changes, Completion, ExecutionRow, ExecutionStatus, Json, NodeRequest, NodeRow, NodeState,
};
use agentchains_ports::{Commit, CommitError, Creation, ExecutionQuery, ExecutionStore};
use agentchains_store::Store;
use agentchains_testkit::{
    samples::{TENANT, approval, changes, execution, execution_id, full_node, make_fork, node},
    store_conformance::Backend,
};
use async_trait::async_trait;
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};

use crate::backends::SqliteFile;

/// A database that is looked at beside its store.
#[async_trait]
trait Visible: Backend<Store = Store> {
    /// The one number that a query has for an answer.
    async fn number(&self, sql: &str) -> i64;

    /// How many values are kept.
    async fn values(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM large_values").await
    }
}

#[async_trait]
impl Visible for SqliteFile {
    async fn number(&self, sql: &str) -> i64 {
        let database = Database::connect(self.options().url).await.unwrap();
        let query = Statement::from_string(DbBackend::Sqlite, sql);
        let row = database.query_one_raw(query).await.unwrap().unwrap();
        database.close().await.unwrap();
        row.try_get_by_index(0).unwrap()
    }
}

/// The longest text of any row that may have a payload.
const LONGEST: &str = "SELECT MAX(bytes) FROM (
    SELECT MAX(LENGTH(output)) AS bytes FROM executions UNION ALL
    SELECT MAX(LENGTH(input)) FROM execution_inputs UNION ALL
    SELECT MAX(LENGTH(state)) FROM nodes UNION ALL
    SELECT MAX(LENGTH(request)) FROM nodes UNION ALL
    SELECT MAX(LENGTH(output)) FROM seeds UNION ALL
    SELECT MAX(LENGTH(data)) FROM events UNION ALL
    SELECT MAX(LENGTH(shown)) FROM approvals) AS texts";

/// A text that takes that many bytes in JSON.
fn text(bytes: usize) -> Json {
    "x".repeat(bytes - 2).as_str().into()
}

/// The output of a node, the request of the next one, what was shown to a person, an event and the output of the
/// execution: all are the same value.
fn passed_on(value: &Json) -> Changes {
    let row = ExecutionRow {
        status: ExecutionStatus::Completed,
        output: Some(value.clone()),
        ..execution(1)
    };
    let mut changes = changes(row, 1);
    let completed = NodeState::Completed(Completion {
        output: value.clone(),
        branch: None,
        replaced: None,
    });
    let next = NodeRow {
        request: Some(Arc::new(NodeRequest {
            config: [("text", value.clone())].into_iter().collect(),
            items: None,
            upstream: vec!["web".to_owned()],
        })),
        ..node("merge", 1)
    };
    changes.nodes = vec![full_node("web", 0, completed), next];
    changes.approvals = vec![approval(1, execution_id(1))];
    changes.approvals[0].shown = [value.clone()].into_iter().collect();
    changes.events[0].data = [("output", value.clone())].into_iter().collect();
    changes
}

/// A fork that was started with the value, and takes it over.
fn fork(value: &Json) -> Changes {
    let row = ExecutionRow {
        input: [("topic", value.clone())].into_iter().collect(),
        status: ExecutionStatus::Completed,
        ..execution(2)
    };
    let mut changes = changes(row, 1);
    make_fork(&mut changes);
    changes.seeds[0].output = value.clone();
    changes
}

async fn a_value_is_kept_once_and_goes_with_the_last_execution_that_uses_it<D: Visible>(database: &D) {
    let store = database.open().await.unwrap();
    let value = text(100_000);
    store.create(passed_on(&value), None).await.unwrap();
    assert_eq!(database.values().await, 1);
    store.create(fork(&value), None).await.unwrap();
    assert_eq!(database.values().await, 1);
    assert_eq!(database.number("SELECT COUNT(*) FROM large_value_uses").await, 2);
    assert!(database.number(LONGEST).await < 10_000);

    assert!(store.delete_terminal(TENANT, execution_id(1)).await.unwrap());
    assert_eq!(database.values().await, 1);
    let snapshot = store.snapshot(TENANT, execution_id(2)).await.unwrap().unwrap();
    assert_eq!(snapshot.seeds, fork(&value).seeds);
    assert!(store.delete_terminal(TENANT, execution_id(2)).await.unwrap());
    assert_eq!(database.values().await, 0);
    store.close().await;
}

async fn values_within_values_go_with_them<D: Visible>(database: &D) {
    let store = database.open().await.unwrap();
    // Two lists that are large also without their first item, which is the same in both.
    let list = |last: u32| -> Json {
        let items = [text(100_000), text(50_000), text(30_000), last.into()];
        items.into_iter().collect()
    };
    let row = |ordinal| ExecutionRow {
        status: ExecutionStatus::Completed,
        input: list(ordinal),
        ..execution(ordinal)
    };
    for ordinal in [1, 2] {
        store.create(changes(row(ordinal), 1), None).await.unwrap();
    }
    assert_eq!(database.values().await, 3);
    assert!(store.delete_terminal(TENANT, execution_id(1)).await.unwrap());
    assert_eq!(database.values().await, 2);
    let kept = store.execution(TENANT, execution_id(2)).await.unwrap().unwrap();
    assert_eq!(kept.input, list(2));
    store.close().await;
}

async fn small_values_stay_in_their_rows<D: Visible>(database: &D) {
    let store = database.open().await.unwrap();
    let row = ExecutionRow {
        input: text(64 << 10),
        ..execution(1)
    };
    store.create(changes(row, 1), None).await.unwrap();
    assert_eq!(database.values().await, 0);
    assert_eq!(database.number(LONGEST).await, 64 << 10);
    store.close().await;
}

async fn what_is_not_written_leaves_no_value<D: Visible>(database: &D) {
    let store = database.open().await.unwrap();
    let created = store.create(changes(execution(1), 1), None).await.unwrap();
    let Creation::Created((_, fence)) = created else {
        panic!("{created:?} is no creation");
    };
    let mut stale = Commit {
        fence: fence.advanced(),
        changes: passed_on(&text(100_000)),
        purses: Vec::new(),
    };
    stale.changes.events.clear();
    let refused = store.commit(stale.clone()).await;
    assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    assert_eq!(database.values().await, 0);

    let commit = Commit { fence, ..stale };
    store.commit(commit.clone()).await.unwrap();
    assert_eq!(database.values().await, 1);
    assert_eq!(store.nodes(execution_id(1)).await.unwrap(), commit.changes.nodes);
    store.close().await;
}

/// A commit of two executions with the same value, and with one that only the first has.
async fn commits_that_share_a_transaction_share_values<D: Visible>(database: &D) {
    let store = database.open().await.unwrap();
    let with = |ordinal, input: Json| {
        let row = ExecutionRow {
            input,
            ..execution(ordinal)
        };
        store.create(changes(row, 1), None)
    };
    let value = text(100_000);
    let both: Json = [value.clone(), text(100_001)].into_iter().collect();
    let (first, second) = tokio::join!(with(1, both.clone()), with(2, value.clone()));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(database.values().await, 2);
    for (ordinal, expected) in [(1, both), (2, value)] {
        let found = store.execution(TENANT, execution_id(ordinal)).await;
        assert_eq!(found.unwrap().unwrap().input, expected);
    }
    store.close().await;
}

async fn an_execution_that_is_not_deleted_keeps_its_values<D: Visible>(database: &D) {
    let store = database.open().await.unwrap();
    let row = ExecutionRow {
        input: text(100_000),
        ..execution(1)
    };
    store.create(changes(row, 1), None).await.unwrap();
    assert!(!store.delete_terminal(TENANT, execution_id(1)).await.unwrap());
    assert_eq!(database.values().await, 1);
    store.close().await;
}

/// Makes a test of each of these bodies, where there is a database.
macro_rules! tests {
    ($backend:expr) => {
        tests! { $backend;
            a_value_is_kept_once_and_goes_with_the_last_execution_that_uses_it,
            values_within_values_go_with_them,
            small_values_stay_in_their_rows,
            what_is_not_written_leaves_no_value,
            commits_that_share_a_transaction_share_values,
            an_execution_that_is_not_deleted_keeps_its_values
        }
    };
    ($backend:expr; $($name:ident),+) => {$(
        #[tokio::test]
        async fn $name() {
            let Some(backend) = $backend else { return };
            super::$name(&backend).await;
        }
    )+};
}

mod sqlite {
    tests!(Some(crate::backends::SqliteFile::new()));
}

#[cfg(unix)]
mod postgres {
    use super::Visible;
    use crate::backends::Postgres;

    #[async_trait::async_trait]
    impl Visible for Postgres {
        async fn number(&self, sql: &str) -> i64 {
            self.0.query(sql).unwrap()[0].parse().unwrap()
        }
    }

    tests!(Postgres::new());
}
