//! What completed executions have cost and taken.

use std::time::Duration;

use agentchains_cost::Usd;
use agentchains_machine::{ExecutionRow, ExecutionStatus, NodeRow, NodeStatus};
use agentchains_ports::{History, HistoryRequest, PastExecution, PastNodeRun, PastRun};
use jiff::Timestamp;

use super::Entry;

/// The history in these executions, of which the newest comes first.
pub(super) fn of<'e>(newest_first: impl Iterator<Item = &'e Entry>, wanted: &HistoryRequest) -> History {
    let as_count = |most: u32| usize::try_from(most).unwrap_or(usize::MAX);
    let entries: Vec<&Entry> = newest_first
        .filter(|entry| counts(&entry.row, wanted))
        .take(as_count(wanted.max_executions))
        .collect();
    let nodes = entries.iter().flat_map(|entry| entry.nodes.values());
    History {
        nodes: nodes
            .filter_map(of_node)
            .take(as_count(wanted.max_node_runs))
            .collect(),
        executions: entries
            .iter()
            .filter_map(|entry| of_execution(&entry.row))
            .collect(),
    }
}

fn counts(row: &ExecutionRow, wanted: &HistoryRequest) -> bool {
    row.workflow_id == wanted.workflow_id
        && row.workflow_version == wanted.version
        && row.status == ExecutionStatus::Completed
        && row.forked_from.is_none()
        && row.started_at.is_some()
        && row.finished_at.is_some()
}

fn of_execution(row: &ExecutionRow) -> Option<PastExecution> {
    let run = run(row.spent, row.cost_known, row.started_at, row.finished_at)?;
    Some(PastExecution { id: row.id, run })
}

fn of_node(row: &NodeRow) -> Option<PastNodeRun> {
    if row.state.status() != NodeStatus::Completed || row.reused {
        return None;
    }
    let run = run(row.cost, row.cost_known, row.started_at, row.finished_at)?;
    Some(PastNodeRun {
        node_id: row.node_id.clone(),
        run,
    })
}

fn run(cost: Usd, cost_known: bool, from: Option<Timestamp>, to: Option<Timestamp>) -> Option<PastRun> {
    Some(PastRun {
        cost,
        cost_known,
        duration: Duration::try_from(to?.duration_since(from?)).unwrap_or_default(),
    })
}
