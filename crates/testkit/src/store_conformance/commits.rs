//! Commits count under their fence only, and each for itself.

use agentchains_machine::{ExecutionRow, ExecutionStatus};
use agentchains_ports::{Commit, CommitError, Fence};
use futures_util::future::{join, join_all, try_join_all};

use super::{Ports, TestResult, advance, create, create_plain, read};
use crate::samples::{TENANT, changes, execution, execution_id, node};

/// By one, so that the fence advances with it.
pub async fn a_commit_moves_the_revision_on<S: Ports>(store: &S) -> TestResult {
    let first = create(store, changes(execution(1), 1)).await?;
    advance(store, execution_id(1), first, |row| row.nodes_settled = 1).await?;
    advance(store, execution_id(1), first.advanced(), |row| {
        row.nodes_settled = 2;
    })
    .await?;
    assert_eq!(read(store, execution_id(1)).await?.nodes_settled, 2);
    let claimed = store.claim(execution_id(1)).await?.ok_or("it can be claimed")?;
    assert_eq!(claimed.fence, first.advanced().advanced());
    Ok(())
}

async fn is_fenced_and_writes_nothing<S: Ports>(store: &S, fence: Fence) -> TestResult {
    let id = execution_id(1);
    let before = read(store, id).await?;
    let mut changes = changes(
        ExecutionRow {
            nodes_settled: 99,
            ..before.clone()
        },
        1,
    );
    changes.nodes = vec![node("web", 0)];
    let refused = store
        .commit(Commit {
            fence,
            changes,
            purses: Vec::new(),
        })
        .await;
    assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    assert_eq!(read(store, id).await?, before);
    assert_eq!(store.nodes(id).await?, []);
    assert_eq!(
        u64::try_from(store.events(id, 0, 100).await?.len())?,
        before.last_seq
    );
    Ok(())
}

/// Neither one that has passed nor one that has not come.
pub async fn a_stale_revision_writes_nothing<S: Ports>(store: &S) -> TestResult {
    let first = create(store, changes(execution(1), 1)).await?;
    advance(store, execution_id(1), first, |row| row.nodes_settled = 1).await?;
    for revision in [0, first.revision, first.revision + 2, u64::MAX / 4] {
        is_fenced_and_writes_nothing(store, Fence { revision, ..first }).await?;
    }
    Ok(())
}

/// Neither an earlier one nor a later one.
pub async fn another_epoch_writes_nothing<S: Ports>(store: &S) -> TestResult {
    let fence = create(store, changes(execution(1), 1)).await?;
    for epoch in [0, fence.epoch - 1, fence.epoch + 1] {
        is_fenced_and_writes_nothing(store, Fence { epoch, ..fence }).await?;
    }
    Ok(())
}

/// A commit makes no execution.
pub async fn an_unknown_execution_cannot_be_committed<S: Ports>(store: &S) -> TestResult {
    for revision in [0, 1] {
        let commit = Commit {
            fence: Fence { epoch: 1, revision },
            changes: changes(execution(1), 1),
            purses: Vec::new(),
        };
        let refused = store.commit(commit).await;
        assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    }
    assert_eq!(store.execution(TENANT, execution_id(1)).await?, None);
    Ok(())
}

/// Whatever its fence.
pub async fn a_terminal_execution_never_changes<S: Ports>(store: &S) -> TestResult {
    let terminal = ExecutionStatus::ALL
        .iter()
        .copied()
        .filter(|status| status.is_terminal());
    for (ordinal, status) in (1_u32..).zip(terminal) {
        let fence = create(store, changes(execution(ordinal), 1)).await?;
        let id = execution_id(ordinal);
        advance(store, id, fence, |row| row.status = status).await?;
        let before = read(store, id).await?;
        let again = ExecutionRow {
            status: ExecutionStatus::Running,
            ..before.clone()
        };
        let commit = Commit {
            fence: fence.advanced(),
            changes: changes(again, 1),
            purses: Vec::new(),
        };
        let refused = store.commit(commit).await;
        assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
        assert_eq!(read(store, id).await?, before);
    }
    Ok(())
}

/// More than share a transaction, each with several rows.
pub async fn commits_of_many_executions_at_once_are_all_made<S: Ports>(store: &S) -> TestResult {
    const EXECUTIONS: u32 = 200;
    let creations = (0..EXECUTIONS).map(|ordinal| create(store, changes(execution(ordinal), 1)));
    let fences = try_join_all(creations).await?;
    let commits = (0..EXECUTIONS).zip(fences).map(|(ordinal, fence)| {
        let mut changes = changes(
            ExecutionRow {
                last_seq: 1,
                ..execution(ordinal)
            },
            2,
        );
        changes.nodes = (0..20)
            .map(|position| node(&format!("n{position:02}"), position))
            .collect();
        store.commit(Commit {
            fence,
            changes,
            purses: Vec::new(),
        })
    });
    try_join_all(commits).await?;
    for ordinal in 0..EXECUTIONS {
        let id = execution_id(ordinal);
        assert_eq!(read(store, id).await?.last_seq, 3);
        assert_eq!(store.nodes(id).await?.len(), 20);
        assert_eq!(store.events(id, 0, 100).await?.len(), 3);
    }
    Ok(())
}

/// The others are made, the fenced ones are not.
pub async fn a_fenced_commit_does_not_keep_others_from_being_made<S: Ports>(store: &S) -> TestResult {
    let fences = create_plain(store, 0..30).await?;
    let commits = (0..30).zip(fences).map(|(ordinal, fence)| {
        let row = ExecutionRow {
            last_seq: 1,
            nodes_settled: 1,
            ..execution(ordinal)
        };
        let fence = if ordinal % 3 == 0 { fence.advanced() } else { fence };
        store.commit(Commit {
            fence,
            changes: changes(row, 1),
            purses: Vec::new(),
        })
    });
    for (ordinal, outcome) in (0..30).zip(join_all(commits).await) {
        let fenced = ordinal % 3 == 0;
        assert_eq!(
            matches!(outcome, Err(CommitError::Fenced)),
            fenced,
            "{ordinal}: {outcome:?}"
        );
        assert_eq!(outcome.is_ok(), !fenced, "{ordinal}: {outcome:?}");
        assert_eq!(
            read(store, execution_id(ordinal)).await?.nodes_settled,
            u32::from(!fenced),
            "{ordinal}"
        );
    }
    Ok(())
}

/// Two that are asked for one after the other, without waiting, are made in that order.
pub async fn commits_of_one_execution_are_made_in_order<S: Ports>(store: &S) -> TestResult {
    let fence = create(store, changes(execution(1), 1)).await?;
    let row = |settled, last_seq| ExecutionRow {
        nodes_settled: settled,
        last_seq,
        ..execution(1)
    };
    let first = store.commit(Commit {
        fence,
        changes: changes(row(1, 1), 1),
        purses: Vec::new(),
    });
    let second = store.commit(Commit {
        fence: fence.advanced(),
        changes: changes(row(2, 2), 1),
        purses: Vec::new(),
    });
    let (first, second) = join(first, second).await;
    first?;
    second?;
    assert_eq!(read(store, execution_id(1)).await?.nodes_settled, 2);
    assert_eq!(store.events(execution_id(1), 0, 100).await?.len(), 3);
    Ok(())
}
