//! Executions that others have started, and what is read of an execution as a whole.

use agentchains_machine::{ExecutionRow, ExecutionStatus, Parent};

use super::{Ports, TestResult, advance, create};
use crate::samples::{
    TENANT, approval, attempt, changes, child, execution, execution_id, make_fork, node, parent,
};

/// A tree of four, and an execution beside it: 1 has started 3 and 2, and 2 has started 4.
async fn create_tree<S: Ports>(store: &S) -> TestResult {
    let grandchild = ExecutionRow {
        parent: Some(Parent {
            execution_id: execution_id(2),
            root_execution_id: execution_id(1),
            ..parent()
        }),
        ..execution(4)
    };
    for row in [execution(1), child(3, 1), child(2, 1), grandchild, execution(5)] {
        create(store, changes(row, 1)).await?;
    }
    Ok(())
}

/// Each with everything that a row has, and without those that they started in turn.
pub async fn children_are_listed_ascending<S: Ports>(store: &S) -> TestResult {
    create_tree(store).await?;
    let below_first = [child(2, 1), child(3, 1)].map(|row| changes(row, 1).execution);
    assert_eq!(store.children(execution_id(1)).await?, below_first);
    let below_second = store.children(execution_id(2)).await?;
    let ids: Vec<_> = below_second.iter().map(|row| row.id).collect();
    assert_eq!(ids, [execution_id(4)]);
    assert_eq!(store.children(execution_id(5)).await?, []);
    assert_eq!(store.children(execution_id(9)).await?, []);
    Ok(())
}

/// However deep they are.
pub async fn a_tree_is_counted_with_its_top<S: Ports>(store: &S) -> TestResult {
    create_tree(store).await?;
    for (root, count) in [(1, 4), (5, 1), (9, 0)] {
        assert_eq!(
            store.count_in_tree(execution_id(root)).await?,
            count,
            "under {root}"
        );
    }
    Ok(())
}

/// With what an earlier execution left behind, which later commits do not touch.
pub async fn a_snapshot_has_the_rows_that_a_claim_reads<S: Ports>(store: &S) -> TestResult {
    let mut written = changes(child(1, 9), 2);
    written.nodes = vec![node("web", 0), node("refine[2]/draft", 1)];
    written.attempts = vec![attempt("web", 1)];
    written.approvals = vec![approval(1, execution_id(1))];
    make_fork(&mut written);
    let fence = create(store, written.clone()).await?;
    advance(store, execution_id(1), fence, |row| row.nodes_settled = 1).await?;

    let snapshot = store.snapshot(TENANT, execution_id(1)).await?;
    let snapshot = snapshot.ok_or("the execution is there")?;
    assert_eq!(snapshot.execution.nodes_settled, 1);
    assert_eq!(snapshot.execution.parent, written.execution.parent);
    assert_eq!(snapshot.nodes, written.nodes);
    assert_eq!(snapshot.approvals, written.approvals);
    assert_eq!(snapshot.seeds, written.seeds);
    let claimed = store.claim(execution_id(1)).await?.ok_or("it can be claimed")?;
    assert_eq!(claimed.snapshot, snapshot);
    Ok(())
}

/// In every status; an execution of another tenant is one that does not exist.
pub async fn a_snapshot_of_any_execution_takes_nothing_over<S: Ports>(store: &S) -> TestResult {
    for (ordinal, status) in (1_u32..).zip(ExecutionStatus::ALL) {
        let id = execution_id(ordinal);
        let row = ExecutionRow {
            status: *status,
            ..execution(ordinal)
        };
        let fence = create(store, changes(row, 1)).await?;
        let snapshot = store.snapshot(TENANT, id).await?;
        assert_eq!(snapshot.map(|found| found.execution.status), Some(*status));
        assert_eq!(store.snapshot("other", id).await?, None);
        if !status.is_terminal() {
            advance(store, id, fence, |row| row.nodes_settled = 1).await?;
        }
    }
    assert_eq!(store.snapshot(TENANT, execution_id(99)).await?, None);
    Ok(())
}
