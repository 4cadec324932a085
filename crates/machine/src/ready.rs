//! The ready queue: nodes of all scopes that may start, in the order in which they do.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    sync::Arc,
};

use crate::scope::NodeKey;

/// Nodes that may start and have not.
#[derive(Debug, Default)]
pub(crate) struct ReadyQueue {
    calls: BinaryHeap<Ready>,
    in_place: BinaryHeap<Ready>,
    queued: BTreeSet<NodeKey>,
}

/// A node that may start. The longest path to a sink goes first, then the order of the document, and within a group or
/// loop that of its items.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ready {
    /// The longest path from it to a sink.
    pub(crate) rank: u32,
    /// The address of its scope, and its position in the document.
    pub(crate) place: Reverse<(Arc<[u32]>, u32)>,
    pub(crate) key: NodeKey,
}

impl ReadyQueue {
    /// Adds a node; `is_call` says whether it takes one of the execution's places.
    pub(crate) fn push(&mut self, ready: Ready, is_call: bool) {
        if self.queued.insert(ready.key) {
            let heap = if is_call {
                &mut self.calls
            } else {
                &mut self.in_place
            };
            heap.push(ready);
        }
    }

    pub(crate) fn pop_call(&mut self) -> Option<NodeKey> {
        let key = self.calls.pop()?.key;
        self.queued.remove(&key);
        Some(key)
    }

    pub(crate) fn pop_in_place(&mut self) -> Option<NodeKey> {
        let key = self.in_place.pop()?.key;
        self.queued.remove(&key);
        Some(key)
    }

    pub(crate) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }
}
