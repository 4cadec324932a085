//! Taking executions over: what a process finds when it starts, and what wakes it later.

use agentchains_machine::{ApprovalRow, ApprovalStatus, ExecutionRow, ExecutionStatus};
use agentchains_ports::{Commit, CommitError, ExecutionQuery, ExecutionStore, Interrupted};

use super::{Backend, Ports, TestResult, advance, create, create_plain, read};
use crate::samples::{self, approval, at, changes, execution, execution_id, full_execution, node};

/// Of the questions, the pending ones.
pub async fn the_claimed_rows_are_those_that_were_written<S: Ports>(store: &S) -> TestResult {
    let mut written = changes(full_execution(1), 3);
    written.nodes = vec![node("web", 0), node("academic", 1), node("academic[3]/find", 1)];
    samples::make_fork(&mut written);
    written.attempts = vec![samples::attempt("web", 1)];
    written.approvals = vec![
        approval(1, execution_id(1)),
        ApprovalRow {
            status: ApprovalStatus::Expired,
            ..approval(2, execution_id(1))
        },
        approval(3, execution_id(1)),
    ];
    let fence = create(store, written.clone()).await?;
    let claimed = store.claim(execution_id(1)).await?.ok_or("it can be claimed")?;
    assert_eq!(claimed.fence, fence);
    assert_eq!(claimed.snapshot.execution, written.execution);
    assert_eq!(claimed.snapshot.nodes, written.nodes);
    assert_eq!(claimed.snapshot.seeds, written.seeds);
    written.approvals.remove(1);
    assert_eq!(claimed.snapshot.approvals, written.approvals);
    Ok(())
}

/// What does not exist, and what is terminal.
pub async fn what_cannot_be_claimed_is_none<S: Ports>(store: &S) -> TestResult {
    assert!(store.claim(execution_id(1)).await?.is_none());
    for (ordinal, status) in (1_u32..).zip(ExecutionStatus::ALL) {
        create(
            store,
            changes(
                ExecutionRow {
                    status: *status,
                    ..execution(ordinal)
                },
                1,
            ),
        )
        .await?;
        let claimed = store.claim(execution_id(ordinal)).await?;
        assert_eq!(claimed.is_none(), status.is_terminal(), "{status}");
    }
    Ok(())
}

/// Those that are not terminal, up to and with the present moment.
pub async fn parked_executions_are_due_in_the_order_of_their_times<S: Ports>(store: &S) -> TestResult {
    assert_eq!(store.next_wake().await?, None);
    for (ordinal, status, wake_at) in [
        (1, ExecutionStatus::Paused, Some(300)),
        (2, ExecutionStatus::Running, Some(100)),
        (3, ExecutionStatus::Completed, Some(50)),
        (4, ExecutionStatus::Paused, Some(200)),
        (5, ExecutionStatus::Paused, None),
    ] {
        let row = ExecutionRow {
            status,
            wake_at: wake_at.map(at),
            ..execution(ordinal)
        };
        create(store, changes(row, 1)).await?;
    }
    assert_eq!(store.next_wake().await?, Some(at(100)));
    assert_eq!(store.due(at(99), 10).await?, []);
    assert_eq!(store.due(at(200), 10).await?, [2, 4].map(execution_id));
    assert_eq!(store.due(at(1000), 10).await?, [2, 4, 1].map(execution_id));
    assert_eq!(store.due(at(1000), 2).await?, [2, 4].map(execution_id));
    Ok(())
}

/// What this process drives has not been interrupted.
pub async fn nothing_is_interrupted_in_its_own_epoch<S: Ports>(store: &S) -> TestResult {
    create_plain(store, 1..4).await?;
    assert_eq!(store.interrupted(None, 10).await?, []);
    Ok(())
}

/// Rows, events and seeds.
pub async fn everything_is_there_after_reopening<B: Backend>(backend: &B) -> TestResult {
    let store = backend.open().await?;
    let mut written = changes(full_execution(1), 5);
    written.nodes = vec![node("web", 0)];
    written.attempts = vec![samples::attempt("web", 1)];
    written.approvals = vec![approval(1, execution_id(1))];
    samples::make_fork(&mut written);
    create(&store, written.clone()).await?;
    backend.close(store).await;

    let store = backend.open().await?;
    assert_eq!(read(&store, execution_id(1)).await?, written.execution);
    assert_eq!(store.nodes(execution_id(1)).await?, written.nodes);
    assert_eq!(store.attempts(execution_id(1)).await?, written.attempts);
    assert_eq!(
        store
            .approval(samples::TENANT, samples::approval_id(1))
            .await?
            .as_ref(),
        written.approvals.first()
    );
    assert_eq!(store.events(execution_id(1), 0, 10).await?, written.events);
    let snapshot = store.snapshot(samples::TENANT, execution_id(1)).await?;
    assert_eq!(snapshot.map(|snapshot| snapshot.seeds), Some(written.seeds));
    backend.close(store).await;
    Ok(())
}

/// In parts, ascending: not what merely waits.
pub async fn what_was_being_driven_is_interrupted_after_reopening<B: Backend>(backend: &B) -> TestResult {
    let store = backend.open().await?;
    for (ordinal, status) in (1_u32..).zip(ExecutionStatus::ALL) {
        create(
            &store,
            changes(
                ExecutionRow {
                    status: *status,
                    is_driven: matches!(ordinal, 1 | 2 | 4),
                    ..execution(ordinal)
                },
                1,
            ),
        )
        .await?;
    }
    backend.close(store).await;

    let store = backend.open().await?;
    let interrupted = [1, 2, 4].map(|ordinal| Interrupted {
        id: execution_id(ordinal),
        root: execution_id(ordinal),
        recoveries: 0,
    });
    assert_eq!(store.interrupted(None, 10).await?, interrupted);
    assert_eq!(store.interrupted(None, 2).await?, interrupted[..2]);
    assert_eq!(
        store.interrupted(Some(interrupted[1].id), 10).await?,
        interrupted[2..]
    );
    for Interrupted { id, .. } in interrupted {
        assert!(store.claim(id).await?.is_some());
    }
    assert_eq!(store.interrupted(None, 10).await?, []);
    backend.close(store).await;
    Ok(())
}

/// A writer that is left over from before changes nothing, once the execution is claimed again.
pub async fn a_claim_under_the_next_epoch_fences_the_one_before<B: Backend>(backend: &B) -> TestResult {
    let store = backend.open().await?;
    let old = create(&store, changes(execution(1), 1)).await?;
    backend.close(store).await;

    let store = backend.open().await?;
    let claimed = store.claim(execution_id(1)).await?.ok_or("it can be claimed")?;
    assert_eq!(claimed.fence.revision, old.revision);
    assert!(claimed.fence.epoch > old.epoch);
    let before = read(&store, execution_id(1)).await?;
    let refused = store
        .commit(Commit {
            fence: old,
            changes: changes(before.clone(), 1),
            purses: Vec::new(),
        })
        .await;
    assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    assert_eq!(read(&store, execution_id(1)).await?, before);
    advance(&store, execution_id(1), claimed.fence, |row| {
        row.status = ExecutionStatus::Running;
    })
    .await?;
    backend.close(store).await;
    Ok(())
}
