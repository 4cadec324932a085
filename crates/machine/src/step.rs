//! What a step leaves to be made durable, and what is to be done after that.

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
    /// What an earlier execution left behind for it; there is some only in the first step.
    pub seeds: Vec<Seed>,
}

impl Step {
    /// Whether there is nothing to write and nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty() && self.changes.is_empty() && !self.rescheduled
    }

    /// Takes in a later step, so that both are written in one transaction. Later rows replace earlier ones.
    pub fn absorb(&mut self, later: Self) {
        self.effects.extend(later.effects);
        self.rescheduled |= later.rescheduled;
        let Changes {
            execution,
            nodes,
            attempts,
            approvals,
            events,
            seeds,
        } = later.changes;
        let changes = &mut self.changes;
        changes.execution = execution;
        replace_all(&mut changes.nodes, nodes, |row| row.path.clone());
        replace_all(&mut changes.attempts, attempts, |row| {
            (row.path.clone(), row.number)
        });
        replace_all(&mut changes.approvals, approvals, |row| row.id);
        changes.events.extend(events);
        changes.seeds.extend(seeds);
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
    /// Sets the attempts and questions, of which a step may have touched one twice.
    pub(crate) fn set_latest(&mut self, attempts: Vec<AttemptRow>, approvals: Vec<ApprovalRow>) {
        for row in attempts {
            replace_all(&mut self.attempts, vec![row], |row| {
                (row.path.clone(), row.number)
            });
        }
        for row in approvals {
            replace_all(&mut self.approvals, vec![row], |row| row.id);
        }
    }
}

fn replace_all<Row, Key: Ord>(rows: &mut Vec<Row>, later: Vec<Row>, key: impl Fn(&Row) -> Key) {
    if later.is_empty() {
        return;
    }
    let replaced: std::collections::BTreeSet<Key> = later.iter().map(&key).collect();
    rows.retain(|row| !replaced.contains(&key(row)));
    rows.extend(later);
}
