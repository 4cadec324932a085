//! What agents said in a past execution, and what that cost and took.

use std::{collections::HashMap, sync::Arc, time::Duration};

use agentchains_cost::{ReportedCost, Usage, Usd};
use agentchains_machine::{
    AttemptRow, AttemptStatus, ExecutionId, ExecutionRow, Failure, Json, NodePath, NodeRow, NodeState,
};
use agentchains_ports::StoreError;
use jiff::Timestamp;

use crate::Engine;

/// Executions of one tree that are looked at.
const MAX_EXECUTIONS: usize = 1_000;

/// A past execution.
#[derive(Debug, Default)]
pub(super) struct Past {
    nodes: HashMap<NodePath, PastNode>,
    /// The last execution that each node started.
    children: HashMap<NodePath, ExecutionId>,
}

/// The past executions of a tree.
#[derive(Debug, Default)]
pub(super) struct PastTree {
    executions: HashMap<ExecutionId, Arc<Past>>,
}

/// A node of a past execution.
#[derive(Debug)]
struct PastNode {
    answers: Vec<PastAnswer>,
    cost: Usd,
    duration: Duration,
}

/// What an agent said to one attempt.
#[derive(Debug, Clone)]
pub(super) struct PastAnswer {
    /// Its output, or why the attempt failed.
    pub(super) said: Result<Json, Failure>,
    /// Whether another attempt may help.
    pub(super) retryable: bool,
    /// What it charged, without the fixed price per call.
    pub(super) cost: ReportedCost,
    pub(super) usage: Option<Usage>,
    pub(super) duration: Duration,
}

impl Engine {
    /// Reads an execution with those below it.
    pub(super) async fn past_tree(&self, top: ExecutionId) -> Result<PastTree, StoreError> {
        let query = &self.shared.query;
        let mut tree = PastTree::default();
        let mut ahead = vec![top];
        while let Some(id) = ahead.pop() {
            let nodes = query.nodes(id).await?;
            let attempts = query.attempts(id).await?;
            let children = query.children(id).await?;
            let past = Past::of(nodes, attempts, &children);
            let room = MAX_EXECUTIONS.saturating_sub(tree.executions.len() + ahead.len());
            ahead.extend(past.children.values().take(room));
            tree.executions.insert(id, Arc::new(past));
        }
        Ok(tree)
    }
}

impl PastTree {
    pub(super) fn get(&self, id: ExecutionId) -> Option<Arc<Past>> {
        self.executions.get(&id).cloned()
    }

    /// The execution that a node of a past one started.
    pub(super) fn below(&self, past: &Past, path: &NodePath) -> Option<Arc<Past>> {
        self.get(*past.children.get(path)?)
    }
}

impl Past {
    fn of(nodes: Vec<NodeRow>, attempts: Vec<AttemptRow>, children: &[ExecutionRow]) -> Self {
        let mut by_node: HashMap<NodePath, Vec<AttemptRow>> = HashMap::new();
        for attempt in attempts {
            by_node.entry(attempt.path.clone()).or_default().push(attempt);
        }
        let nodes = nodes.into_iter().map(|row| {
            let attempts = by_node.remove(&row.path).unwrap_or_default();
            (row.path.clone(), PastNode::of(&row, attempts))
        });
        // In the order in which they were started, so that later ones take the place of earlier ones.
        let children = children.iter().filter_map(|child| {
            let parent = child.parent.as_ref()?;
            Some((parent.path.clone(), child.id))
        });
        Self {
            nodes: nodes.collect(),
            children: children.collect(),
        }
    }

    /// What an agent said to an attempt of this number, and to its last one where there were fewer.
    pub(super) fn answer(&self, path: &NodePath, attempt: u32) -> Option<&PastAnswer> {
        let answers = &self.nodes.get(path)?.answers;
        let index = usize::try_from(attempt).ok()?.checked_sub(1)?;
        answers.get(index).or(answers.last())
    }

    /// What a node has cost and taken with all its attempts.
    pub(super) fn totals(&self, path: &NodePath) -> Option<(Usd, Duration)> {
        let node = self.nodes.get(path)?;
        Some((node.cost, node.duration))
    }
}

impl PastNode {
    fn of(row: &NodeRow, attempts: Vec<AttemptRow>) -> Self {
        let output = match &row.state {
            NodeState::Completed(done) if done.replaced.is_none() => Some(&done.output),
            _ => None,
        };
        let count = attempts.len();
        let attempts = attempts.into_iter().enumerate();
        let mut answers: Vec<PastAnswer> = attempts
            .map_while(|(index, attempt)| PastAnswer::of(attempt, output, index + 1 < count))
            .collect();
        if let Some(output) = output
            && count == 0
        {
            answers.push(PastAnswer::taken_over(output.clone()));
        }
        Self {
            answers,
            cost: row.cost,
            duration: elapsed(row.started_at, row.finished_at),
        }
    }
}

impl PastAnswer {
    /// `None` where nobody knows what the agent said. `was_retried`: another attempt followed.
    fn of(attempt: AttemptRow, output: Option<&Json>, was_retried: bool) -> Option<Self> {
        let said = match (attempt.status, attempt.error) {
            (AttemptStatus::Succeeded | AttemptStatus::Failed, Some(failure)) => Err(failure),
            (AttemptStatus::Succeeded, None) => Ok(output?.clone()),
            _ => return None,
        };
        let cost = if attempt.cost_known {
            ReportedCost::Usd(attempt.cost.saturating_sub(attempt.lines.call).max(Usd::ZERO))
        } else {
            ReportedCost::Absent
        };
        Some(Self {
            retryable: match &said {
                Err(failure) => was_retried || failure.code.is_transient(),
                Ok(_) => false,
            },
            said,
            cost,
            usage: attempt.usage,
            duration: elapsed(Some(attempt.started_at), attempt.finished_at),
        })
    }

    /// The output of a node that took it over from an execution before, at no cost.
    fn taken_over(output: Json) -> Self {
        Self {
            said: Ok(output),
            retryable: false,
            cost: ReportedCost::Usd(Usd::ZERO),
            usage: None,
            duration: Duration::ZERO,
        }
    }
}

fn elapsed(from: Option<Timestamp>, to: Option<Timestamp>) -> Duration {
    let between = from.zip(to).map(|(from, to)| to.duration_since(from));
    between
        .and_then(|between| Duration::try_from(between).ok())
        .unwrap_or_default()
}
