//! The ledger of a tree of executions: what an execution and those below it were charged and have reserved, all as it
//! stood at one moment.

use agentchains_cost::{Budget, Usd};
use agentchains_machine::{AttemptRow, ExecutionId, NodePath};

/// The ledger of an execution and of everything below it.
///
/// A purse changes in the commits that change the attempts which draw from it. Read at one moment they therefore
/// agree: what the purse of the execution holds is the sum over the attempts, but for those of executions below that
/// were deleted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    /// The purse of the execution, where it has a budget.
    pub purse: Option<Budget>,
    /// The nodes of the execution that have a row, in the order of [`compare_nodes`](crate::compare_nodes).
    pub nodes: Vec<NodePath>,
    /// The execution, and then those below it, detached ones included: each after the one that has started it, and
    /// those on one level ascending by id.
    pub accounts: Vec<Account>,
}

/// The part of one execution in a [`Ledger`].
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The execution that has started it, and the node there. Absent in the first account, whatever is above it.
    pub started_by: Option<(ExecutionId, NodePath)>,
    /// Its attempts, in the order of [`compare_attempts`](crate::compare_attempts).
    pub attempts: Vec<AttemptRow>,
    /// What its `subworkflow` nodes that have started a child execution were told, by path as text.
    pub told: Vec<Told>,
}

/// What the child executions of a node have told that they cost. They tell after their commits, so that it is never
/// more than what they were charged, and stays once they were deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The node.
    pub path: NodePath,
    /// The cost; zero for children that are not waited for, which tell nothing.
    pub cost: Usd,
    /// Whether all of that is known.
    pub cost_known: bool,
}
