//! What only a database server can show: who may have a database, what becomes of lost connections, and how its own
//! ideas of text, order and indexes are met.

use agentchains_machine::{ExecutionRow, ExecutionStatus};
use agentchains_ports::{
    ApprovalFilter, Commit, CommitError, Creation, ExecutionFilter, ExecutionQuery, ExecutionStore, Fence,
    PageRequest, SealedSecret, SecretStore, StoreError,
};
use agentchains_store::{OpenError, Store, StoreOptions};
use agentchains_testkit::{
    samples::{TENANT, at, changes, execution, execution_id, workflow_id},
    store_conformance::Backend,
};
use futures_util::future::join_all;

use crate::backends::Postgres;

/// The sessions of stores, but not that of the question.
const SESSIONS: &str = "FROM pg_stat_activity WHERE application_name = 'agentchains'";

/// Ends every connection of stores, and waits until the server has let go of them.
fn disconnect(backend: &Postgres) {
    let sql = format!("SELECT pg_terminate_backend(pid, 10000) {SESSIONS}");
    assert!(backend.0.query(&sql).unwrap().iter().all(|ended| ended == "t"));
}

async fn created(store: &Store, ordinal: u32) -> Result<Fence, StoreError> {
    match store.create(changes(execution(ordinal), 1), None).await? {
        Creation::Created((_, fence)) | Creation::Replayed((_, fence)) => Ok(fence),
        Creation::KeyReused => panic!("no key was given"),
    }
}

async fn settle_node(store: &Store, ordinal: u32, fence: Fence) -> Result<(), CommitError> {
    let row = ExecutionRow {
        nodes_settled: 1,
        ..execution(ordinal)
    };
    let mut changes = changes(row, 1);
    changes.events.clear();
    let purses = Vec::new();
    store
        .commit(Commit {
            fence,
            changes,
            purses,
        })
        .await
}

fn is_unavailable<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Unavailable(_)))
}

#[tokio::test]
async fn a_second_store_on_the_same_database_is_refused_until_the_first_is_closed() {
    let Some(backend) = Postgres::new() else { return };
    let first = backend.open().await.unwrap();
    let refused = Store::open(backend.options()).await.err();
    assert!(
        matches!(&refused, Some(OpenError::InUse { database }) if database.starts_with("postgres://postgres@localhost/")),
        "{refused:?}"
    );
    first.close().await;
    backend.open().await.unwrap().close().await;
}

#[tokio::test]
async fn of_many_that_open_an_empty_database_at_once_one_makes_it_and_has_it() {
    let Some(backend) = Postgres::new() else { return };
    let opened = join_all((0..4).map(|_| Store::open(backend.options()))).await;
    let (open, refused): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
    assert_eq!(open.len(), 1);
    for refused in refused {
        assert!(matches!(refused.err(), Some(OpenError::InUse { .. })));
    }
    for store in open {
        let store = store.unwrap();
        created(&store, 1).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_store_beside_another_writes_secrets_and_disturbs_nothing() {
    let Some(backend) = Postgres::new() else { return };
    let secret = |name: &str| SealedSecret {
        name: name.to_owned(),
        sealed: vec![0, 1, 255],
        created_at: at(1),
        updated_at: at(1),
    };
    let first = Store::open_beside(backend.options()).await.unwrap();
    first.save_secret(TENANT, &secret("a")).await.unwrap();
    first.close().await;

    let server = backend.open().await.unwrap();
    let beside = Store::open_beside(backend.options()).await.unwrap();
    beside.save_secret(TENANT, &secret("b")).await.unwrap();
    assert_eq!(server.secrets(TENANT).await.unwrap(), [secret("a"), secret("b")]);
    beside.close().await;
    created(&server, 1).await.unwrap();
    server.close().await;
}

#[tokio::test]
async fn a_lost_connection_fails_what_was_asked_of_it_and_is_replaced() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open().await.unwrap();
    let fence = created(&store, 1).await.unwrap();
    disconnect(&backend);
    let written = settle_node(&store, 1, fence).await;
    assert!(
        matches!(written, Err(CommitError::Store(StoreError::Unavailable(_)))),
        "{written:?}"
    );
    let read = store.execution(TENANT, execution_id(1)).await;
    assert!(is_unavailable(&read), "{read:?}");

    settle_node(&store, 1, fence).await.unwrap();
    let read = store.execution(TENANT, execution_id(1)).await.unwrap().unwrap();
    assert_eq!(read.nodes_settled, 1);
    store.close().await;
}

#[tokio::test]
async fn a_connection_to_a_server_that_takes_no_writes_is_replaced() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open().await.unwrap();
    let set = |setting: &str| {
        let sql = format!(
            "BEGIN READ WRITE;
            DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {setting}', current_database()); END $$;
            COMMIT"
        );
        backend.0.query(&sql).unwrap();
    };
    set("SET default_transaction_read_only = on");
    disconnect(&backend);
    for attempt in ["on the connection that was lost", "on one that cannot write"] {
        let written = created(&store, 1).await;
        assert!(is_unavailable(&written), "{attempt}: {written:?}");
    }
    // What a session is set to at its beginning stays: only another one can write.
    set("RESET default_transaction_read_only");
    created(&store, 1).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_store_whose_database_another_one_has_had_meanwhile_writes_nothing_more() {
    let Some(backend) = Postgres::new() else { return };
    let old = backend.open().await.unwrap();
    let fence = created(&old, 1).await.unwrap();
    disconnect(&backend);
    let new = backend.open().await.unwrap();
    for _ in 0..3 {
        let written = settle_node(&old, 1, fence).await;
        assert!(
            matches!(written, Err(CommitError::Store(StoreError::Unavailable(_)))),
            "{written:?}"
        );
    }
    new.close().await;
    for ordinal in [1, 2] {
        assert!(is_unavailable(&created(&old, ordinal).await), "{ordinal}");
    }
    old.close().await;

    let last = backend.open().await.unwrap();
    let kept = last.execution(TENANT, execution_id(1)).await.unwrap().unwrap();
    assert_eq!(kept, changes(execution(1), 1).execution);
    assert_eq!(last.execution(TENANT, execution_id(2)).await.unwrap(), None);
    last.close().await;
}

#[tokio::test]
async fn text_that_the_server_refuses_fails_its_own_creation_only() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open().await.unwrap();
    let creations = (1..=5).map(|ordinal| {
        let row = ExecutionRow {
            initiated_by: if ordinal == 3 { "a\0da" } else { "ada" }.to_owned(),
            ..execution(ordinal)
        };
        store.create(changes(row, 1), None)
    });
    for (ordinal, outcome) in (1..).zip(join_all(creations).await) {
        match ordinal {
            3 => assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{outcome:?}"),
            _ => assert!(outcome.is_ok(), "{ordinal}: {outcome:?}"),
        }
    }
    store.close().await;
}

#[tokio::test]
async fn json_keeps_its_order_and_its_escapes() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open().await.unwrap();
    let input = serde_json::json!({"zebra": "a\0b", "ant": 1.5e300, "é": ["\u{10ffff}"]});
    let row = ExecutionRow {
        input: input.into(),
        ..execution(1)
    };
    store.create(changes(row.clone(), 1), None).await.unwrap();
    let read = store.execution(TENANT, execution_id(1)).await.unwrap().unwrap();
    assert_eq!(read.input.to_string(), row.input.to_string());
    store.close().await;
}

#[tokio::test]
async fn all_text_is_in_byte_order() {
    let Some(backend) = Postgres::new() else { return };
    backend.open().await.unwrap().close().await;
    let sql = "SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name <> 'seaql_migrations'
        AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'";
    assert_eq!(backend.0.query(sql).unwrap(), [""; 0]);
}

/// Fills the database with copies of one execution, of which few are of the second workflow, paused, labelled, driven
/// or due.
const FILL: &str = "
    INSERT INTO executions SELECT (jsonb_populate_record(e, jsonb_build_object(
        'id', fresh_id, 'root_execution_id', fresh_id, 'lease_epoch', 0, 'is_driven', n % 500 = 0,
        'workflow_id', CASE WHEN n % 100 = 0 THEN e.workflow_id ELSE gen_random_uuid()::text END,
        'status', CASE WHEN n % 100 = 1 THEN 'paused' ELSE 'completed' END,
        'wake_at', CASE WHEN n % 500 = 1 THEN n END))).*
    FROM executions e, generate_series(1, 10000) n, LATERAL (SELECT gen_random_uuid() AS fresh_id WHERE n > 0) f;
    INSERT INTO execution_inputs SELECT id, '{}' FROM executions WHERE id NOT IN (SELECT execution_id FROM execution_inputs);
    INSERT INTO execution_labels SELECT id, 'team', CASE WHEN is_driven THEN 'red' ELSE id END FROM executions;
    ANALYZE";

#[tokio::test]
async fn every_list_and_every_scan_of_the_engine_is_served_by_its_index() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open().await.unwrap();
    let row = ExecutionRow {
        workflow_id: workflow_id(2),
        ..execution(1)
    };
    store.create(changes(row, 1), None).await.unwrap();
    store.close().await;
    backend.0.query(FILL).unwrap();
    backend.0.query("SELECT pg_stat_reset()").unwrap();

    let store = backend.open().await.unwrap();
    let page = PageRequest {
        limit: 10,
        cursor: None,
    };
    let all = ExecutionFilter::default;
    for filter in [
        all(),
        ExecutionFilter {
            workflow_id: Some(workflow_id(2)),
            ..all()
        },
        ExecutionFilter {
            statuses: vec![ExecutionStatus::Paused],
            ..all()
        },
        ExecutionFilter {
            labels: [("team".to_owned(), "red".to_owned())].into(),
            ..all()
        },
    ] {
        assert!(
            !store
                .executions(TENANT, &filter, &page)
                .await
                .unwrap()
                .items
                .is_empty()
        );
    }
    assert_eq!(store.interrupted(None, 10).await.unwrap().len(), 10);
    assert_eq!(store.due(at(0), 10).await.unwrap().len(), 10);
    assert!(store.next_wake().await.unwrap().is_some());
    store
        .approvals(TENANT, &ApprovalFilter::default(), &page)
        .await
        .unwrap();
    store.close().await;

    disconnect(&backend);
    let unused = "SELECT name FROM unnest(ARRAY['executions_newest_first', 'executions_of_workflow',
        'executions_in_status', 'executions_driven', 'executions_due', 'execution_labels_by_value']) name
        WHERE NOT EXISTS (SELECT FROM pg_stat_user_indexes WHERE indexrelname = name AND idx_scan > 0)";
    assert_eq!(backend.0.query(unused).unwrap(), [""; 0]);
    let scanned = "SELECT relname FROM pg_stat_user_tables WHERE seq_scan > 0
        AND relname IN ('executions', 'execution_inputs', 'execution_labels')";
    assert_eq!(backend.0.query(scanned).unwrap(), [""; 0]);
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_refused_without_showing_its_password() {
    let refused = Store::open(StoreOptions::new("postgres://ada:secret@localhost:port/a")).await;
    let Err(OpenError::Address { url, .. }) = refused else {
        panic!("{:?}", refused.err());
    };
    assert_eq!(url, "postgres://ada@localhost:port/a");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_the_reason() {
    // Nobody may listen on the first of all ports without being asked to.
    let refused = Store::open(StoreOptions::new("postgres://nobody@127.0.0.1:1/none"))
        .await
        .err();
    let Some(OpenError::Connect { source, .. }) = refused else {
        panic!("{refused:?}");
    };
    let reason = source.to_string();
    assert!(reason.contains("refused"), "{reason}");
}
