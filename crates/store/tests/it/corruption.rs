//! A database that holds what this program did not write is an error, never a panic and never a guess.

use agentchains_machine::Json;
use agentchains_ports::{ExecutionQuery, ExecutionStore, StoreError};
use agentchains_store::{OpenError, Store};
use agentchains_testkit::{
    samples::{TENANT, approval, approval_id, attempt, changes, child, execution_id, make_fork, node},
    store_conformance::Backend,
};
use sea_orm::{ConnectionTrait, Database};

use crate::backends::SqliteFile;

/// A store whose database was changed by hand while it was closed.
async fn tampered(backend: &SqliteFile, sql: &str) -> Result<Store, OpenError> {
    let connection = Database::connect(backend.options().url).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
    Store::open(backend.options()).await
}

async fn filled() -> SqliteFile {
    filled_with(Json::null()).await
}

/// A database with this value in an event.
async fn filled_with(data: Json) -> SqliteFile {
    let backend = SqliteFile::new();
    let store = backend.open().await.unwrap();
    let mut changes = changes(child(1, 7), 1);
    changes.events[0].data = data;
    changes.nodes = vec![node("web", 0)];
    changes.attempts = vec![attempt("web", 1)];
    changes.approvals = vec![approval(1, execution_id(1))];
    make_fork(&mut changes);
    store.create(changes, None).await.unwrap();
    store.close().await;
    backend
}

/// The place that the error names when everything of the execution is read.
async fn read_error(store: &Store) -> Option<&'static str> {
    let id = execution_id(1);
    let errors = [
        store.execution(TENANT, id).await.err(),
        store.nodes(id).await.err(),
        store.attempts(id).await.err(),
        store.events(id, 0, 10).await.err(),
        store.approval(TENANT, approval_id(1)).await.err(),
        store.snapshot(TENANT, id).await.err(),
    ];
    errors
        .into_iter()
        .flatten()
        .map(|error| match error {
            StoreError::Corrupt { place, .. } => place,
            other => panic!("{other:?} does not say that the database is corrupt"),
        })
        .next()
}

#[tokio::test]
async fn what_cannot_be_understood_is_named() {
    for (column, value) in [
        ("executions.status", "'exploded'"),
        ("executions.pause_reason", "'boredom'"),
        ("executions.ending", "'{\"cause\": \"boredom\"}'"),
        ("executions.on_budget", "'panic'"),
        ("executions.workflow_id", "'w1'"),
        ("executions.labels", "'[]'"),
        ("executions.root_execution_id", "'e1'"),
        ("executions.parent_execution_id", "'e1'"),
        ("executions.parent_path", "NULL"),
        ("executions.parent_budgets", "NULL"),
        ("executions.parent_budgets", "'[7]'"),
        ("executions.forked_from", "'e1'"),
        ("executions.created_at", "9223372036854775807"),
        ("executions.last_seq", "-1"),
        ("executions.revision", "-1"),
        ("execution_inputs.input", "'{'"),
        ("nodes.state", "'{}'"),
        ("nodes.status", "'completed'"),
        ("nodes.type", "'teapot'"),
        ("nodes.child_execution_id", "'e1'"),
        ("attempts.status", "'exploded'"),
        ("attempts.message_id", "'m1'"),
        ("attempts.usage", "'7'"),
        ("events.type", "'node.exploded'"),
        ("events.data", "'not JSON'"),
        ("approvals.kind", "'riddle'"),
        ("approvals.decisions", "'{}'"),
        ("seeds.output", "'{'"),
    ] {
        let backend = filled().await;
        let (table, name) = column.split_once('.').unwrap();
        let store = tampered(&backend, &format!("UPDATE {table} SET {name} = {value}"))
            .await
            .unwrap();
        assert_eq!(read_error(&store).await, Some(column), "{column} = {value}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_large_value_that_is_gone_or_another_is_an_error() {
    let large = Json::from("x".repeat(100_000).as_str());
    for (sql, place) in [
        (
            "DELETE FROM large_value_uses; DELETE FROM large_values",
            "events.data",
        ),
        ("UPDATE events SET data = '[' || char(1) || 'abc'", "events.data"),
        ("UPDATE large_values SET body = '\"short\"'", "large_values.body"),
    ] {
        let backend = filled_with(large.clone()).await;
        let store = tampered(&backend, sql).await.unwrap();
        assert_eq!(read_error(&store).await, Some(place), "{sql}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error() {
    for (table, name) in [
        ("executions", "spent"),
        ("executions", "in_flight"),
        ("nodes", "position"),
        ("events", "at"),
    ] {
        let backend = filled().await;
        let store = tampered(&backend, &format!("UPDATE {table} SET {name} = 'much'"))
            .await
            .unwrap();
        assert_eq!(read_error(&store).await, Some("a column"), "{table}.{name}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_child_execution_that_lost_its_parent_is_an_error() {
    let backend = filled().await;
    let store = tampered(&backend, "UPDATE executions SET parent_execution_id = NULL")
        .await
        .unwrap();
    assert_eq!(read_error(&store).await, Some("executions.root_execution_id"));
    store.close().await;
}

#[tokio::test]
async fn an_execution_without_its_input_is_an_error() {
    let backend = filled().await;
    let store = tampered(&backend, "DELETE FROM execution_inputs").await.unwrap();
    assert_eq!(read_error(&store).await, Some("execution_inputs"));
    let claimed = store.claim(execution_id(1)).await;
    assert!(matches!(claimed, Err(StoreError::Corrupt { .. })), "{claimed:?}");
    store.close().await;
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused() {
    let backend = filled().await;
    let later = "INSERT INTO seaql_migrations VALUES ('m99990101_000001_later', 0)";
    let refused = tampered(&backend, later).await.err();
    assert!(matches!(refused, Some(OpenError::Later { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_epoch_that_is_no_counter_is_refused() {
    for epoch in ["-5", "9223372036854775807"] {
        let backend = filled().await;
        let refused = tampered(&backend, &format!("UPDATE meta SET value = {epoch}"))
            .await
            .err();
        assert!(
            matches!(refused, Some(OpenError::Connect { .. })),
            "{epoch}: {refused:?}"
        );
    }
}
