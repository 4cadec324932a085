//! A transaction that fails is nobody's success, and the store goes on by itself (I34).

use agentchains_machine::{ApprovalStatus, ExecutionRow};
use agentchains_ports::{Commit, CommitError, Creation, ExecutionQuery, ExecutionStore, Fence, StoreError};
use agentchains_store::Store;
use agentchains_testkit::{
    samples::{TENANT, approval, approval_id, changes, execution, execution_id, node},
    store_conformance::Backend,
};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};

use crate::backends::SqliteFile;

/// Breaks the database so that rows whose text says "disk full" cannot be written.
async fn break_database(backend: &SqliteFile) -> DatabaseConnection {
    let connection = Database::connect(backend.options().url).await.unwrap();
    for (name, event) in [("broken_insert", "INSERT"), ("broken_update", "UPDATE")] {
        let trigger = format!(
            "CREATE TRIGGER {name} BEFORE {event} ON executions
                WHEN NEW.initiated_by = 'disk full' OR NEW.output = '\"disk full\"'
                BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        );
        connection.execute_unprepared(&trigger).await.unwrap();
    }
    connection
}

async fn created(store: &Store, count: u32) -> Vec<Fence> {
    let mut fences = Vec::new();
    for ordinal in 0..count {
        let Creation::Created((_, fence)) = store.create(changes(execution(ordinal), 1), None).await.unwrap()
        else {
            panic!("it is not there yet");
        };
        fences.push(fence);
    }
    fences
}

fn commit(ordinal: u32, fence: Fence, output: &str) -> Commit {
    let row = ExecutionRow {
        last_seq: 1,
        nodes_settled: 1,
        output: Some(output.into()),
        ..execution(ordinal)
    };
    let mut changes = changes(row, 1);
    changes.nodes = vec![node("web", 0)];
    changes.approvals = vec![approval(ordinal, execution_id(ordinal))];
    Commit {
        fence,
        changes,
        purses: Vec::new(),
    }
}

#[tokio::test]
async fn a_failed_transaction_fails_every_commit_in_it_and_writes_nothing() {
    let backend = SqliteFile::new();
    let store = backend.open().await.unwrap();
    let fences = created(&store, 10).await;
    let breakage = break_database(&backend).await;

    let commits = (0..10).zip(&fences).map(|(ordinal, fence)| {
        store.commit(commit(
            ordinal,
            *fence,
            if ordinal == 7 { "disk full" } else { "ada" },
        ))
    });
    let outcomes = join_all(commits).await;
    // Which of them share its transaction is the writer's choice.
    assert!(outcomes[7].is_err(), "{outcomes:?}");
    for (ordinal, outcome) in (0..10).zip(&outcomes) {
        let id = execution_id(ordinal);
        let written = match outcome {
            Ok(()) => 1,
            Err(CommitError::Store(StoreError::Unavailable(_))) => 0,
            other => panic!("{other:?}"),
        };
        let row = store.execution(TENANT, id).await.unwrap().unwrap();
        assert_eq!(row.nodes_settled, written);
        assert_eq!(store.nodes(id).await.unwrap().len(), written as usize);
        assert_eq!(store.events(id, 0, 10).await.unwrap().len(), 1 + written as usize);
        let approval = store.approval(TENANT, approval_id(ordinal)).await.unwrap();
        assert_eq!(approval.is_some(), written == 1);
    }

    breakage
        .execute_unprepared("DROP TRIGGER broken_update")
        .await
        .unwrap();
    let failed = (0..10).zip(&fences).zip(&outcomes);
    let again = failed
        .filter(|(_, outcome)| outcome.is_err())
        .map(|((ordinal, fence), _)| store.commit(commit(ordinal, *fence, "ada")));
    assert!(join_all(again).await.iter().all(Result::is_ok));
    assert_eq!(
        store
            .approval(TENANT, approval_id(3))
            .await
            .unwrap()
            .map(|row| row.status),
        Some(ApprovalStatus::Pending)
    );
    store.close().await;
}

#[tokio::test]
async fn a_failed_creation_leaves_nothing_behind() {
    let backend = SqliteFile::new();
    let store = backend.open().await.unwrap();
    let breakage = break_database(&backend).await;
    let broken = ExecutionRow {
        initiated_by: "disk full".to_owned(),
        ..execution(1)
    };
    let failed = store.create(changes(broken.clone(), 1), None).await;
    assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
    assert_eq!(store.execution(TENANT, execution_id(1)).await.unwrap(), None);
    assert_eq!(store.events(execution_id(1), 0, 10).await.unwrap(), []);

    breakage
        .execute_unprepared("DROP TRIGGER broken_insert")
        .await
        .unwrap();
    store.create(changes(broken, 1), None).await.unwrap();
    assert!(store.execution(TENANT, execution_id(1)).await.unwrap().is_some());
    store.close().await;
}

#[tokio::test]
async fn a_table_that_is_missing_for_a_while_fails_commits_until_it_is_back() {
    let backend = SqliteFile::new();
    let store = backend.open().await.unwrap();
    let fences = created(&store, 1).await;
    let breakage = Database::connect(backend.options().url).await.unwrap();
    breakage
        .execute_unprepared("ALTER TABLE events RENAME TO gone")
        .await
        .unwrap();
    let failed = store.commit(commit(0, fences[0], "ada")).await;
    assert!(
        matches!(failed, Err(CommitError::Store(StoreError::Unavailable(_)))),
        "{failed:?}"
    );
    assert!(store.execution(TENANT, execution_id(0)).await.unwrap().is_some());

    breakage
        .execute_unprepared("ALTER TABLE gone RENAME TO events")
        .await
        .unwrap();
    store.commit(commit(0, fences[0], "ada")).await.unwrap();
    store.close().await;
}
