//! Executions are created once, however often that is asked for.

use agentchains_machine::{ExecutionRow, ExecutionStatus};
use agentchains_ports::{Creation, Fence, Idempotency};
use futures_util::future::try_join_all;

use super::{Ports, TestResult, advance, create};
use crate::samples::{TENANT, at, changes, execution, execution_id, make_fork, node};

fn key(key: &str, fingerprint: &str) -> Option<Idempotency> {
    Some(Idempotency {
        key: key.to_owned(),
        fingerprint: fingerprint.to_owned(),
        expires_at: at(1000),
    })
}

/// A further creation of the same id is answered with the present fence, and nothing of it is written: neither its
/// rows nor its key.
pub async fn an_execution_is_created_once<S: Ports>(store: &S) -> TestResult {
    let first = changes(execution(1), 1);
    let id = first.execution.id;
    let fence = create(store, first.clone()).await?;
    assert_eq!(fence.revision, 1);
    let again = ExecutionRow {
        initiated_by: "grace".to_owned(),
        ..execution(1)
    };
    let mut again = changes(again, 2);
    again.nodes = vec![node("web", 0)];
    make_fork(&mut again);
    for key in [None, key("k", "POST /a")] {
        let answer = store.create(again.clone(), key).await?;
        assert_eq!(answer, Creation::Replayed((id, fence)));
    }
    let there = store.snapshot(TENANT, id).await?.ok_or("the first one stays")?;
    assert_eq!(there.execution, first.execution);
    assert_eq!((there.nodes, there.seeds), (vec![], vec![]));
    assert_eq!(store.events(id, 0, 10).await?, first.events);

    advance(store, id, fence, |row| row.status = ExecutionStatus::Completed).await?;
    let later = store.create(again, None).await?;
    assert_eq!(later, Creation::Replayed((id, fence.advanced())));
    let free = store
        .create(changes(execution(2), 1), key("k", "POST /b"))
        .await?;
    assert!(matches!(free, Creation::Created(_)), "{free:?}");
    Ok(())
}

/// Of many creations of a few ids at the same time, one for each makes the execution that all are answered with.
pub async fn an_id_that_many_race_on_makes_one_execution<S: Ports>(store: &S) -> TestResult {
    let ids = || (0..40).map(|ordinal| ordinal % 4);
    let answers = try_join_all(ids().map(|id| store.create(changes(execution(id), 1), None))).await?;
    for (id, answer) in ids().zip(&answers) {
        let (Creation::Created((made, _)) | Creation::Replayed((made, _))) = answer else {
            return Err(format!("{answer:?} names no execution").into());
        };
        assert_eq!(*made, execution_id(id));
    }
    let created = answers
        .iter()
        .filter(|answer| matches!(answer, Creation::Created(_)));
    assert_eq!(created.count(), 4);
    for id in 0..4 {
        assert_eq!(store.events(execution_id(id), 0, 10).await?.len(), 1);
    }
    Ok(())
}

/// The answer names the execution that the key made, with its present fence.
pub async fn a_key_makes_one_execution_and_is_answered_with_it<S: Ports>(store: &S) -> TestResult {
    let made = store
        .create(changes(execution(1), 1), key("k", "POST /a"))
        .await?;
    let Creation::Created((id, fence)) = made else {
        return Err(format!("{made:?} is not a creation").into());
    };
    assert_eq!(id, execution_id(1));
    let again = store
        .create(changes(execution(2), 1), key("k", "POST /a"))
        .await?;
    assert_eq!(again, Creation::Replayed((id, fence)));
    assert_eq!(store.execution(TENANT, execution_id(2)).await?, None);

    advance(store, id, fence, |row| row.status = ExecutionStatus::Completed).await?;
    let later = store
        .create(changes(execution(3), 1), key("k", "POST /a"))
        .await?;
    assert_eq!(later, Creation::Replayed((id, fence.advanced())));
    Ok(())
}

/// Of many requests with one key at the same time, one makes the execution that all are answered with.
pub async fn a_key_that_many_race_on_makes_one_execution<S: Ports>(store: &S) -> TestResult {
    let requests = (1..=40).map(|ordinal| store.create(changes(execution(ordinal), 1), key("k", "POST /a")));
    let answers = try_join_all(requests).await?;
    let ids = |wanted: fn(&Creation<_>) -> bool| -> Vec<(_, Fence)> {
        let wanted = answers.iter().filter(|answer| wanted(answer));
        wanted
            .filter_map(|answer| match answer {
                Creation::Created(made) | Creation::Replayed(made) => Some(*made),
                Creation::KeyReused => None,
            })
            .collect()
    };
    let created = ids(|answer| matches!(answer, Creation::Created(_)));
    let replayed = ids(|answer| matches!(answer, Creation::Replayed(_)));
    assert_eq!((created.len(), replayed.len()), (1, 39));
    assert!(replayed.iter().all(|made| *made == created[0]));
    let listed = store
        .executions(TENANT, &Default::default(), &super::first_page(50))
        .await?;
    assert_eq!(listed.items.len(), 1);
    Ok(())
}

/// Nothing is made of it.
pub async fn a_key_of_another_request_is_refused<S: Ports>(store: &S) -> TestResult {
    store
        .create(changes(execution(1), 1), key("k", "POST /a"))
        .await?;
    let other = store
        .create(changes(execution(2), 1), key("k", "POST /b"))
        .await?;
    assert_eq!(other, Creation::KeyReused);
    assert_eq!(store.execution(TENANT, execution_id(2)).await?, None);
    Ok(())
}

/// The same key of another tenant is another key.
pub async fn keys_belong_to_tenants<S: Ports>(store: &S) -> TestResult {
    store
        .create(changes(execution(1), 1), key("k", "POST /a"))
        .await?;
    let other = ExecutionRow {
        tenant: "other".to_owned(),
        ..execution(2)
    };
    let answer = store.create(changes(other, 1), key("k", "POST /a")).await?;
    assert!(
        matches!(answer, Creation::Created((id, _)) if id == execution_id(2)),
        "{answer:?}"
    );
    Ok(())
}

/// From the moment of its expiry on.
pub async fn an_expired_key_may_be_used_again<S: Ports>(store: &S) -> TestResult {
    store
        .create(changes(execution(1), 1), key("k", "POST /a"))
        .await?;
    let late = |ordinal, millis| {
        changes(
            ExecutionRow {
                created_at: at(millis),
                ..execution(ordinal)
            },
            1,
        )
    };
    let before = store.create(late(2, 999), key("k", "POST /a")).await?;
    assert!(matches!(before, Creation::Replayed(_)), "{before:?}");
    let after = store.create(late(3, 1000), key("k", "POST /b")).await?;
    assert!(
        matches!(after, Creation::Created((id, _)) if id == execution_id(3)),
        "{after:?}"
    );
    Ok(())
}
