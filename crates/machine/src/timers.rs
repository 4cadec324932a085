//! The timers: when time alone changes a node. Computed from the nodes' rows, stored nowhere.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use crate::{NodeState, scope::NodeKey};

/// The nodes that time changes, by the moment at which they are looked at again, then by the addresses of their scopes.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Timestamp, Arc<[u32]>, NodeKey)>,
}

impl Timers {
    pub(crate) fn note(&mut self, address: &Arc<[u32]>, key: NodeKey, state: &NodeState) {
        if let Some(due) = state.due_at() {
            self.due.insert((due, Arc::clone(address), key));
        }
    }

    pub(crate) fn forget(&mut self, address: &Arc<[u32]>, key: NodeKey, state: &NodeState) {
        if let Some(due) = state.due_at() {
            self.due.remove(&(due, Arc::clone(address), key));
        }
    }

    /// The next node whose moment has come. It is given out once.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<NodeKey> {
        let (due, _, key) = self.due.first()?;
        let key = *key;
        (*due <= now).then(|| {
            self.due.pop_first();
            key
        })
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, ..)| *due)
    }
}
