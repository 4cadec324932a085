//! What an execution has cost: its bill in the names of the API.

use agentchains_engine::{
    Bill, Charges, ChildBill, NodeBill,
    cost::{Budget, Lines, Usage, Usd},
    machine::{AttemptRow, AttemptStatus, ExecutionId, NodePath},
    still_reserved,
};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer to `GET /executions/{id}/cost`: everything below the execution included, and all of it of one moment.
///
/// `total_usd` and `reserved_usd` are the exact sums of `by_node`, of `by_agent` and of `by_model`, and of `by_attempt`,
/// `children` and `deleted_usd` together.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Cost<'a> {
    total_usd: Usd,
    reserved_usd: Usd,
    max_budget: Option<Usd>,
    remaining_usd: Option<Usd>,
    cost_known: bool,
    lower_bound: bool,
    by_node: Vec<NodeLine<'a>>,
    by_agent: Vec<AgentLine<'a>>,
    by_model: Vec<ModelLine<'a>>,
    /// The attempts of the execution itself; those of a child are in the child's answer.
    by_attempt: Vec<AttemptLine<'a>>,
    /// The executions that this one has started, those that it does not wait for included.
    children: Vec<ChildLine<'a>>,
    /// What children that were deleted had told that they cost.
    deleted_usd: Usd,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CostOfNode")]
struct NodeLine<'a> {
    node_id: &'a str,
    path: &'a NodePath,
    /// Absent where a child execution has spent it.
    agent_id: Option<&'a str>,
    #[serde(flatten)]
    sum: Sum,
}

/// What a child execution has cost, its own children included.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CostOfChild")]
struct ChildLine<'a> {
    execution_id: ExecutionId,
    node_id: &'a str,
    path: &'a NodePath,
    total_usd: Usd,
    reserved_usd: Usd,
    cost_known: bool,
}

/// Absent is the agent of what executions that were deleted have cost.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CostOfAgent")]
struct AgentLine<'a> {
    agent_id: Option<&'a str>,
    #[serde(flatten)]
    sum: Sum,
}

/// Absent is the model of attempts whose agents have named none.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CostOfModel")]
struct ModelLine<'a> {
    model: Option<&'a str>,
    #[serde(flatten)]
    sum: Sum,
}

/// A line of the ledger.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CostOfAttempt")]
struct AttemptLine<'a> {
    path: &'a NodePath,
    attempt: u32,
    agent_id: &'a str,
    status: AttemptStatus,
    cost_usd: Usd,
    /// What it may still cost; zero once it has ended.
    reserved_usd: Usd,
    cost_known: bool,
    /// By how much it cost more than was reserved for it.
    overrun_usd: Usd,
    /// What the cost is made of.
    lines: &'a Lines,
    /// The revision of the agent whose prices they were.
    price_version: Option<u32>,
    usage: Option<&'a Usage>,
}

/// The sum of some attempts; of a sub-workflow, of those in everything below it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CostSum")]
struct Sum {
    cost_usd: Usd,
    /// What attempts in flight may still cost.
    reserved_usd: Usd,
    attempts: u64,
    /// Absent while no attempt has reported any.
    input_tokens: Option<u64>,
    /// Absent while no attempt has reported any.
    output_tokens: Option<u64>,
    cost_known: bool,
    /// Whether more tokens were used than are counted.
    lower_bound: bool,
}

impl<'a> From<&'a Bill> for Cost<'a> {
    fn from(bill: &'a Bill) -> Self {
        let total = &bill.total;
        let by_agent = bill.by_agent.iter().map(|(agent_id, sum)| AgentLine {
            agent_id: agent_id.as_deref(),
            sum: sum.into(),
        });
        let by_model = bill.by_model.iter().map(|(model, sum)| ModelLine {
            model: model.as_deref(),
            sum: sum.into(),
        });
        Self {
            total_usd: total.cost,
            reserved_usd: total.reserved,
            max_budget: bill.budget.as_ref().and_then(Budget::limit),
            remaining_usd: bill.budget.as_ref().and_then(Budget::remaining),
            cost_known: total.cost_known,
            lower_bound: total.lower_bound,
            by_node: bill.by_node.iter().map(NodeLine::from).collect(),
            by_agent: by_agent.collect(),
            by_model: by_model.collect(),
            by_attempt: bill.attempts.iter().map(AttemptLine::from).collect(),
            children: bill.children.iter().map(ChildLine::from).collect(),
            deleted_usd: bill.deleted,
        }
    }
}

impl<'a> From<&'a NodeBill> for NodeLine<'a> {
    fn from(node: &'a NodeBill) -> Self {
        Self {
            node_id: node.path.node_id(),
            path: &node.path,
            agent_id: node.agent_id.as_deref(),
            sum: (&node.charges).into(),
        }
    }
}

impl<'a> From<&'a ChildBill> for ChildLine<'a> {
    fn from(child: &'a ChildBill) -> Self {
        Self {
            execution_id: child.execution_id,
            node_id: child.path.node_id(),
            path: &child.path,
            total_usd: child.charges.cost,
            reserved_usd: child.charges.reserved,
            cost_known: child.charges.cost_known,
        }
    }
}

impl<'a> From<&'a AttemptRow> for AttemptLine<'a> {
    fn from(row: &'a AttemptRow) -> Self {
        Self {
            path: &row.path,
            attempt: row.number,
            agent_id: &row.agent_id,
            status: row.status,
            cost_usd: row.cost,
            reserved_usd: still_reserved(row),
            cost_known: row.cost_known,
            overrun_usd: row.overrun,
            lines: &row.lines,
            price_version: row.price_version,
            usage: row.usage.as_ref(),
        }
    }
}

impl From<&Charges> for Sum {
    fn from(charges: &Charges) -> Self {
        Self {
            cost_usd: charges.cost,
            reserved_usd: charges.reserved,
            attempts: charges.attempts,
            input_tokens: charges.input_tokens,
            output_tokens: charges.output_tokens,
            cost_known: charges.cost_known,
            lower_bound: charges.lower_bound,
        }
    }
}
