//! Ledgers: what was charged in an execution and below it, read as one.

use agentchains_cost::Usd;
use agentchains_machine::{
    AttemptRow, AttemptStatus, Changes, ExecutionRow, ExecutionStatus, NodeRow, NodeType, Parent,
};
use agentchains_ports::{Account, Commit, Ledger, PurseChange, PurseId, Told};

use super::{Ports, TestResult, create};
use crate::samples::{
    TENANT, attempt, changes, child, execution, execution_id, full_attempt, node, parent, path,
};

/// A node that has started a child execution, and was told what that one cost.
fn sub_workflow(at_path: &str, position: u32, told: i64) -> NodeRow {
    NodeRow {
        kind: NodeType::Subworkflow,
        attempts: 1,
        cost: Usd::from_nanos(told),
        cost_known: told != 0,
        ..node(at_path, position)
    }
}

fn told(at_path: &str, nanos: i64) -> Told {
    Told {
        path: path(at_path),
        cost: Usd::from_nanos(nanos),
        cost_known: nanos != 0,
    }
}

fn ended(at_path: &str, number: u32) -> AttemptRow {
    full_attempt(at_path, number, AttemptStatus::Succeeded)
}

/// An execution that 2 has started.
fn grandchild() -> ExecutionRow {
    let parent = Parent {
        execution_id: execution_id(2),
        root_execution_id: execution_id(1),
        ..parent()
    };
    ExecutionRow {
        status: ExecutionStatus::Completed,
        parent: Some(parent),
        ..execution(4)
    }
}

/// 1, which has started 3 and 2; 2, which has started 4; and 5 beside them.
async fn create_tree<S: Ports>(store: &S) -> TestResult {
    let top = ExecutionRow {
        max_budget: Some(Usd::from_nanos(100)),
        ..execution(1)
    };
    // A node that has not got as far has started none.
    let pending = NodeRow {
        kind: NodeType::Subworkflow,
        ..node("later", 2)
    };
    let of_top = Changes {
        nodes: vec![pending, sub_workflow("refine[2]/draft", 1, 9), node("web", 0)],
        attempts: vec![attempt("web", 10), ended("web", 2)],
        ..changes(top, 1)
    };
    let of_second = Changes {
        nodes: vec![sub_workflow("refine[2]/draft", 0, 7), node("x", 1)],
        attempts: vec![ended("x", 1)],
        ..changes(child(2, 1), 1)
    };
    let of_grandchild = Changes {
        attempts: vec![ended("y", 1)],
        ..changes(grandchild(), 1)
    };
    let beside = Changes {
        nodes: vec![sub_workflow("s", 0, 1)],
        attempts: vec![ended("z", 1)],
        ..changes(execution(5), 1)
    };
    for written in [of_top, changes(child(3, 1), 1), of_second, of_grandchild, beside] {
        create(store, written).await?;
    }
    Ok(())
}

fn account(ordinal: u32, started_by: Option<u32>, attempts: Vec<AttemptRow>, told: Vec<Told>) -> Account {
    Account {
        execution_id: execution_id(ordinal),
        started_by: started_by.map(|parent| (execution_id(parent), path("refine[2]/draft"))),
        attempts,
        told,
    }
}

async fn ledger<S: Ports>(
    store: &S,
    ordinal: u32,
) -> Result<Ledger, Box<dyn std::error::Error + Send + Sync>> {
    let found = store.ledger(TENANT, execution_id(ordinal)).await?;
    found.ok_or_else(|| format!("execution {ordinal} is not there").into())
}

/// From any execution down, and of nothing above or beside it.
pub async fn a_ledger_has_everything_below_and_nothing_else<S: Ports>(store: &S) -> TestResult {
    create_tree(store).await?;
    let fourth = |above| account(4, above, vec![ended("y", 1)], vec![]);
    let second = |above| {
        let told = vec![told("refine[2]/draft", 7)];
        account(2, above, vec![ended("x", 1)], told)
    };
    let whole = ledger(store, 1).await?;
    assert_eq!(whole.nodes, ["web", "refine[2]/draft", "later"].map(path));
    let limit = whole.purse.and_then(|purse| purse.limit());
    assert_eq!(limit, Some(Usd::from_nanos(100)));
    let attempts = vec![ended("web", 2), attempt("web", 10)];
    let accounts = [
        account(1, None, attempts, vec![told("refine[2]/draft", 9)]),
        second(Some(1)),
        account(3, Some(1), vec![], vec![]),
        fourth(Some(2)),
    ];
    assert_eq!(whole.accounts, accounts);

    let part = ledger(store, 2).await?;
    assert_eq!(part.purse, None);
    assert_eq!(part.accounts, [second(None), fourth(Some(2))]);
    assert_eq!(ledger(store, 4).await?.accounts, [fourth(None)]);
    Ok(())
}

/// So is that of an execution which does not exist.
pub async fn a_ledger_of_another_tenant_is_absent<S: Ports>(store: &S) -> TestResult {
    create_tree(store).await?;
    assert_eq!(store.ledger("other", execution_id(1)).await?, None);
    assert_eq!(store.ledger(TENANT, execution_id(9)).await?, None);
    for (ordinal, has_children) in [(1, true), (2, true), (3, false), (9, false)] {
        let found = store.has_children(execution_id(ordinal)).await?;
        assert_eq!(found, has_children, "below {ordinal}");
    }
    Ok(())
}

/// What it was charged goes with it; what it has told stays.
pub async fn what_a_deleted_child_has_told_stays_in_the_ledger<S: Ports>(store: &S) -> TestResult {
    create_tree(store).await?;
    assert!(store.delete_terminal(TENANT, execution_id(4)).await?);
    let left = ledger(store, 2).await?;
    let [only] = left.accounts.as_slice() else {
        return Err(format!("{left:?} has other accounts").into());
    };
    assert_eq!(only.told, [told("refine[2]/draft", 7)]);
    Ok(())
}

/// An attempt and what it does to the purse are one commit, and are read as one.
pub async fn a_ledger_has_the_purse_as_its_attempts_have_left_it<S: Ports>(store: &S) -> TestResult {
    let row = ExecutionRow {
        max_budget: Some(Usd::from_nanos(100)),
        ..execution(1)
    };
    let first = changes(row, 1);
    let (row, fence) = (first.execution.clone(), create(store, first).await?);
    let running = attempt("web", 1);
    let takes = PurseChange {
        purse: PurseId::of_execution(row.id),
        limit: None,
        reserved: running.reserved,
        spent: Usd::ZERO,
        must_fit: true,
    };
    let changes = Changes {
        attempts: vec![running.clone()],
        ..changes(row, 1)
    };
    let purses = vec![takes];
    store
        .commit(Commit {
            fence,
            changes,
            purses,
        })
        .await?;
    let found = ledger(store, 1).await?;
    let reserved = found.purse.map(|purse| purse.reserved());
    assert_eq!(reserved, Some(running.reserved));
    assert_eq!(found.accounts, [account(1, None, vec![running], vec![])]);
    Ok(())
}
