//! What completed executions have cost and taken.

use std::time::Duration;

use agentchains_cost::Usd;
use agentchains_machine::{Changes, Completion, ExecutionRow, ExecutionStatus, Json, NodeRow, NodeState};
use agentchains_ports::{HistoryRequest, PastExecution, PastNodeRun, PastRun};

use super::{Ports, TestResult, create};
use crate::samples::{TENANT, at, changes, execution, execution_id, node, workflow_id};

/// An execution that completed after `ordinal` milliseconds and cost as many nano-dollars.
fn completed(ordinal: u32) -> ExecutionRow {
    ExecutionRow {
        status: ExecutionStatus::Completed,
        spent: Usd::from_nanos(i64::from(ordinal)),
        started_at: Some(at(100)),
        finished_at: Some(at(100 + ordinal)),
        ..execution(ordinal)
    }
}

fn completed_node(path: &str, ordinal: u32) -> NodeRow {
    let done = Completion {
        output: Json::null(),
        branch: None,
        replaced: None,
    };
    NodeRow {
        state: NodeState::Completed(done),
        cost: Usd::from_nanos(i64::from(ordinal)),
        started_at: Some(at(100)),
        finished_at: Some(at(100 + ordinal)),
        ..node(path, 0)
    }
}

fn with_nodes(row: ExecutionRow, nodes: Vec<NodeRow>) -> Changes {
    Changes {
        nodes,
        ..changes(row, 1)
    }
}

fn wanted() -> HistoryRequest {
    HistoryRequest {
        workflow_id: workflow_id(0),
        version: 1,
        max_executions: 10,
        max_node_runs: 10,
    }
}

fn run(ordinal: u32) -> PastRun {
    PastRun {
        cost: Usd::from_nanos(i64::from(ordinal)),
        cost_known: true,
        duration: Duration::from_millis(u64::from(ordinal)),
    }
}

fn node_run(node_id: &str, ordinal: u32) -> PastNodeRun {
    PastNodeRun {
        node_id: node_id.to_owned(),
        run: run(ordinal),
    }
}

/// Neither other tenants, workflows, versions and endings, nor what was taken over from another execution.
pub async fn only_what_ran_and_completed_in_this_version_is_history<S: Ports>(store: &S) -> TestResult {
    let reused = NodeRow {
        reused: true,
        ..completed_node("reused", 9)
    };
    let nodes = vec![completed_node("web", 5), node("pending", 1), reused];
    create(store, with_nodes(completed(1), nodes)).await?;
    let elsewhere = [
        ExecutionRow {
            tenant: "other".to_owned(),
            ..completed(2)
        },
        ExecutionRow {
            workflow_id: workflow_id(1),
            ..completed(3)
        },
        ExecutionRow {
            workflow_version: 2,
            ..completed(4)
        },
        ExecutionRow {
            status: ExecutionStatus::Failed,
            ..completed(5)
        },
        ExecutionRow {
            forked_from: Some(execution_id(1)),
            ..completed(6)
        },
        execution(7),
    ];
    for row in elsewhere {
        create(store, with_nodes(row, vec![completed_node("web", 7)])).await?;
    }
    let history = store.history(TENANT, &wanted()).await?;
    let only = PastExecution {
        id: execution_id(1),
        run: run(1),
    };
    assert_eq!(history.executions, [only]);
    assert_eq!(history.nodes, [node_run("web", 5)]);
    Ok(())
}

/// In executions and in the runs of their nodes, so that a long past is not read as a whole.
pub async fn history_begins_with_the_newest_and_is_bounded<S: Ports>(store: &S) -> TestResult {
    for ordinal in 1..=3 {
        let nodes = vec![
            completed_node("each[0]/call", ordinal),
            completed_node("each[1]/call", 10 + ordinal),
        ];
        let row = ExecutionRow {
            cost_known: ordinal != 3,
            ..completed(ordinal)
        };
        create(store, with_nodes(row, nodes)).await?;
    }
    let few = HistoryRequest {
        max_executions: 2,
        max_node_runs: 3,
        ..wanted()
    };
    let history = store.history(TENANT, &few).await?;
    let found: Vec<_> = history
        .executions
        .iter()
        .map(|past| (past.id, past.run.cost_known))
        .collect();
    assert_eq!(found, [(execution_id(3), false), (execution_id(2), true)]);
    let nodes = [node_run("call", 3), node_run("call", 13), node_run("call", 2)];
    assert_eq!(history.nodes, nodes);
    Ok(())
}
