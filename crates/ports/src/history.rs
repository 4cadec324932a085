//! What is known of the past of a workflow: the costs and durations that its next execution may be expected to have.

use std::time::Duration;

use agentchains_cost::Usd;
use agentchains_machine::{ExecutionId, WorkflowId};

/// Of which version how much of the past is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRequest {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// Its version.
    pub version: u32,
    /// Executions at the most: the newest ones.
    pub max_executions: u32,
    /// Runs of nodes at the most: those of the newest of these executions.
    pub max_node_runs: u32,
}

/// What the executions of one version that completed have cost and taken. Those that were made from another execution
/// are not among them, because what they took over cost them nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The executions, newest first.
    pub executions: Vec<PastExecution>,
    /// Their nodes that completed, those of the newest execution first.
    pub nodes: Vec<PastNodeRun>,
}

/// A completed execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastExecution {
    /// Its id.
    pub id: ExecutionId,
    /// What it cost and took, what it has waited for included.
    pub run: PastRun,
}

/// A node of a completed execution, one of possibly many with this id in loops and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastNodeRun {
    /// Its id in the document.
    pub node_id: String,
    /// What it cost and took, all its attempts and the waits between them included.
    pub run: PastRun,
}

/// What something has cost and taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastRun {
    /// Its cost.
    pub cost: Usd,
    /// Whether all of that is known. Otherwise it has cost at least this.
    pub cost_known: bool,
    /// The time from its start to its end.
    pub duration: Duration,
}
