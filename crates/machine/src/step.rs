//! What a step leaves to be made durable, and what is to be done after that.

use std::collections::BTreeSet;

use crate::{ApprovalRow, AttemptRow, Effect, Event, ExecutionRow, NodeRow, Seed};

/// The outcome of one step, or of several that are committed together.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to write, in one transaction.
    pub changes: Changes,
    /// What to do once that is durable, in order.
    pub effects: Vec<Effect>,
    /// Whether the execution's row changed without an event that says so: what a store goes by to take it up again.
    pub(crate) rescheduled: bool,
}

/// Rows and events of one execution that belong in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// The execution as it now is.
    pub execution: ExecutionRow,
    /// Nodes that changed, as they now are.
    pub nodes: Vec<NodeRow>,
    /// Attempts that changed, as they now are.
    pub attempts: Vec<AttemptRow>,
    /// Questions that changed, as they now are.
    pub approvals: Vec<ApprovalRow>,
    /// What happened, in order; the last one's number is the execution's `last_seq`.
    pub events: Vec<Event>,
    /// What the execution that it is made from left behind for it; there is some only in the first step.
    pub seeds: Vec<Seed>,
}

impl Step {
    /// Whether there is nothing to write and nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty() && self.changes.is_empty() && !self.rescheduled
    }

    /// Several steps, one after the other, so that they are written in one transaction. Later rows replace earlier ones.
    pub fn join(steps: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut steps = steps.into_iter();
        let mut joined = steps.next()?;
        for later in steps {
            joined.effects.extend(later.effects);
            joined.rescheduled |= later.rescheduled;
            let changes = &mut joined.changes;
            changes.execution = later.changes.execution;
            changes.nodes.extend(later.changes.nodes);
            changes.attempts.extend(later.changes.attempts);
            changes.approvals.extend(later.changes.approvals);
            changes.events.extend(later.changes.events);
            changes.seeds.extend(later.changes.seeds);
        }
        joined.changes.keep_latest();
        Some(joined)
    }
}

impl Changes {
    /// Whether there is nothing to write. Every change of an execution says so in an event or a row of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
            && self.attempts.is_empty()
            && self.approvals.is_empty()
            && self.events.is_empty()
    }
}

impl Changes {
    /// Keeps the last of all rows that say the same thing at different times.
    pub(crate) fn keep_latest(&mut self) {
        keep_latest(&mut self.nodes, |row| row.path.clone());
        keep_latest(&mut self.attempts, |row| (row.path.clone(), row.number));
        keep_latest(&mut self.approvals, |row| row.id);
    }
}

fn keep_latest<Row, Key: Ord>(rows: &mut Vec<Row>, key: impl Fn(&Row) -> Key) {
    if rows.len() < 2 {
        return;
    }
    let mut met = BTreeSet::new();
    rows.reverse();
    rows.retain(|row| met.insert(key(row)));
    rows.reverse();
}
