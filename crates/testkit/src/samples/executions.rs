//! Rows of executions.

use std::collections::BTreeMap;

use agentchains_cost::Usd;
use agentchains_machine::{
    BudgetAbove, Changes, Ending, ExecutionRow, ExecutionStatus, Json, Parent, PauseReason, Seed,
};
use agentchains_workflow::OnBudget;
use agentchains_workflow::UnknownCost;
use serde_json::json;

use super::{TENANT, at, deep_value, execution_id, failure, path, workflow_id};

/// An execution that was recorded and has not begun, with nothing that may be absent.
#[must_use]
pub fn execution(ordinal: u32) -> ExecutionRow {
    ExecutionRow {
        id: execution_id(ordinal),
        tenant: TENANT.to_owned(),
        workflow_id: workflow_id(0),
        workflow_version: 1,
        status: ExecutionStatus::Pending,
        pause_reason: None,
        ending: None,
        input: json!({}).into(),
        output: None,
        error: None,
        max_budget: None,
        on_budget: OnBudget::Fail,
        spent: Usd::ZERO,
        reserved: Usd::ZERO,
        cost_known: true,
        labels: BTreeMap::new(),
        initiated_by: "ada".to_owned(),
        parent: None,
        forked_from: None,
        created_at: at(ordinal),
        started_at: None,
        finished_at: None,
        deadline: None,
        wake_at: None,
        last_seq: 0,
        in_flight: 0,
        children: 0,
        nodes_total: 1,
        nodes_settled: 0,
        is_driven: true,
        recoveries: 0,
    }
}

/// An execution with everything that may be absent.
#[must_use]
pub fn full_execution(ordinal: u32) -> ExecutionRow {
    ExecutionRow {
        workflow_id: workflow_id(ordinal),
        workflow_version: u32::MAX,
        status: ExecutionStatus::Paused,
        pause_reason: Some(PauseReason::Budget),
        ending: Some(Ending::Failure { node: path("web") }),
        input: deep_value(),
        output: Some(json!([null, true, "ä\u{0}\u{1F600}", { "": {} }]).into()),
        error: Some(failure()),
        max_budget: Some(Usd::MAX),
        on_budget: OnBudget::Pause,
        spent: Usd::from_nanos(i64::MAX - 1),
        reserved: Usd::from_nanos(1),
        cost_known: false,
        labels: BTreeMap::from([
            ("team".to_owned(), "research".to_owned()),
            ("a \"quoted\" name".to_owned(), String::new()),
        ]),
        initiated_by: "grace 'O' \u{1F600}".to_owned(),
        parent: Some(parent()),
        forked_from: Some(execution_id(75)),
        started_at: Some(at(10)),
        finished_at: Some(at(20)),
        deadline: Some(at(30)),
        wake_at: Some(at(50)),
        in_flight: u32::MAX,
        children: u32::MAX,
        nodes_total: u32::MAX,
        nodes_settled: u32::MAX,
        is_driven: false,
        recoveries: u32::MAX,
        ..execution(ordinal)
    }
}

/// The place of an execution in the middle of a tree that is paused above it.
#[must_use]
pub fn parent() -> Parent {
    Parent {
        execution_id: execution_id(76),
        root_execution_id: execution_id(77),
        path: path("refine[2]/draft"),
        depth: 3,
        waits: true,
        budgets: vec![BudgetAbove {
            execution_id: execution_id(77),
            path: path("refine"),
            unknown_cost: UnknownCost::Serialize,
        }],
        holds: true,
    }
}

/// An execution that the one at the top of its tree has started, and waits for.
#[must_use]
pub fn child(ordinal: u32, of: u32) -> ExecutionRow {
    ExecutionRow {
        parent: Some(Parent {
            execution_id: execution_id(of),
            root_execution_id: execution_id(of),
            depth: 2,
            budgets: Vec::new(),
            holds: false,
            ..parent()
        }),
        ..execution(ordinal)
    }
}

/// Makes of it an execution that is made from another, with what that one has left behind for it: by path, with and
/// without what may be absent.
pub fn make_fork(changes: &mut Changes) {
    changes.execution.forked_from.get_or_insert(execution_id(75));
    changes.seeds = seeds();
}

fn seeds() -> Vec<Seed> {
    vec![
        Seed {
            path: path("academic"),
            digest: None,
            output: Json::null(),
            branch: None,
            child: None,
        },
        Seed {
            path: path("refine[2]/draft"),
            digest: Some("9f86d081".to_owned()),
            output: deep_value(),
            branch: Some("yes".to_owned()),
            child: None,
        },
        Seed {
            path: path("s"),
            digest: None,
            output: Json::null(),
            branch: None,
            child: Some(execution_id(3)),
        },
    ]
}

/// A way to wind an execution down, of each sort.
#[must_use]
pub fn endings() -> [Ending; 5] {
    [
        Ending::Failure { node: path("web") },
        Ending::Budget {
            node: path("refine[2]/draft"),
        },
        Ending::Timeout,
        Ending::Cancel,
        Ending::Quarantine,
    ]
}
