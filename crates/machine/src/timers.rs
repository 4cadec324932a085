//! The timers: when time alone changes a node. Computed from the nodes' rows, stored nowhere.

use std::collections::BTreeSet;

use agentchains_workflow::NodeIndex;
use jiff::Timestamp;

use crate::Waiting;

/// The nodes that wait, by the moment at which they are looked at again.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Timestamp, NodeIndex)>,
    /// Nodes that wait for a moment and not for a person, those whose moment has come included.
    on_time: u32,
}

impl Timers {
    pub(crate) fn note(&mut self, index: NodeIndex, waiting: &Waiting) {
        if let Some(due) = waiting.due_at() {
            self.due.insert((due, index));
        }
        self.on_time += u32::from(waits_on_time(waiting));
    }

    pub(crate) fn forget(&mut self, index: NodeIndex, waiting: &Waiting) {
        if let Some(due) = waiting.due_at() {
            self.due.remove(&(due, index));
        }
        self.on_time -= u32::from(waits_on_time(waiting));
    }

    /// The next node whose moment has come. It is given out once.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<NodeIndex> {
        let (due, index) = self.due.first().copied()?;
        (due <= now).then(|| {
            self.due.pop_first();
            index
        })
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    pub(crate) fn any_on_time(&self) -> bool {
        self.on_time > 0
    }
}

const fn waits_on_time(waiting: &Waiting) -> bool {
    !matches!(waiting, Waiting::Approval { .. })
}
