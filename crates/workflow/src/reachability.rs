//! Nodes that no outcome of conditions and approvals lets run (section 3).
//!
//! For each node, the outcomes that cannot have been chosen when it runs are collected along the edges, one bit for
//! each outcome. Where these are all outcomes of one node, the node never runs. Choosers are looked at as many at a
//! time as fit into a word, each time in one pass over the edges. Not every node that cannot run is found, but every
//! one that is found cannot run.

use crate::{
    diagnostic::Code,
    document::Join,
    graph::{Edge, NodeIndex, When},
    layout::Layout,
    report::{Report, quoted},
    wiring::Wiring,
};

/// Why a node never runs.
#[derive(Debug, Clone, Copy)]
enum Never {
    /// Its in-edges need outcomes of this node that exclude each other.
    Excluded(NodeIndex),
    /// What it would run after never does.
    Follows,
}

/// Warns of nodes that never run.
pub(crate) fn check(layout: &Layout<'_>, wiring: &Wiring, report: &mut Report) {
    let batches = Batch::all(layout);
    let mut never = vec![None; wiring.order.len()];
    // One more, without choosers, for what follows nodes that the last one found.
    for batch in batches.iter().chain([&Batch::default()]) {
        batch.mark(layout, wiring, &mut never);
    }
    for (node, reason) in layout.graph.nodes.iter().zip(never) {
        let Some(reason) = reason else { continue };
        let name = quoted(node.name());
        let (message, hint) = match reason {
            Never::Excluded(chooser) => (
                format!(
                    "{name} never runs: its edges exclude each other by what {} decides",
                    quoted(layout.node(chooser).name())
                ),
                Some("the default join runs after either of them"),
            ),
            Never::Follows => (format!("{name} never runs: what it waits for does not"), None),
        };
        report.add_with_hint(Code::UnreachableNode, node.spot.clone(), message, hint);
    }
}

/// Nodes whose outcomes have a bit each.
///
/// The bits of one chooser stand side by side, with a free one above them. Adding one to the lowest of them carries
/// into the free one exactly where all are set.
#[derive(Debug)]
struct Batch {
    /// The choosers, each with the position of its first bit.
    choosers: Vec<(NodeIndex, u32)>,
    /// The bits of all outcomes.
    outcomes: u128,
    /// The lowest bit of each chooser.
    lowest: u128,
    /// The free bit of each chooser.
    free: u128,
    /// Bits that are used.
    used: u32,
}

impl Default for Batch {
    /// No choosers, but one outcome that only nodes that never run exclude.
    fn default() -> Self {
        Self {
            choosers: Vec::new(),
            outcomes: 0b01,
            lowest: 0b01,
            free: 0b10,
            used: 2,
        }
    }
}

impl Batch {
    /// All nodes that choose between several labels.
    fn all(layout: &Layout<'_>) -> Vec<Self> {
        let mut batches: Vec<Self> = Vec::new();
        for (position, node) in layout.graph.nodes.iter().enumerate() {
            let labels = node.labels.as_ref().map_or(0, Vec::len);
            let Ok(labels @ 1..) = u32::try_from(labels) else {
                continue;
            };
            let chooser = NodeIndex::new(position);
            if !batches.last_mut().is_some_and(|batch| batch.add(chooser, labels)) {
                let mut batch = Self::default();
                batch.add(chooser, labels);
                batches.push(batch);
            }
        }
        batches
    }

    /// Whether there was room.
    fn add(&mut self, chooser: NodeIndex, labels: u32) -> bool {
        let room = u128::BITS - self.used;
        if labels >= room {
            return false;
        }
        let first = self.used;
        self.choosers.push((chooser, first));
        self.outcomes |= ((1 << labels) - 1) << first;
        self.lowest |= 1 << first;
        self.free |= 1 << (first + labels);
        self.used += labels + 1;
        true
    }

    /// Marks the nodes that never run because of these choosers, or because of nodes that are marked.
    fn mark(&self, layout: &Layout<'_>, wiring: &Wiring, never: &mut [Option<Never>]) {
        let mut own = vec![None; never.len()];
        for (chooser, first) in &self.choosers {
            own[chooser.index()] = Some(*first);
        }
        let mut excluded = vec![0_u128; never.len()];
        for &node in &wiring.order {
            let around = layout.owner_of(node).map_or(0, |owner| excluded[owner.index()]);
            let by_edges = self.excluded_by_edges(layout, wiring, node, &own, &excluded);
            let full = (around | by_edges).wrapping_add(self.lowest) & self.free;
            if full != 0 && never[node.index()].is_none() {
                let conflict = self.choosers.iter().rev().find(|(_, first)| full >> *first != 0);
                let by_marked = full & 0b10 != 0;
                never[node.index()] = Some(match conflict {
                    Some((chooser, _)) if !by_marked => Never::Excluded(*chooser),
                    _ => Never::Follows,
                });
            }
            let runs = never[node.index()].is_none();
            excluded[node.index()] = if runs { around | by_edges } else { self.outcomes };
        }
    }

    /// The outcomes that cannot have been chosen when a node runs.
    fn excluded_by_edges(
        &self,
        layout: &Layout<'_>,
        wiring: &Wiring,
        node: NodeIndex,
        own: &[Option<u32>],
        excluded: &[u128],
    ) -> u128 {
        let edges = wiring.into(node);
        let count = edges.len();
        let by_edge = edges.map(|(_, Edge { from, when, .. })| {
            let chosen = match (own[from.index()], when) {
                (Some(first), When::Labels(labels)) => self.others(layout, *from, first, labels),
                _ => 0,
            };
            excluded[from.index()] | chosen
        });
        match layout.node(node).join {
            Join::All => by_edge.fold(0, |all, bits| all | bits),
            Join::AtLeast(least) if least.get() as usize == count => by_edge.fold(0, |all, bits| all | bits),
            Join::Default | Join::Any | Join::AtLeast(_) => {
                by_edge.reduce(|all, bits| all & bits).unwrap_or(0)
            }
            Join::Settled => 0,
        }
    }

    /// The outcomes of a chooser, whose first bit is known, that have none of these labels.
    fn others(&self, layout: &Layout<'_>, chooser: NodeIndex, first: u32, labels: &[String]) -> u128 {
        let all = layout.node(chooser).labels.as_deref().unwrap_or_default();
        let bits = (first..).zip(all).filter(|(_, label)| !labels.contains(label));
        bits.fold(0, |others, (bit, _)| others | 1 << bit)
    }
}
