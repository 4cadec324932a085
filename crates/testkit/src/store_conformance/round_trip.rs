//! Every field of every row comes back as it was written.

use agentchains_machine::{
    ApprovalRow, ApprovalStatus, AttemptStatus, ExecutionRow, ExecutionStatus, NodeRow, Parent, PauseReason,
};
use agentchains_ports::Commit;

use super::{Ports, TestResult, advance, create, read};
use crate::samples::{
    self, TENANT, approval, attempt, changes, child, execution, full_approval, full_attempt, full_execution,
    full_node, node,
};

/// In each status, with and without what may be absent.
pub async fn executions_are_read_back_in_every_status<S: Ports>(store: &S) -> TestResult {
    let mut ordinal = 0;
    for status in ExecutionStatus::ALL {
        for mut row in [execution(ordinal), full_execution(ordinal + 1)] {
            row.status = *status;
            let changes = changes(row, 2);
            create(store, changes.clone()).await?;
            assert_eq!(read(store, changes.execution.id).await?, changes.execution);
        }
        ordinal += 2;
    }
    Ok(())
}

/// With each way to be wound down and each reason to be paused.
pub async fn executions_are_read_back_with_every_ending<S: Ports>(store: &S) -> TestResult {
    let endings = samples::endings().map(Some).into_iter().chain([None]);
    let reasons = PauseReason::ALL.iter().copied().map(Some).chain([None]).cycle();
    for (ordinal, (ending, pause_reason)) in (0_u32..).zip(endings.zip(reasons)) {
        let changes = changes(
            ExecutionRow {
                ending,
                pause_reason,
                ..full_execution(ordinal)
            },
            1,
        );
        create(store, changes.clone()).await?;
        assert_eq!(read(store, changes.execution.id).await?, changes.execution);
    }
    Ok(())
}

/// In each state, with and without what may be absent.
pub async fn nodes_are_read_back_in_every_state<S: Ports>(store: &S) -> TestResult {
    let mut changes = changes(execution(1), 1);
    let states = samples::node_states();
    for (position, state) in (0_u32..).zip(states) {
        changes
            .nodes
            .push(full_node(&format!("full-{position}"), position, state.clone()));
        changes.nodes.push(NodeRow {
            state,
            ..node(&format!("plain-{position}"), position)
        });
    }
    create(store, changes.clone()).await?;
    let id = changes.execution.id;
    assert_eq!(store.nodes(id).await?, changes.nodes);
    let waiting: Vec<NodeRow> = changes
        .nodes
        .into_iter()
        .filter(|node| node.state.waits())
        .collect();
    assert!(!waiting.is_empty());
    assert_eq!(store.waiting_nodes(id).await?, waiting);
    Ok(())
}

/// At the same position; the tenth iteration comes after the second.
pub async fn nodes_and_attempts_are_listed_by_the_numbers_in_their_paths<S: Ports>(store: &S) -> TestResult {
    let paths = [
        "refine",
        "refine[0]/draft",
        "refine[2]/draft",
        "refine[2]/draft[9]/web",
        "refine[2]/draft[10]/web",
        "refine[10]/draft",
    ];
    let mut sorted = changes(execution(1), 1);
    sorted.nodes = paths.map(|path| node(path, 1)).to_vec();
    sorted.nodes.insert(0, node("web", 0));
    sorted.attempts = paths.map(|path| attempt(path, 1)).to_vec();
    sorted.attempts.insert(1, attempt("refine", 10));
    let mut written = sorted.clone();
    written.nodes.reverse();
    written.attempts.reverse();
    create(store, written).await?;
    assert_eq!(store.nodes(sorted.execution.id).await?, sorted.nodes);
    assert_eq!(store.attempts(sorted.execution.id).await?, sorted.attempts);
    Ok(())
}

/// In each status, listed by path and number.
pub async fn attempts_are_read_back_in_every_status<S: Ports>(store: &S) -> TestResult {
    let mut changes = changes(execution(1), 1);
    for (number, status) in (1_u32..).zip(AttemptStatus::ALL) {
        changes.attempts.push(full_attempt("web", number, *status));
    }
    changes.attempts.insert(0, attempt("academic", 10));
    changes.attempts.insert(0, attempt("academic", 9));
    create(store, changes.clone()).await?;
    assert_eq!(store.attempts(changes.execution.id).await?, changes.attempts);
    Ok(())
}

/// In each status, with and without what may be absent.
pub async fn approvals_are_read_back_in_every_status<S: Ports>(store: &S) -> TestResult {
    let mut changes = changes(execution(1), 1);
    let id = changes.execution.id;
    for (ordinal, status) in (1_u32..).zip(ApprovalStatus::ALL) {
        changes.approvals.push(full_approval(ordinal, id, *status));
        changes.approvals.push(ApprovalRow {
            status: *status,
            ..approval(ordinal + 100, id)
        });
    }
    create(store, changes.clone()).await?;
    for row in changes.approvals {
        assert_eq!(store.approval(TENANT, row.id).await?, Some(row));
    }
    Ok(())
}

/// A commit's rows take the place of those of the same key, and leave the others as they are.
pub async fn later_rows_replace_earlier_ones<S: Ports>(store: &S) -> TestResult {
    let mut first = changes(child(1, 77), 1);
    let id = first.execution.id;
    first.nodes = vec![node("web", 0), node("academic", 1)];
    first.attempts = vec![attempt("web", 1), attempt("web", 2)];
    first.approvals = vec![approval(1, id), approval(2, id)];
    let fence = create(store, first.clone()).await?;

    let target = full_execution(1);
    let states = samples::node_states();
    let mut fence = fence;
    for state in states {
        let mut next = changes(
            ExecutionRow {
                last_seq: fence.revision,
                ..target.clone()
            },
            1,
        );
        // What an execution was started with never changes, nor where it hangs; but it may be held.
        let parent = first.execution.parent.clone();
        next.execution.parent = parent.map(|parent| Parent {
            holds: true,
            ..parent
        });
        next.execution.forked_from = first.execution.forked_from;
        next.execution.workflow_id = first.execution.workflow_id;
        next.execution.workflow_version = first.execution.workflow_version;
        next.execution.input.clone_from(&first.execution.input);
        next.execution.labels.clone_from(&first.execution.labels);
        next.execution.on_budget = first.execution.on_budget;
        next.execution
            .initiated_by
            .clone_from(&first.execution.initiated_by);
        let replaced = full_node("web", 0, state);
        next.nodes = vec![NodeRow {
            kind: first.nodes[0].kind,
            ..replaced
        }];
        next.attempts = vec![full_attempt("web", 1, AttemptStatus::Failed)];
        next.approvals = vec![ApprovalRow {
            status: ApprovalStatus::Decided,
            decisions: full_approval(1, id, ApprovalStatus::Decided).decisions,
            ..approval(1, id)
        }];
        store
            .commit(Commit {
                fence,
                changes: next.clone(),
                purses: Vec::new(),
            })
            .await?;
        fence = fence.advanced();

        assert_eq!(read(store, id).await?, next.execution);
        assert_eq!(
            store.nodes(id).await?,
            [next.nodes[0].clone(), first.nodes[1].clone()]
        );
        assert_eq!(
            store.attempts(id).await?,
            [next.attempts[0].clone(), first.attempts[1].clone()]
        );
        for row in [&next.approvals[0], &first.approvals[1]] {
            assert_eq!(store.approval(TENANT, row.id).await?.as_ref(), Some(row));
        }
    }
    advance(store, id, fence, |row| row.finished_at = None).await?;
    assert_eq!(read(store, id).await?.finished_at, None);
    Ok(())
}
