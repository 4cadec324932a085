//! What an execution has cost: its attempts and its child executions, summed exactly by node, and the attempts by agent
//! and by model.

use std::collections::BTreeMap;

use agentchains_engine::{
    ExecutionView,
    cost::{Budget, Lines, Usage, Usd},
    machine::{AttemptRow, AttemptStatus, ExecutionId, ExecutionRow, NodePath, NodeRow, NodeType},
};
use serde::Serialize;

/// The answer to `GET /executions/{id}/cost`.
#[derive(Serialize)]
pub(crate) struct Cost<'a> {
    total_usd: Usd,
    /// Of the whole tree below, where there is a budget.
    reserved_usd: Usd,
    max_budget: Option<Usd>,
    remaining_usd: Option<Usd>,
    cost_known: bool,
    by_node: Vec<NodeLine<'a>>,
    by_agent: Vec<AgentLine<'a>>,
    by_model: Vec<ModelLine<'a>>,
    by_attempt: Vec<AttemptLine<'a>>,
    /// The executions that this one started and waits for, or waited.
    children: Vec<ChildLine<'a>>,
}

#[derive(Serialize)]
struct NodeLine<'a> {
    node_id: &'a str,
    path: &'a NodePath,
    /// Absent where a child execution has spent it.
    agent_id: Option<&'a str>,
    #[serde(flatten)]
    sum: Sum,
}

/// What a child execution has cost, its own children included.
#[derive(Serialize)]
struct ChildLine<'a> {
    execution_id: ExecutionId,
    node_id: &'a str,
    total_usd: Usd,
}

#[derive(Serialize)]
struct AgentLine<'a> {
    agent_id: &'a str,
    #[serde(flatten)]
    sum: Sum,
}

/// Attempts whose agent named no model are in none of these lines.
#[derive(Serialize)]
struct ModelLine<'a> {
    model: &'a str,
    #[serde(flatten)]
    sum: Sum,
}

/// A line of the ledger.
#[derive(Serialize)]
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

/// The sum of some attempts, or child executions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Sum {
    cost_usd: Usd,
    /// What attempts in flight may still cost.
    reserved_usd: Usd,
    attempts: u32,
    /// Absent while no attempt has reported any.
    input_tokens: Option<u64>,
    /// Absent while no attempt has reported any.
    output_tokens: Option<u64>,
    cost_known: bool,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            cost_usd: Usd::ZERO,
            reserved_usd: Usd::ZERO,
            attempts: 0,
            input_tokens: None,
            output_tokens: None,
            cost_known: true,
        }
    }
}

impl Sum {
    fn add(&mut self, attempt: &AttemptRow) {
        let add_tokens = |sum: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        };
        let usage = attempt.usage.as_ref();
        self.cost_usd = self.cost_usd.saturating_add(attempt.cost);
        self.reserved_usd = self.reserved_usd.saturating_add(still_reserved(attempt));
        self.attempts = self.attempts.saturating_add(1);
        add_tokens(&mut self.input_tokens, usage.and_then(|usage| usage.input_tokens));
        add_tokens(
            &mut self.output_tokens,
            usage.and_then(|usage| usage.output_tokens),
        );
        self.cost_known &= attempt.cost_known;
    }

    /// Adds what the child executions of a node have cost, as far as they have told.
    fn add_children(&mut self, row: &NodeRow) {
        self.cost_usd = self.cost_usd.saturating_add(row.cost);
        self.reserved_usd = self.reserved_usd.saturating_add(row.state.reserved());
        self.attempts = self.attempts.saturating_add(row.attempts);
        self.cost_known &= row.cost_known;
    }
}

impl<'a> Cost<'a> {
    /// Sums the attempts and the child executions; `view` gives the nodes, and the purse what is left of the budget.
    pub(crate) fn of(
        view: &'a ExecutionView,
        attempts: &'a [AttemptRow],
        children: &'a [ExecutionRow],
        purse: Option<&Budget>,
    ) -> Self {
        let mut all = Sum::default();
        let mut by_node: BTreeMap<&NodePath, (Sum, Option<&str>)> = BTreeMap::new();
        let mut by_agent: BTreeMap<&str, Sum> = BTreeMap::new();
        let mut by_model: BTreeMap<&str, Sum> = BTreeMap::new();
        for attempt in attempts {
            all.add(attempt);
            let (sum, latest_agent) = by_node.entry(&attempt.path).or_default();
            sum.add(attempt);
            *latest_agent = Some(&attempt.agent_id);
            by_agent.entry(&attempt.agent_id).or_default().add(attempt);
            if let Some(model) = attempt.usage.as_ref().and_then(|usage| usage.model.as_deref()) {
                by_model.entry(model).or_default().add(attempt);
            }
        }
        let with_children = |row: &&NodeRow| row.kind == NodeType::Subworkflow && row.attempts > 0;
        for row in view.nodes.iter().filter(with_children) {
            all.add_children(row);
            by_node.entry(&row.path).or_default().0.add_children(row);
        }
        let max_budget = view.execution.max_budget;
        let purse = purse.and_then(|purse| Some((purse.limit()?, purse.remaining()?)));
        // What executions below have spent and not told yet is set aside like what they may still spend.
        let reserved_usd = purse.map_or(all.reserved_usd, |(limit, remaining)| {
            left(limit, remaining.saturating_add(all.cost_usd))
        });
        Self {
            total_usd: all.cost_usd,
            reserved_usd,
            max_budget,
            remaining_usd: max_budget.map(|limit| left(limit, all.cost_usd.saturating_add(reserved_usd))),
            cost_known: all.cost_known,
            by_node: node_lines(view, by_node),
            by_agent: by_agent
                .into_iter()
                .map(|(agent_id, sum)| AgentLine { agent_id, sum })
                .collect(),
            by_model: by_model
                .into_iter()
                .map(|(model, sum)| ModelLine { model, sum })
                .collect(),
            by_attempt: attempts.iter().map(AttemptLine::of).collect(),
            children: children.iter().filter_map(ChildLine::of).collect(),
        }
    }
}

impl<'a> AttemptLine<'a> {
    fn of(row: &'a AttemptRow) -> Self {
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

fn left(limit: Usd, taken: Usd) -> Usd {
    limit.saturating_sub(taken).max(Usd::ZERO)
}

/// What an attempt may still cost.
fn still_reserved(row: &AttemptRow) -> Usd {
    match row.status {
        AttemptStatus::Running => row.reserved,
        _ => Usd::ZERO,
    }
}

impl<'a> ChildLine<'a> {
    /// `None` for one that answers for itself.
    fn of(child: &'a ExecutionRow) -> Option<Self> {
        let parent = child.parent.as_ref().filter(|parent| parent.waits)?;
        Some(Self {
            execution_id: child.id,
            node_id: parent.path.node_id(),
            total_usd: child.spent,
        })
    }
}

/// The lines of the nodes that had an attempt, in the order of the document.
fn node_lines<'a>(
    view: &'a ExecutionView,
    mut by_node: BTreeMap<&'a NodePath, (Sum, Option<&'a str>)>,
) -> Vec<NodeLine<'a>> {
    let lines = view.nodes.iter().filter_map(|row| {
        let (path, (sum, agent_id)) = by_node.remove_entry(&row.path)?;
        Some(NodeLine {
            node_id: &row.node_id,
            path,
            agent_id,
            sum,
        })
    });
    lines.collect()
}
