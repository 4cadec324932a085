//! Forgetting executions.

use agentchains_machine::{ExecutionRow, ExecutionStatus, Parent};
use agentchains_ports::{Creation, Idempotency};

use super::{Ports, TestResult, create, create_plain, read};
use crate::samples::{
    TENANT, approval, approval_id, at, attempt, changes, child, execution, execution_id, make_fork, node,
    parent,
};

/// Nodes, attempts, questions, events and seeds; others keep theirs.
pub async fn a_terminal_execution_is_forgotten_with_all_that_is_its<S: Ports>(store: &S) -> TestResult {
    for ordinal in [1, 2] {
        let completed = ExecutionRow {
            status: ExecutionStatus::Completed,
            ..execution(ordinal)
        };
        let mut changes = changes(completed, 2);
        changes.nodes = vec![node("web", 0)];
        changes.attempts = vec![attempt("web", 1)];
        changes.approvals = vec![approval(ordinal, execution_id(ordinal))];
        make_fork(&mut changes);
        create(store, changes).await?;
    }
    let id = execution_id(1);
    assert!(!store.delete_terminal("other", id).await?);
    assert!(store.delete_terminal(TENANT, id).await?);
    assert!(!store.delete_terminal(TENANT, id).await?);
    assert_eq!(store.execution(TENANT, id).await?, None);
    assert_eq!(store.nodes(id).await?, []);
    assert_eq!(store.attempts(id).await?, []);
    assert_eq!(store.events(id, 0, 10).await?, []);
    assert_eq!(store.approval(TENANT, approval_id(1)).await?, None);
    let mut fork_of_nothing = changes(execution(1), 1);
    make_fork(&mut fork_of_nothing);
    fork_of_nothing.seeds.clear();
    create(store, fork_of_nothing).await?;
    let anew = store.snapshot(TENANT, id).await?;
    assert_eq!(anew.map(|anew| anew.seeds), Some(vec![]));

    let other = execution_id(2);
    assert_eq!(store.nodes(other).await?.len(), 1);
    assert_eq!(store.events(other, 0, 10).await?.len(), 2);
    assert!(store.approval(TENANT, approval_id(2)).await?.is_some());
    Ok(())
}

/// The first to end comes first; a child execution is there as long as what is above it runs.
pub async fn what_has_ended_is_found_unless_its_tree_still_runs<S: Ports>(store: &S) -> TestResult {
    let ended = |row: ExecutionRow, seconds| ExecutionRow {
        status: ExecutionStatus::Failed,
        finished_at: Some(at(seconds)),
        ..row
    };
    let below = |row: ExecutionRow, root| ExecutionRow {
        parent: Some(Parent {
            execution_id: execution_id(root),
            root_execution_id: execution_id(root),
            ..parent()
        }),
        ..row
    };
    for row in [
        ended(execution(1), 30),
        ended(execution(2), 20),
        execution(3),
        below(ended(execution(4), 10), 3),
        below(ended(execution(5), 11), 1),
        below(ended(execution(6), 12), 9),
        ended(execution(7), 40),
    ] {
        create(store, changes(row, 1)).await?;
    }
    let found = |ids: &[u32]| -> Vec<_> {
        let of = |ordinal: &u32| (TENANT.to_owned(), execution_id(*ordinal));
        ids.iter().map(of).collect()
    };
    assert_eq!(store.ended_before(at(40), 10).await?, found(&[5, 6, 2, 1]));
    assert_eq!(store.ended_before(at(40), 2).await?, found(&[5, 6]));
    assert_eq!(store.ended_before(at(11), 10).await?, []);
    Ok(())
}

/// Whatever it does or waits for.
pub async fn a_live_execution_is_not_deleted<S: Ports>(store: &S) -> TestResult {
    create_plain(store, [1]).await?;
    assert!(!store.delete_terminal(TENANT, execution_id(1)).await?);
    assert!(!store.delete_terminal(TENANT, execution_id(2)).await?);
    read(store, execution_id(1)).await?;
    Ok(())
}

/// Its child executions and those that were made from it, with its id.
pub async fn those_that_name_a_forgotten_execution_stay<S: Ports>(store: &S) -> TestResult {
    let completed = |row| ExecutionRow {
        status: ExecutionStatus::Completed,
        ..row
    };
    let made_from_it = ExecutionRow {
        forked_from: Some(execution_id(1)),
        ..execution(3)
    };
    for row in [completed(execution(1)), completed(child(2, 1)), made_from_it] {
        create(store, changes(row, 1)).await?;
    }
    assert!(store.delete_terminal(TENANT, execution_id(1)).await?);
    let children = store.children(execution_id(1)).await?;
    assert_eq!(children, [read(store, execution_id(2)).await?]);
    assert_eq!(store.count_in_tree(execution_id(1)).await?, 1);
    assert_eq!(
        read(store, execution_id(3)).await?.forked_from,
        Some(execution_id(1))
    );
    assert!(store.delete_terminal(TENANT, execution_id(2)).await?);
    assert_eq!(store.count_in_tree(execution_id(1)).await?, 0);
    Ok(())
}

/// The same request again does not make another one.
pub async fn a_key_outlives_its_execution<S: Ports>(store: &S) -> TestResult {
    let key = Idempotency {
        key: "k".to_owned(),
        fingerprint: "POST /a".to_owned(),
        expires_at: at(1000),
    };
    let completed = ExecutionRow {
        status: ExecutionStatus::Completed,
        ..execution(1)
    };
    store.create(changes(completed, 1), Some(key.clone())).await?;
    assert!(store.delete_terminal(TENANT, execution_id(1)).await?);
    let again = store.create(changes(execution(2), 1), Some(key)).await?;
    assert!(matches!(again, Creation::KeyReused), "{again:?}");
    Ok(())
}
