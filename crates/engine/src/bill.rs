//! Bills: the ledger of an execution and of everything below it, summed by node, agent, model and child execution.

use std::collections::{BTreeMap, HashMap};

use agentchains_cost::{Budget, Usd};
use agentchains_machine::{AttemptRow, AttemptStatus, ExecutionId, NodePath};
use agentchains_ports::{Account, Ledger, Told};

/// What an execution and everything below it have cost and have reserved, all of one moment.
///
/// The lines by node, those by agent and those by model each sum to the total, exactly; so do the attempts together
/// with the children and [`deleted`](Self::deleted).
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// All of it.
    pub total: Charges,
    /// The budget of the execution, where it has one: it holds the same amounts.
    pub budget: Option<Budget>,
    /// By node of the execution, in the order of the document: a sub-workflow with everything below it.
    pub by_node: Vec<NodeBill>,
    /// By agent, ascending. Last, without a name, what is known of executions below that were deleted.
    pub by_agent: Vec<(Option<String>, Charges)>,
    /// By model, ascending. Last, without a name, what no model is known of.
    pub by_model: Vec<(Option<String>, Charges)>,
    /// The attempts of the execution itself.
    pub attempts: Vec<AttemptRow>,
    /// The executions that it has started, detached ones included.
    pub children: Vec<ChildBill>,
    /// What children that were deleted had told that they cost.
    pub deleted: Usd,
}

/// What a node has cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeBill {
    /// The node.
    pub path: NodePath,
    /// The agent of its last attempt; absent where child executions did the work.
    pub agent_id: Option<String>,
    /// The sum.
    pub charges: Charges,
}

/// What a child execution and everything below it have cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildBill {
    /// The child.
    pub execution_id: ExecutionId,
    /// The node that has started it.
    pub path: NodePath,
    /// The sum.
    pub charges: Charges,
}

/// A sum over attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charges {
    /// What they were charged.
    pub cost: Usd,
    /// What is reserved for those in flight.
    pub reserved: Usd,
    /// How many there are.
    pub attempts: u64,
    /// What they read, as far as their agents have reported it; absent where none has.
    pub input_tokens: Option<u64>,
    /// What they wrote, likewise.
    pub output_tokens: Option<u64>,
    /// Whether all of the cost is known. Otherwise it is at least this.
    pub cost_known: bool,
    /// Whether they used more tokens than are counted.
    pub lower_bound: bool,
}

/// What an execution and everything below it have cost, in two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spending {
    /// What the attempts were charged.
    pub cost: Usd,
    /// What is reserved for attempts in flight.
    pub reserved: Usd,
}

impl Default for Charges {
    /// The sum over no attempts.
    fn default() -> Self {
        Self {
            cost: Usd::ZERO,
            reserved: Usd::ZERO,
            attempts: 0,
            input_tokens: None,
            output_tokens: None,
            cost_known: true,
            lower_bound: false,
        }
    }
}

impl Charges {
    fn of(attempt: &AttemptRow) -> Self {
        let usage = attempt.usage.as_ref();
        Self {
            cost: attempt.cost,
            reserved: still_reserved(attempt),
            attempts: 1,
            input_tokens: usage.and_then(|usage| usage.input_tokens),
            output_tokens: usage.and_then(|usage| usage.output_tokens),
            cost_known: attempt.cost_known,
            lower_bound: usage.is_some_and(|usage| usage.lower_bound),
        }
    }

    fn add(&mut self, other: &Self) {
        let tokens = |sum: Option<u64>, more: Option<u64>| match (sum, more) {
            (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
            (sum, more) => sum.or(more),
        };
        self.cost = self.cost.saturating_add(other.cost);
        self.reserved = self.reserved.saturating_add(other.reserved);
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.input_tokens = tokens(self.input_tokens, other.input_tokens);
        self.output_tokens = tokens(self.output_tokens, other.output_tokens);
        self.cost_known &= other.cost_known;
        self.lower_bound |= other.lower_bound;
    }

    /// What was told beyond this sum over the children that are there: the others were deleted.
    fn missing(&self, told: &Told) -> Option<Self> {
        let missing = Self {
            cost: told.cost.saturating_sub(self.cost).max(Usd::ZERO),
            cost_known: told.cost_known || !self.cost_known,
            ..Self::default()
        };
        (missing != Self::default()).then_some(missing)
    }
}

/// What an attempt may still cost, in USD: its reservation until it has ended.
#[must_use]
pub fn still_reserved(attempt: &AttemptRow) -> Usd {
    match attempt.status {
        AttemptStatus::Running => attempt.reserved,
        _ => Usd::ZERO,
    }
}

/// Sums by name, as far as they go.
type Table = BTreeMap<Option<String>, Charges>;

/// What the child executions of each node have cost.
type ByNode = BTreeMap<NodePath, Charges>;

/// What the children of one execution have cost.
#[derive(Default)]
struct Below {
    by_node: ByNode,
    /// The part of that which was told by children that were deleted.
    deleted: Usd,
}

/// The sums while a ledger is read from its end, so that each execution comes before the one that has started it.
#[derive(Default)]
struct Sums {
    by_agent: Table,
    by_model: Table,
    /// Of the executions whose accounts were not read yet.
    children: HashMap<ExecutionId, ByNode>,
}

impl Sums {
    /// Sums the account of one execution. Returns what its children have cost.
    fn read(&mut self, account: &Account) -> Below {
        for attempt in &account.attempts {
            let charges = Charges::of(attempt);
            let model = attempt.usage.as_ref().and_then(|usage| usage.model.clone());
            let agent = Some(attempt.agent_id.clone());
            self.by_agent.entry(agent).or_default().add(&charges);
            self.by_model.entry(model).or_default().add(&charges);
        }
        let mut by_node = self.children.remove(&account.execution_id).unwrap_or_default();
        let mut deleted = Usd::ZERO;
        for told in &account.told {
            let children = by_node.entry(told.path.clone()).or_default();
            if let Some(missing) = children.missing(told) {
                children.add(&missing);
                self.by_agent.entry(None).or_default().add(&missing);
                self.by_model.entry(None).or_default().add(&missing);
                deleted = deleted.saturating_add(missing.cost);
            }
        }
        Below { by_node, deleted }
    }
}

impl Bill {
    /// Sums a ledger.
    pub(crate) fn of(ledger: Ledger) -> Self {
        let Ledger {
            purse,
            nodes,
            accounts,
        } = ledger;
        let top = accounts.first().map(|account| account.execution_id);
        let mut sums = Sums::default();
        let mut children = Vec::new();
        let mut own = (Vec::new(), Below::default());
        for account in accounts.into_iter().rev() {
            let below = sums.read(&account);
            let Some((parent, path)) = account.started_by else {
                own = (account.attempts, below);
                continue;
            };
            let mut charges = Charges::default();
            account
                .attempts
                .iter()
                .for_each(|row| charges.add(&Charges::of(row)));
            below.by_node.values().for_each(|node| charges.add(node));
            let above = sums.children.entry(parent).or_default();
            above.entry(path.clone()).or_default().add(&charges);
            if Some(parent) == top {
                children.push(ChildBill {
                    execution_id: account.execution_id,
                    path,
                    charges,
                });
            }
        }
        children.reverse();
        let (attempts, below) = own;
        let by_node = node_bills(nodes, &attempts, below.by_node);
        let mut total = Charges::default();
        by_node.iter().for_each(|node| total.add(&node.charges));
        Self {
            total,
            budget: purse,
            by_node,
            by_agent: lines(sums.by_agent),
            by_model: lines(sums.by_model),
            attempts,
            children,
            deleted: below.deleted,
        }
    }
}

/// The nodes that had an attempt or a child execution, in the order of the document.
fn node_bills(nodes: Vec<NodePath>, attempts: &[AttemptRow], below: ByNode) -> Vec<NodeBill> {
    let with_children = below.into_iter().map(|(path, charges)| (path, (charges, None)));
    let mut by_node: BTreeMap<NodePath, (Charges, Option<&str>)> = with_children.collect();
    for attempt in attempts {
        let (charges, latest_agent) = by_node.entry(attempt.path.clone()).or_default();
        charges.add(&Charges::of(attempt));
        *latest_agent = Some(&attempt.agent_id);
    }
    let lines = nodes.into_iter().filter_map(|path| {
        let (charges, agent_id) = by_node.remove(&path)?;
        Some(NodeBill {
            path,
            agent_id: agent_id.map(str::to_owned),
            charges,
        })
    });
    lines.collect()
}

/// Those with a name first.
fn lines(table: Table) -> Vec<(Option<String>, Charges)> {
    let mut lines: Vec<_> = table.into_iter().collect();
    lines.sort_by_key(|(name, _)| name.is_none());
    lines
}
