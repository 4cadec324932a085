//! The ready queue: nodes whose joins hold and which have not started, in the order in which they may.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use agentchains_workflow::NodeIndex;

/// Nodes whose joins hold and which have not started.
#[derive(Debug)]
pub(crate) struct ReadyQueue {
    layered: bool,
    calls: BinaryHeap<Ready>,
    in_place: BinaryHeap<Ready>,
    queued: BTreeSet<NodeIndex>,
}

/// Lower layers first when layers are barriers, then the longest path to a sink, then document order.
type Ready = (Reverse<u32>, u32, Reverse<NodeIndex>);

impl ReadyQueue {
    pub(crate) fn new(layered: bool) -> Self {
        Self {
            layered,
            calls: BinaryHeap::new(),
            in_place: BinaryHeap::new(),
            queued: BTreeSet::new(),
        }
    }

    pub(crate) fn push(&mut self, index: NodeIndex, layer: u32, path_length: u32, is_call: bool) {
        if self.queued.insert(index) {
            let layer = if self.layered { layer } else { 0 };
            let heap = if is_call {
                &mut self.calls
            } else {
                &mut self.in_place
            };
            heap.push((Reverse(layer), path_length, Reverse(index)));
        }
    }

    pub(crate) fn pop_call(&mut self, open_layer: u32) -> Option<NodeIndex> {
        Self::pop(&mut self.calls, &mut self.queued, open_layer)
    }

    pub(crate) fn pop_in_place(&mut self, open_layer: u32) -> Option<NodeIndex> {
        Self::pop(&mut self.in_place, &mut self.queued, open_layer)
    }

    fn pop(
        heap: &mut BinaryHeap<Ready>,
        queued: &mut BTreeSet<NodeIndex>,
        open_layer: u32,
    ) -> Option<NodeIndex> {
        if !Self::is_open(heap, open_layer) {
            return None;
        }
        let (_, _, Reverse(index)) = heap.pop()?;
        queued.remove(&index);
        Some(index)
    }

    fn is_open(heap: &BinaryHeap<Ready>, open_layer: u32) -> bool {
        heap.peek()
            .is_some_and(|(Reverse(layer), ..)| *layer <= open_layer)
    }

    pub(crate) fn has_open(&self, open_layer: u32) -> bool {
        Self::is_open(&self.calls, open_layer) || Self::is_open(&self.in_place, open_layer)
    }
}
