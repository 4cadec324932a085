//! What an execution and everything below it were charged.

use std::collections::BTreeSet;

use agentchains_machine::{ExecutionId, NodeRow, NodeType};
use agentchains_ports::{Account, Ledger, PurseId, Told};

use super::{Data, Entry};

/// The ledger of a tenant's execution.
pub(super) fn of(data: &Data, tenant: &str, top: ExecutionId) -> Option<Ledger> {
    let entry = data
        .executions
        .get(&top)
        .filter(|entry| entry.row.tenant == tenant)?;
    let below = below(data, top);
    Some(Ledger {
        purse: data.purses.get(&PurseId::of_execution(top)).cloned(),
        nodes: entry.nodes().into_iter().map(|row| row.path).collect(),
        accounts: [entry]
            .into_iter()
            .chain(below)
            .map(|entry| account(top, entry))
            .collect(),
    })
}

/// The executions below one, each after the one that has started it.
fn below(data: &Data, top: ExecutionId) -> Vec<&Entry> {
    let mut executions: Vec<&Entry> = data.executions.values().collect();
    executions.sort_by_key(|entry| (entry.row.depth(), entry.row.id));
    let mut tree = BTreeSet::from([top]);
    executions.retain(|entry| {
        let parent = entry.row.parent.as_ref();
        let is_below = parent.is_some_and(|parent| tree.contains(&parent.execution_id));
        is_below && tree.insert(entry.row.id)
    });
    executions
}

fn account(top: ExecutionId, entry: &Entry) -> Account {
    let parent = entry.row.parent.as_ref().filter(|_| entry.row.id != top);
    let has_children = |row: &&NodeRow| row.kind == NodeType::Subworkflow && row.attempts > 0;
    let told = |row: &NodeRow| Told {
        path: row.path.clone(),
        cost: row.cost,
        cost_known: row.cost_known,
    };
    Account {
        execution_id: entry.row.id,
        started_by: parent.map(|parent| (parent.execution_id, parent.path.clone())),
        attempts: entry.attempts(),
        told: entry.nodes.values().filter(has_children).map(told).collect(),
    }
}
