//! Circuit breakers: the table does not grow without end, and what it holds is not trusted.

use agentchains_ports::{AgentKey, BreakerStore, MAX_KEPT_BREAKERS, StoreError};
use agentchains_store::Store;
use agentchains_testkit::store_conformance::Backend;
use sea_orm::{ConnectionTrait, Database};

use crate::backends::SqliteFile;

const CLOSED: &str = r#"{"state":"closed","failure_count":0,"half_open_in_flight":0,"transitions":[]}"#;

/// A store to which so many breakers were added while it was closed.
async fn with_breakers(backend: &SqliteFile, number: u32, snapshot: &str) -> Store {
    backend.close(backend.open().await.unwrap()).await;
    let connection = Database::connect(backend.options().url).await.unwrap();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})
         INSERT INTO breakers (tenant, agent_id, snapshot) SELECT '', 'agent-' || i, '{snapshot}' FROM n"
    );
    connection.execute_unprepared(&sql).await.unwrap();
    connection.close().await.unwrap();
    backend.open().await.unwrap()
}

#[tokio::test]
async fn those_that_were_changed_longest_ago_make_room() {
    let backend = SqliteFile::new();
    let store = with_breakers(&backend, MAX_KEPT_BREAKERS, CLOSED).await;
    let all = store.load_breakers(0, u32::MAX).await.unwrap();
    assert_eq!(all.len(), MAX_KEPT_BREAKERS as usize);
    store
        .save_breaker(&AgentKey::shared("one-more"), &all[0].snapshot)
        .await
        .unwrap();
    let kept = store.load_breakers(0, u32::MAX).await.unwrap();
    assert_eq!(kept.len(), MAX_KEPT_BREAKERS as usize);
    assert_eq!(kept.first().map(|first| first.agent.agent_id()), Some("agent-2"));
    assert_eq!(kept.last().map(|last| last.agent.agent_id()), Some("one-more"));
    store.close().await;
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_understood_is_an_error() {
    let backend = SqliteFile::new();
    let store = with_breakers(&backend, 1, r#"{"state":"ajar"}"#).await;
    let error = store.load_breakers(0, 10).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Corrupt {
                place: "breakers.snapshot",
                ..
            }
        ),
        "{error:?}"
    );
    store.close().await;
}
