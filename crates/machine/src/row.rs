//! The rows: what the machine remembers, in the shape in which it is made durable.
//!
//! Rows are the truth. The machine keeps nothing else that could not be computed from them and the graph,
//! and recovery reads nothing else. A node that has no row yet is pending.

use std::{collections::BTreeMap, sync::Arc};

use agentchains_cost::{Lines, Usage, Usd};
use agentchains_workflow::{Json, OnBudget, UnknownCost};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ApprovalId, ExecutionId, ExecutionStatus, Failure, MessageId, NodePath, NodeState, NodeType, PauseReason,
    WorkflowId, status::words,
};

/// The row of an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionRow {
    /// Its id.
    pub id: ExecutionId,
    /// Who owns it.
    pub tenant: String,
    /// The workflow it runs.
    pub workflow_id: WorkflowId,
    /// The version it is pinned to.
    pub workflow_version: u32,
    /// Its status.
    pub status: ExecutionStatus,
    /// Why it is paused; set exactly when it is.
    pub pause_reason: Option<PauseReason>,
    /// How it is being wound down; set from the moment nothing new may start. Only a cancel replaces another.
    pub ending: Option<Ending>,
    /// What it was started with.
    pub input: Json,
    /// What it produced; set when completed.
    pub output: Option<Json>,
    /// Why it failed: the timeout or the budget that ended it, else the first failure that nothing handled.
    pub error: Option<Failure>,
    /// The limit of its spending; absent is no limit.
    pub max_budget: Option<Usd>,
    /// What happens when that is reached.
    pub on_budget: OnBudget,
    /// What its attempts have cost.
    pub spent: Usd,
    /// What attempts in flight may still cost.
    pub reserved: Usd,
    /// Whether every cost in `spent` is known.
    pub cost_known: bool,
    /// Names that the caller gave it.
    pub labels: BTreeMap<String, String>,
    /// Who started it.
    pub initiated_by: String,
    /// The node that it runs for, where it is a child execution.
    pub parent: Option<Parent>,
    /// The terminal execution that it was made from.
    pub forked_from: Option<ExecutionId>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When its first nodes started.
    pub started_at: Option<Timestamp>,
    /// When it became terminal.
    pub finished_at: Option<Timestamp>,
    /// When its own timeout is over.
    pub deadline: Option<Timestamp>,
    /// The next moment at which time alone changes it.
    pub wake_at: Option<Timestamp>,
    /// Sequence number of its last event.
    pub last_seq: u64,
    /// Attempts in flight.
    pub in_flight: u32,
    /// Child executions that it waits for.
    pub children: u32,
    /// Nodes of its graph, and of every iteration, item and group that was begun.
    pub nodes_total: u32,
    /// Nodes that have settled.
    pub nodes_settled: u32,
    /// Whether a process drives it, or is told of its child executions: what is to be taken over when that one ends.
    pub is_driven: bool,
    /// How often it was taken over from a process that had crashed, since it last came any further.
    pub recoveries: u32,
}

/// Where a child execution hangs in its tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The execution that started it.
    pub execution_id: ExecutionId,
    /// The execution at the top of the tree.
    pub root_execution_id: ExecutionId,
    /// The node that started it.
    pub path: NodePath,
    /// Executions on the way down, itself included: 2 for a child of the root.
    pub depth: u32,
    /// Whether that node waits for its end. One that does not shares its budget, and not its fate.
    pub waits: bool,
    /// The budgets above that its calls draw from too.
    pub budgets: Vec<BudgetAbove>,
    /// Whether it is held because an execution above it is paused.
    pub holds: bool,
}

/// A budget of an execution above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetAbove {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its node that leads down.
    pub path: NodePath,
    /// What is done there about calls whose cost nobody knows.
    pub unknown_cost: UnknownCost,
}

impl ExecutionRow {
    /// The budgets that calls of executions below a node draw from; `unknown_cost` is that of the workflow.
    #[must_use]
    pub fn budgets_below(&self, path: &NodePath, unknown_cost: UnknownCost) -> Vec<BudgetAbove> {
        let above = self.parent.iter().flat_map(|parent| parent.budgets.clone());
        let own = self.max_budget.map(|_| BudgetAbove {
            execution_id: self.id,
            path: path.clone(),
            unknown_cost,
        });
        above.chain(own).collect()
    }

    /// The execution at the top of its tree; itself where it is no child.
    #[must_use]
    pub fn root(&self) -> ExecutionId {
        self.parent
            .as_ref()
            .map_or(self.id, |parent| parent.root_execution_id)
    }

    /// Executions on the way down to it, itself included.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.parent.as_ref().map_or(1, |parent| parent.depth)
    }
}

/// How an execution is being wound down, once nothing new may start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Ending {
    /// A failure that nothing handled, in this node.
    Failure {
        /// The node that failed.
        node: NodePath,
    },
    /// The budget does not allow a call of this node.
    Budget {
        /// The node that was refused.
        node: NodePath,
    },
    /// The execution's own timeout is over.
    Timeout,
    /// It was being driven in too many crashes in a row.
    Quarantine,
    /// Someone cancelled it.
    Cancel,
}

/// The row of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRow {
    /// Where it stands; with the execution's id, its key.
    pub path: NodePath,
    /// Its id in the document.
    pub node_id: String,
    /// Its type, as in documents.
    pub kind: NodeType,
    /// Position in the document, for listing.
    pub position: u32,
    /// What it is in, with what belongs to that.
    pub state: NodeState,
    /// Attempts that were sent.
    pub attempts: u32,
    /// Those of them that were made before the node around it was tried again: its own `retry` counts anew.
    pub attempts_before: u32,
    /// Of a loop: the iteration that it is at, counted from 0.
    pub iteration: u32,
    /// What it was asked, once its first attempt was recorded.
    pub request: Option<Arc<NodeRequest>>,
    /// The agent's task of its last attempt, as soon as it is known.
    pub remote_task: Option<RemoteTask>,
    /// What its attempts have cost.
    pub cost: Usd,
    /// Whether all of that is known.
    pub cost_known: bool,
    /// By how much its attempts cost more than was reserved for them.
    pub overrun: Usd,
    /// What its last attempt used.
    pub usage: Option<Usage>,
    /// Whether its output was taken over from the execution that this one was made from.
    pub reused: bool,
    /// The last child execution that it started.
    pub child_execution_id: Option<ExecutionId>,
    /// When it first left `pending`.
    pub started_at: Option<Timestamp>,
    /// When it settled.
    pub finished_at: Option<Timestamp>,
}

impl NodeRow {
    /// The row of a node to which nothing has happened.
    #[must_use]
    pub fn pending(path: NodePath, kind: NodeType, position: u32) -> Self {
        Self {
            node_id: path.node_id().to_owned(),
            path,
            kind,
            position,
            state: NodeState::Pending,
            attempts: 0,
            attempts_before: 0,
            iteration: 0,
            request: None,
            remote_task: None,
            cost: Usd::ZERO,
            cost_known: true,
            overrun: Usd::ZERO,
            usage: None,
            reused: false,
            child_execution_id: None,
            started_at: None,
            finished_at: None,
        }
    }
}

/// What a node is asked: fixed before its first attempt, the same for all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeRequest {
    /// The node's config with its templates rendered.
    pub config: Json,
    /// What it runs over, where it is a group or a loop that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Arc<[Json]>>,
    /// The live predecessors at that time; their outputs are in their own rows and never change.
    pub upstream: Vec<String>,
}

impl NodeRequest {
    /// The config as people see it: with what the node runs over.
    #[must_use]
    pub fn shown_config(&self) -> Json {
        match &self.items {
            Some(items) => [("items", items.iter().cloned().collect::<Json>())]
                .into_iter()
                .collect(),
            None => self.config.clone(),
        }
    }
}

/// What a node of an earlier execution left behind for one that is made from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seed {
    /// The node.
    pub path: NodePath,
    /// Digest of what the node was and was asked; where it is the same, the output is taken over. Absent: whatever
    /// the node is asked, because a person gave the output.
    pub digest: Option<String>,
    /// The output; null where it left a child execution.
    pub output: Json,
    /// The label of the branch that it took, where the node chooses one.
    pub branch: Option<String>,
    /// The child execution that failed or was cut off before the node had an output: what completed in it is kept.
    pub child: Option<ExecutionId>,
}

words! {
    /// How an attempt ended.
    AttemptStatus("attempt status") {
        /// It is in flight.
        Running = "running",
        /// The agent answered with a result.
        Succeeded = "succeeded",
        /// It failed.
        Failed = "failed",
        /// It was aborted on our side.
        Aborted = "aborted",
    }
}

/// The row of an attempt: the ledger's line, keyed by execution, path and number.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRow {
    /// The node.
    pub path: NodePath,
    /// Counts from 1.
    pub number: u32,
    /// The agent it was sent to.
    pub agent_id: String,
    /// The A2A message id.
    pub message_id: MessageId,
    /// How it stands.
    pub status: AttemptStatus,
    /// What was reserved for it.
    pub reserved: Usd,
    /// What it was charged.
    pub cost: Usd,
    /// Whether that is known.
    pub cost_known: bool,
    /// What the charge is made of.
    pub lines: Lines,
    /// Which version of the agent's prices it was made with.
    pub price_version: Option<u32>,
    /// By how much it was more than what was reserved.
    pub overrun: Usd,
    /// What it used.
    pub usage: Option<Usage>,
    /// Why it failed.
    pub error: Option<Failure>,
    /// When it was recorded, before it was sent.
    pub started_at: Timestamp,
    /// When its outcome was recorded.
    pub finished_at: Option<Timestamp>,
}

/// A remote task, by the ids that its agent gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteTask {
    /// The A2A task id.
    pub task_id: String,
    /// The A2A context id.
    pub context_id: Option<String>,
}

words! {
    /// What became of a remote task that was to be cancelled.
    RemoteCancel("remote cancel") {
        /// The agent says that it is cancelled.
        Confirmed = "confirmed",
        /// The agent says that it cannot be cancelled.
        Refused = "refused",
        /// The agent did not say.
        Unknown = "unknown",
    }
}

words! {
    /// Status of a question to a person.
    ApprovalStatus("approval status") {
        /// Nobody has decided.
        Pending = "pending",
        /// A decision was made.
        Decided = "decided",
        /// Nobody decided in time.
        Expired = "expired",
        /// The execution ended before anybody decided.
        Withdrawn = "withdrawn",
    }
}

/// The row of a question to a person. It serialises as the API and the events show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalRow {
    /// Its id.
    pub id: ApprovalId,
    /// What sort of question it is.
    pub kind: ApprovalKind,
    /// How it stands.
    pub status: ApprovalStatus,
    /// The execution that waits.
    pub execution_id: ExecutionId,
    /// The execution at the top of the tree that it belongs to.
    pub root_execution_id: ExecutionId,
    /// The node's id in the document.
    pub node_id: String,
    /// Where the node stands.
    pub path: NodePath,
    /// What the person is asked.
    pub message: String,
    /// What the person is shown.
    pub shown: Json,
    /// SHA-256 of what is asked and shown, as canonical JSON; a decision is bound to it.
    pub shown_hash: String,
    /// JSON Schema of the decision's data.
    pub form: Option<Value>,
    /// The decisions to choose from.
    pub actions: Vec<String>,
    /// Who may decide; empty: anyone.
    pub approvers: Vec<String>,
    /// Distinct people that must agree.
    pub quorum: u32,
    /// Whether who started the execution may not decide.
    pub forbid_initiator: bool,
    /// What was decided, in order.
    pub decisions: Vec<DecisionRecord>,
    /// When waiting ends.
    #[serde(with = "crate::time::rfc3339_millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub expires_at: Option<Timestamp>,
    /// When it was asked.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    pub created_at: Timestamp,
}

impl ApprovalRow {
    /// Whether somebody of that name and with these roles is among those who may decide.
    #[must_use]
    pub fn is_addressed_to(&self, name: &str, roles: &[String]) -> bool {
        let is_them = |approver: &String| match approver.split_once(':') {
            Some(("user", user)) => user == name,
            Some(("role", role)) => roles.iter().any(|own| own == role),
            _ => approver == name,
        };
        self.approvers.is_empty() || self.approvers.iter().any(is_them)
    }
}

/// What sort of question a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// A `human_approval` node asks, or the engine itself.
    Approval,
    /// An agent asks.
    AgentInput,
}

/// One person's decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionRecord {
    /// The chosen action.
    pub decision: String,
    /// Who chose.
    pub by: String,
    /// What they said.
    pub comment: Option<String>,
    /// What they filled in.
    pub data: Option<Value>,
    /// Digest of the request's idempotency key: the same request again is answered as it was the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_key: Option<String>,
    /// When.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    pub decided_at: Timestamp,
}
