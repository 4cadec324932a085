//! What a dry run tells, in the names of the HTTP API.

use std::collections::BTreeMap;

use agentchains_cost::Usd;
use agentchains_machine::{
    ExecutionId, ExecutionRow, ExecutionStatus, Failure, Json, NodeRow, NodeState, NodeStatus, NodeType,
    PauseReason, SkipReason,
};
use agentchains_ports::Seconds;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Nodes that are told of.
const MAX_NODES: usize = 10_000;
/// Bytes of their outputs that are told, all together.
const MAX_OUTPUT_BYTES: usize = 8 << 20;

/// What would become of an execution. It serialises as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DryRunReport {
    /// How it ends. `paused` where nothing goes on before somebody raises its budget.
    pub status: ExecutionStatus,
    /// Why it is paused, where it is.
    pub pause_reason: Option<PauseReason>,
    /// What it produces.
    pub output: Option<Json>,
    /// Why it fails.
    pub error: Option<Failure>,
    /// What it costs, in USD: each call what the `_cost` in its supposed output says, else as its past attempt did, else
    /// as its node did in the middle of the past, else by the agent's prices.
    pub cost_usd: Usd,
    /// Whether every cost in that is known.
    pub cost_known: bool,
    /// How long it takes: each call as long as its past attempt did, else as its node did in the middle of the past,
    /// else no time. People take none.
    pub duration_seconds: Seconds,
    /// Calls that agents would get.
    pub calls: u64,
    /// The execution from which outputs were taken where none were given.
    pub from_execution: Option<ExecutionId>,
    /// The labels of the branches that were taken, by the paths of the nodes that chose them.
    pub branches: BTreeMap<String, Option<String>>,
    /// The decisions that people are supposed to have made, by the paths of the nodes that asked them.
    pub supposed_decisions: BTreeMap<String, String>,
    /// The nodes, those of child executions behind those of the executions that start them.
    pub nodes: Vec<DryRunNode>,
    /// Nodes that are not told of because there are too many.
    pub nodes_omitted: usize,
}

/// What would become of a node.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DryRunNode {
    /// Its id.
    pub node_id: String,
    /// Its path, that of a node in a child execution behind the path of the node which starts that.
    pub path: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: NodeType,
    /// How it ends.
    pub status: NodeStatus,
    /// Attempts that would be sent.
    pub attempts: u32,
    /// The label of the branch that it takes.
    pub branch: Option<String>,
    /// Why it does not run.
    pub skip_reason: Option<SkipReason>,
    /// Why it fails, or would without an output for that case.
    pub error: Option<Failure>,
    /// What it costs, in USD.
    pub cost_usd: Usd,
    /// What it produces. Absent, too, where all outputs together are too large to be told.
    pub output: Option<Json>,
    /// Whether it produces something that is too large to be told here.
    pub output_omitted: bool,
    /// When it begins, from the start of the execution.
    pub started_after_seconds: Option<Seconds>,
    /// When it ends, from the start of the execution.
    pub finished_after_seconds: Option<Seconds>,
}

/// Puts a report together, node by node.
pub(super) struct Reporter {
    began: Timestamp,
    nodes: Vec<DryRunNode>,
    omitted: usize,
    branches: BTreeMap<String, Option<String>>,
    room: usize,
}

impl Reporter {
    pub(super) const fn new(began: Timestamp) -> Self {
        Self {
            began,
            nodes: Vec::new(),
            omitted: 0,
            branches: BTreeMap::new(),
            room: MAX_OUTPUT_BYTES,
        }
    }

    pub(super) fn add(&mut self, path: String, row: &NodeRow) {
        let mut shown = DryRunNode {
            node_id: row.node_id.clone(),
            path,
            kind: row.kind,
            status: row.state.status(),
            attempts: row.attempts,
            branch: None,
            skip_reason: None,
            error: None,
            cost_usd: row.cost,
            output: None,
            output_omitted: false,
            started_after_seconds: row.started_at.map(|at| since(self.began, at)),
            finished_after_seconds: row.finished_at.map(|at| since(self.began, at)),
        };
        match &row.state {
            NodeState::Completed(done) => {
                shown.branch.clone_from(&done.branch);
                shown.error.clone_from(&done.replaced);
                if done.branch.is_some() || row.kind == NodeType::Condition {
                    self.branches.insert(shown.path.clone(), done.branch.clone());
                }
                match self.room.checked_sub(done.output.as_str().len()) {
                    Some(room) => (self.room, shown.output) = (room, Some(done.output.clone())),
                    None => shown.output_omitted = true,
                }
            }
            NodeState::Failed(failed) => shown.error = Some(failed.failure.clone()),
            NodeState::Skipped(reason) => shown.skip_reason = Some(reason.clone()),
            _ => {}
        }
        if self.nodes.len() < MAX_NODES {
            self.nodes.push(shown);
        } else {
            self.omitted += 1;
        }
    }

    pub(super) fn finish(
        self,
        execution: &ExecutionRow,
        calls: u64,
        supposed_decisions: BTreeMap<String, String>,
        ended: Timestamp,
    ) -> DryRunReport {
        DryRunReport {
            status: execution.status,
            pause_reason: execution.pause_reason,
            output: execution.output.clone(),
            error: execution.error.clone(),
            cost_usd: execution.spent,
            cost_known: execution.cost_known,
            duration_seconds: since(self.began, execution.finished_at.unwrap_or(ended)),
            calls,
            from_execution: None,
            branches: self.branches,
            supposed_decisions,
            nodes: self.nodes,
            nodes_omitted: self.omitted,
        }
    }
}

fn since(began: Timestamp, at: Timestamp) -> Seconds {
    Seconds(at.duration_since(began).try_into().unwrap_or_default())
}
