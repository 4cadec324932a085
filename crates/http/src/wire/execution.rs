//! Executions: the row as clients see it, with what it waits for.

use std::collections::BTreeMap;

use agentchains_engine::{
    Spending,
    cost::Usd,
    machine::{
        ExecutionId, ExecutionRow, ExecutionStatus, Explanation, Failure, NodeRow, PauseReason, WorkflowId,
        time::rfc3339_millis,
    },
    workflow::Json,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::wire::waiting::WaitingNode;

/// The answer to a start that is not waited for.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Started {
    pub(crate) execution_id: ExecutionId,
    /// That of the moment of its acceptance: the same whenever the request is repeated.
    pub(crate) status: ExecutionStatus,
}

/// An execution in lists: without values, which may be large, and without what it waits for, which is in its
/// nodes.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExecutionSummary")]
pub(crate) struct Summary<'a> {
    id: ExecutionId,
    workflow_id: WorkflowId,
    workflow_version: u32,
    status: ExecutionStatus,
    pause_reason: Option<PauseReason>,
    in_flight: u32,
    /// Why it failed. What fails while the rest goes on is told of the nodes.
    error: Option<&'a Failure>,
    /// What its attempts have cost, and what the child executions that it waits for have told: they tell after each
    /// call, so that this may be behind while they run.
    cost_usd: Usd,
    /// What its own attempts in flight may still cost.
    reserved_usd: Usd,
    max_budget: Option<Usd>,
    /// The execution that started it as a part of its own.
    parent: Option<ExecutionId>,
    /// The execution that it repeats or varies.
    forked_from: Option<ExecutionId>,
    initiated_by: &'a str,
    labels: &'a BTreeMap<String, String>,
    #[serde(with = "rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    created_at: Timestamp,
    #[serde(with = "rfc3339_millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    started_at: Option<Timestamp>,
    #[serde(with = "rfc3339_millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    finished_at: Option<Timestamp>,
    nodes_total: u32,
    nodes_settled: u32,
}

impl<'a> Summary<'a> {
    pub(crate) fn of(row: &'a ExecutionRow) -> Self {
        Self {
            id: row.id,
            workflow_id: row.workflow_id,
            workflow_version: row.workflow_version,
            status: row.status,
            pause_reason: row.pause_reason,
            in_flight: row.in_flight,
            error: row.error.as_ref().filter(|_| row.status.is_terminal()),
            cost_usd: row.spent,
            reserved_usd: row.reserved,
            max_budget: row.max_budget,
            parent: row.parent.as_ref().map(|parent| parent.execution_id),
            forked_from: row.forked_from,
            initiated_by: &row.initiated_by,
            labels: &row.labels,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            nodes_total: row.nodes_total,
            nodes_settled: row.nodes_settled,
        }
    }
}

/// Why the nodes of an execution are where they are.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Explained {
    pub(crate) status: ExecutionStatus,
    pub(crate) pause_reason: Option<PauseReason>,
    pub(crate) nodes: Vec<Explanation>,
}

/// One execution with everything. Its `cost_usd` and `reserved_usd` are those of its cost: everything below it included.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Execution<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    waiting_on: Vec<WaitingNode<'a>>,
    input: &'a Json,
    output: Option<&'a Json>,
}

impl<'a> Execution<'a> {
    pub(crate) fn of(row: &'a ExecutionRow, spending: Spending, nodes: &'a [NodeRow]) -> Self {
        Self {
            summary: Summary {
                cost_usd: spending.cost,
                reserved_usd: spending.reserved,
                ..Summary::of(row)
            },
            waiting_on: nodes.iter().filter_map(WaitingNode::of).collect(),
            input: &row.input,
            output: row.output.as_ref(),
        }
    }
}
