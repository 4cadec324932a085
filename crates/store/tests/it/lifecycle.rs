//! Opening, closing, and what callers that do not wait may rely on.

use agentchains_ports::{ExecutionQuery, ExecutionStore, StoreError};
use agentchains_store::{Durability, OpenError, Store, StoreOptions};
use agentchains_testkit::{
    samples::{TENANT, changes, execution, execution_id},
    store_conformance::Backend,
};
use futures_util::FutureExt;

use crate::backends::{SqliteFile, SqliteInMemory};

#[tokio::test]
async fn a_request_is_served_though_its_caller_stops_waiting() {
    let store = SqliteInMemory.open().await.unwrap();
    let impatient = store.create(changes(execution(1), 1), None).now_or_never();
    assert!(impatient.is_none());
    store.create(changes(execution(2), 1), None).await.unwrap();
    assert!(store.execution(TENANT, execution_id(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn closing_waits_for_what_was_asked_for() {
    let backend = SqliteFile::new();
    let store = backend.open().await.unwrap();
    for ordinal in 0..50 {
        let unanswered = store.create(changes(execution(ordinal), 1), None).now_or_never();
        assert!(unanswered.is_none());
    }
    store.close().await;

    let store = backend.open().await.unwrap();
    for ordinal in 0..50 {
        assert!(
            store
                .execution(TENANT, execution_id(ordinal))
                .await
                .unwrap()
                .is_some(),
            "{ordinal}"
        );
    }
    store.close().await;
}

#[tokio::test]
async fn a_closed_store_is_unavailable_to_every_clone() {
    for store in [
        SqliteInMemory.open().await.unwrap(),
        SqliteFile::new().open().await.unwrap(),
    ] {
        let clone = store.clone();
        store.close().await;
        let written = clone.create(changes(execution(1), 1), None).await;
        assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
        let read = clone.execution(TENANT, execution_id(1)).await;
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
        assert!(matches!(clone.ping().await, Err(StoreError::Unavailable(_))));
        clone.close().await;
    }
}

#[tokio::test]
async fn an_open_store_answers_a_ping() {
    SqliteInMemory.open().await.unwrap().ping().await.unwrap();
    SqliteFile::new().open().await.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn normal_durability_and_a_single_reader_work_as_well() {
    let backend = SqliteFile::new();
    let options = StoreOptions {
        durability: Durability::Normal,
        readers: 0,
        ..backend.options()
    };
    let store = Store::open(options).await.unwrap();
    store.create(changes(execution(1), 1), None).await.unwrap();
    assert!(store.execution(TENANT, execution_id(1)).await.unwrap().is_some());
    store.close().await;
}

#[tokio::test]
async fn an_address_of_no_database_is_refused() {
    for url in [
        "agentchains.db",
        "sqlite:",
        "mysql://localhost/a",
        "postgres://localhost:port/a",
        "sqlite:a.db?mode=wild",
    ] {
        let refused = Store::open(StoreOptions::new(url)).await.err();
        assert!(
            matches!(&refused, Some(OpenError::Address { .. })),
            "{url}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn databases_in_memory_are_apart() {
    let first = SqliteInMemory.open().await.unwrap();
    let second = SqliteInMemory.open().await.unwrap();
    first.create(changes(execution(1), 1), None).await.unwrap();
    assert_eq!(second.execution(TENANT, execution_id(1)).await.unwrap(), None);
}
