//! What an execution has cost: its attempts, summed exactly by node, by agent and by model.

use std::collections::BTreeMap;

use agentchains_engine::{
    ExecutionView,
    cost::Usd,
    machine::{AttemptRow, AttemptStatus, NodePath},
};
use serde::Serialize;

/// The answer to `GET /executions/{id}/cost`.
#[derive(Serialize)]
pub(crate) struct Cost<'a> {
    total_usd: Usd,
    reserved_usd: Usd,
    max_budget: Option<Usd>,
    remaining_usd: Option<Usd>,
    cost_known: bool,
    by_node: Vec<NodeLine<'a>>,
    by_agent: Vec<AgentLine<'a>>,
    by_model: Vec<ModelLine<'a>>,
    /// The executions that this one started as its parts.
    children: [(); 0],
}

#[derive(Serialize)]
struct NodeLine<'a> {
    node_id: &'a str,
    path: &'a NodePath,
    agent_id: &'a str,
    #[serde(flatten)]
    sum: Sum,
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

/// The sum of some attempts.
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
        if attempt.status == AttemptStatus::Running {
            self.reserved_usd = self.reserved_usd.saturating_add(attempt.reserved);
        }
        self.attempts = self.attempts.saturating_add(1);
        add_tokens(&mut self.input_tokens, usage.and_then(|usage| usage.input_tokens));
        add_tokens(
            &mut self.output_tokens,
            usage.and_then(|usage| usage.output_tokens),
        );
        self.cost_known &= attempt.cost_known;
    }
}

impl<'a> Cost<'a> {
    /// Sums the attempts; `view` gives the budget and the nodes' names.
    pub(crate) fn of(view: &'a ExecutionView, attempts: &'a [AttemptRow]) -> Self {
        let mut all = Sum::default();
        let mut by_node: BTreeMap<&NodePath, (Sum, &str)> = BTreeMap::new();
        let mut by_agent: BTreeMap<&str, Sum> = BTreeMap::new();
        let mut by_model: BTreeMap<&str, Sum> = BTreeMap::new();
        for attempt in attempts {
            all.add(attempt);
            let (sum, latest_agent) = by_node.entry(&attempt.path).or_default();
            sum.add(attempt);
            *latest_agent = &attempt.agent_id;
            by_agent.entry(&attempt.agent_id).or_default().add(attempt);
            if let Some(model) = attempt.usage.as_ref().and_then(|usage| usage.model.as_deref()) {
                by_model.entry(model).or_default().add(attempt);
            }
        }
        let max_budget = view.execution.max_budget;
        let committed = all.cost_usd.saturating_add(all.reserved_usd);
        Self {
            total_usd: all.cost_usd,
            reserved_usd: all.reserved_usd,
            max_budget,
            remaining_usd: max_budget.map(|limit| limit.saturating_sub(committed).max(Usd::ZERO)),
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
            children: [],
        }
    }
}

/// The lines of the nodes that had an attempt, in the order of the document.
fn node_lines<'a>(
    view: &'a ExecutionView,
    mut by_node: BTreeMap<&'a NodePath, (Sum, &'a str)>,
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
