//! The waitlist of a scope: its nodes whose joins hold, until layers and the group's own limit let them go on to the
//! execution's queue.

use std::{cmp::Reverse, collections::BinaryHeap};

use agentchains_workflow::{Graph, NodeIndex};

use crate::{NodeRow, NodeStatus};

/// How far a node has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Its join has not been decided, or it has settled.
    Away,
    /// Its join holds.
    Held,
    /// It was let go on, and has not started.
    Released,
    /// It has started, and not settled.
    Started,
}

/// Nodes whose joins hold and that are not let go on yet.
#[derive(Debug)]
pub(crate) struct Waitlist {
    layered: bool,
    /// Nodes that may have started and not settled at once.
    limit: Option<u32>,
    started: u32,
    standings: Vec<Standing>,
    held: BinaryHeap<Held>,
    unsettled_by_layer: Vec<u32>,
    open_layer: u32,
}

/// Lower layers first when layers are barriers, then the longest path to a sink, then document order.
type Held = (Reverse<u32>, u32, Reverse<NodeIndex>);

impl Waitlist {
    pub(crate) fn new(layered: bool, limit: Option<u32>) -> Self {
        Self {
            layered,
            limit,
            started: 0,
            standings: Vec::new(),
            held: BinaryHeap::new(),
            unsettled_by_layer: Vec::new(),
            open_layer: 0,
        }
    }

    /// Starts anew from the rows; what is ready is to be held again.
    pub(crate) fn rebuild(&mut self, graph: &Graph, rows: &[NodeRow]) {
        let has_started = |row: &NodeRow| {
            let status = row.state.status();
            status != NodeStatus::Pending && !status.is_settled()
        };
        self.standings = rows
            .iter()
            .map(|row| {
                if has_started(row) {
                    Standing::Started
                } else {
                    Standing::Away
                }
            })
            .collect();
        let started = rows.iter().filter(|row| has_started(row)).count();
        self.started = u32::try_from(started).unwrap_or(u32::MAX);
        self.held.clear();
        self.unsettled_by_layer = vec![0; graph.layers().len()];
        for (index, row) in graph.indices().zip(rows) {
            if !row.state.status().is_settled() {
                self.unsettled_by_layer[graph.layer_of(index) as usize] += 1;
            }
        }
        self.open_layer = 0;
        self.advance_layers();
    }

    /// Holds a node whose join holds. False when it was let go on before.
    pub(crate) fn hold(&mut self, graph: &Graph, node: NodeIndex) -> bool {
        match self.standings[node.index()] {
            Standing::Released | Standing::Started => return false,
            Standing::Held => {}
            Standing::Away => self.push(graph, node),
        }
        true
    }

    /// Holds a node again that was let go on and for which there is no room any more.
    pub(crate) fn park(&mut self, graph: &Graph, node: NodeIndex) {
        self.push(graph, node);
    }

    fn push(&mut self, graph: &Graph, node: NodeIndex) {
        self.standings[node.index()] = Standing::Held;
        let layer = if self.layered { graph.layer_of(node) } else { 0 };
        self.held
            .push((Reverse(layer), graph.longest_path_to_sink(node), Reverse(node)));
    }

    /// How many more nodes may start.
    pub(crate) fn room(&self) -> u32 {
        self.limit
            .map_or(u32::MAX, |limit| limit.saturating_sub(self.started))
    }

    /// The best node that may go on, which counts as let go on from here. Whenever there is room, the best of all that
    /// are ready is among those that were let go on, so that the order in which they became ready plays no part.
    pub(crate) fn release(&mut self) -> Option<NodeIndex> {
        while let Some((Reverse(layer), _, Reverse(node))) = self.held.peek().copied() {
            if layer > self.open_layer {
                return None;
            }
            self.held.pop();
            if self.standings[node.index()] == Standing::Held {
                self.standings[node.index()] = Standing::Released;
                return Some(node);
            }
        }
        None
    }

    /// Whether a node was let go on. One that was queued before its scope was tried again may have to wait anew.
    pub(crate) fn is_released(&self, node: NodeIndex) -> bool {
        matches!(
            self.standings[node.index()],
            Standing::Released | Standing::Started
        )
    }

    /// The lowest layer in which a node has not settled.
    pub(crate) fn open_layer(&self) -> u32 {
        self.open_layer
    }

    /// The group's own limit, where it is what holds nodes back.
    pub(crate) fn limit_reached(&self) -> Option<u32> {
        self.limit.filter(|_| self.room() == 0)
    }

    /// Takes note that a node has started.
    pub(crate) fn has_started(&mut self, node: NodeIndex) {
        if self.standings[node.index()] != Standing::Started {
            self.standings[node.index()] = Standing::Started;
            self.started += 1;
        }
    }

    /// Takes note that a node has settled.
    pub(crate) fn has_settled(&mut self, graph: &Graph, node: NodeIndex) {
        if self.standings[node.index()] == Standing::Started {
            self.started -= 1;
        }
        self.standings[node.index()] = Standing::Away;
        self.unsettled_by_layer[graph.layer_of(node) as usize] -= 1;
        self.advance_layers();
    }

    fn advance_layers(&mut self) {
        while self.unsettled_by_layer.get(self.open_layer as usize) == Some(&0) {
            self.open_layer += 1;
        }
    }
}
