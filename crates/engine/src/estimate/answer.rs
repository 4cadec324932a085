//! What an estimate says, in the names of the HTTP API.

use agentchains_cost::{Percentiles, Usd};
use agentchains_machine::{NodeType, WorkflowId};
use agentchains_ports::Seconds;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What is to be estimated. Absent fields are the workflow's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EstimateRequest {
    /// The version; absent: the latest.
    pub version: Option<u32>,
    /// The execution's input, which may decide how many items there are; absent: as many as there may be.
    pub input: Option<Value>,
    /// The limit of the execution's spending.
    pub max_budget: Option<Usd>,
}

/// What an execution may cost and take at the most, and what it may be expected to. It serialises as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// Its version.
    pub version: u32,
    /// The budget that holds, in USD.
    pub max_budget: Option<Usd>,
    /// Whether the worst case without it fits into it. Absent without a budget, and where nothing bounds the cost.
    pub fits_budget: Option<bool>,
    /// The costs.
    pub cost: CostEstimate,
    /// The durations.
    pub duration: DurationEstimate,
    /// All nodes, nested ones included, in the order of the document.
    pub nodes: Vec<NodeEstimate>,
    /// Nodes that would fail with this input.
    pub warnings: Vec<Remark>,
}

/// What an execution may cost, its child executions included.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CostEstimate {
    /// The most that it costs, in USD, as long as each attempt keeps to what is declared for it. No more than the
    /// budget; absent where nothing bounds it.
    pub worst_case_usd: Option<Usd>,
    /// The same without the budget. Absent, too, where it is more than [`Usd::MAX`].
    pub unbudgeted_usd: Option<Usd>,
    /// The nodes whose cost nothing bounds, or no amount can say.
    pub unbounded: Vec<Remark>,
    /// At least half of the past executions cost no more, in USD; absent without any.
    pub expected_p50_usd: Option<Usd>,
    /// At least nine in ten past executions cost no more, in USD; absent without any.
    pub expected_p90_usd: Option<Usd>,
    /// Past executions of this version that completed and whose whole cost is known.
    pub samples: usize,
}

/// How long an execution may take. Times in which it is paused, or waits for an agent's breaker, for a place among an
/// agent's calls, or for as long as an agent asked it to, are not counted.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DurationEstimate {
    /// The time that it takes where every attempt takes its whole timeout and every retry is needed. Absent where
    /// nothing bounds it.
    pub worst_case_seconds: Option<Seconds>,
    /// The nodes whose duration nothing bounds.
    pub unbounded: Vec<Remark>,
    /// The nodes of the workflow's own graph one after the other that take the longest in that case.
    pub critical_path: Vec<String>,
    /// At least half of the past executions took no longer; absent without any.
    pub expected_p50_seconds: Option<Seconds>,
    /// At least nine in ten past executions took no longer; absent without any.
    pub expected_p90_seconds: Option<Seconds>,
    /// The nodes one after the other that took the longest in the past, by the median of each; empty without a past.
    pub expected_critical_path: Vec<String>,
    /// Past executions of this version that completed.
    pub samples: usize,
}

/// What is to be said about one node: why it has no bound, or would fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Remark {
    /// Its id.
    pub node_id: String,
    /// The ids of the nodes around it and its own: `refine/draft`. A node that starts a workflow is around the nodes of
    /// that workflow.
    pub place: String,
    /// One sentence.
    pub reason: String,
}

/// What one node may cost and take.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NodeEstimate {
    /// Its id.
    pub node_id: String,
    /// The ids of the nodes around it and its own.
    pub place: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: NodeType,
    /// How often it runs at the most, in all iterations and for all items.
    pub runs: u64,
    /// Attempts that each run has at the most.
    pub attempts: u32,
    /// The most that all its runs cost together, in USD; that of a group or loop is that of its members. Absent where
    /// nothing bounds it, or no amount can say it.
    pub worst_case_usd: Option<Usd>,
    /// The limit of one attempt of a call, of a sub-workflow, group or loop, or of a question; absent where there is
    /// none.
    pub timeout_seconds: Option<Seconds>,
    /// At least half of its past runs cost no more, in USD; absent without any.
    pub expected_p50_usd: Option<Usd>,
    /// At least nine in ten of its past runs cost no more, in USD; absent without any.
    pub expected_p90_usd: Option<Usd>,
    /// At least half of its past runs took no longer; absent without any.
    pub expected_p50_seconds: Option<Seconds>,
    /// At least nine in ten of its past runs took no longer; absent without any.
    pub expected_p90_seconds: Option<Seconds>,
    /// Its past runs that completed.
    pub samples: usize,
}

/// The middle and the upper end of some values, and how many there are.
pub(super) fn spread<T: Ord + Copy>(values: impl IntoIterator<Item = T>) -> (Option<T>, Option<T>, usize) {
    match Percentiles::of(values) {
        Some(found) => (Some(found.p50), Some(found.p90), found.count),
        None => (None, None, 0),
    }
}
