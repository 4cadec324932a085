//! Whether nodes that are referred to come before, and whether they have run for certain.
//!
//! They are looked at 64 at a time, one bit of a word each; every group takes one pass over the edges in topological
//! order, so that neither many references nor many paths between nodes cost more than that.

use crate::{
    decode::DraftNode,
    diagnostic::Code,
    document::Join,
    graph::{Edge, EdgeIndex, NodeIndex},
    layout::Layout,
    references::{Reference, certainty::Certainty},
    report::{Report, quoted},
    template::{ReferenceKind, Use},
    wiring::Wiring,
};

/// Reports references to nodes that do not come before, and warns of those that may have been skipped.
pub(crate) fn check_order(
    layout: &Layout<'_>,
    references: &[Reference<'_>],
    wiring: &Wiring,
    report: &mut Report,
) {
    let certainty = Certainty::of(layout, wiring);
    let mut uses: Vec<(NodeIndex, NodeIndex, &Use)> = Vec::new();
    for Reference { target, site, found } in references {
        match site.user {
            None if found.kind == ReferenceKind::Required && !certainty.of_node(*target) => {
                warn(layout, *target, found, report);
            }
            None => {}
            // After an iteration, all members have settled.
            Some(user) if layout.owner_of(*target) == Some(user) => {}
            Some(user) => uses.push((*target, user, *found)),
        }
    }
    uses.sort_by_key(|(target, user, _)| (*target, *user));
    let mut targets: Vec<NodeIndex> = uses.iter().map(|(target, ..)| *target).collect();
    targets.dedup();
    let mut rest = uses.as_slice();
    for group in targets.chunks(u64::BITS as usize) {
        let before = Before::of(group, layout, wiring, &certainty);
        let (these, others) =
            rest.split_at(rest.partition_point(|(target, ..)| group.last() >= Some(target)));
        rest = others;
        for (target, user, found) in these {
            before.check(layout, (*target, *user), found, report);
        }
    }
}

fn warn(layout: &Layout<'_>, target: NodeIndex, found: &Use, report: &mut Report) {
    let message = format!(
        "node {} may have been skipped when this is needed",
        quoted(layout.node(target).name())
    );
    let hint = Some("add `| default(…)`");
    report.add_with_hint(Code::ReferenceMayBeSkipped, found.spot.clone(), message, hint);
}

/// For each node, which nodes of a group come before it, and which of those ran for certain when it runs.
struct Before<'g> {
    group: &'g [NodeIndex],
    upstream: Vec<u64>,
    ran: Vec<u64>,
}

impl<'g> Before<'g> {
    fn of(group: &'g [NodeIndex], layout: &Layout<'_>, wiring: &Wiring, certainty: &Certainty) -> Self {
        let nodes = wiring.order.len();
        let mut own = vec![0; nodes];
        for (bit, node) in group.iter().enumerate() {
            own[node.index()] = 1_u64 << bit;
        }
        let mut before = Self {
            group,
            upstream: vec![0; nodes],
            ran: vec![0; nodes],
        };
        for &node in &wiring.order {
            // A member begins when the group or loop around it has begun.
            let around = layout.owner_of(node).map_or((0, 0), |owner| {
                (before.upstream[owner.index()], before.ran[owner.index()])
            });
            let sources = wiring.into(node).map(|(_, edge)| edge.from.index());
            let upstream = sources.fold(around.0, |all, from| all | own[from] | before.upstream[from]);
            before.upstream[node.index()] = upstream;
            before.ran[node.index()] = around.1 | before.ran_before(node, &own, layout, wiring, certainty);
        }
        before
    }

    /// Those that ran for certain when a node runs, as far as the node's in-edges tell.
    fn ran_before(
        &self,
        node: NodeIndex,
        own: &[u64],
        layout: &Layout<'_>,
        wiring: &Wiring,
        certainty: &Certainty,
    ) -> u64 {
        let ran = |(_, edge): (EdgeIndex, &Edge)| own[edge.from.index()] | self.ran[edge.from.index()];
        let every = || {
            wiring
                .into(node)
                .map(ran)
                .reduce(|all, bits| all & bits)
                .unwrap_or(0)
        };
        let some = |certain: &dyn Fn(EdgeIndex, NodeIndex) -> bool| {
            let edges = wiring
                .into(node)
                .filter(|(index, edge)| certain(*index, edge.from));
            edges.map(ran).fold(0, |all, bits| all | bits)
        };
        match layout.node(node).join {
            Join::Default => every() | some(&|index, _| certainty.of_edge(index)),
            Join::All => some(&|_, _| true),
            Join::AtLeast(least) if least.get() as usize == wiring.into(node).len() => some(&|_, _| true),
            Join::Any | Join::AtLeast(_) => every(),
            // It runs after failures too: only what nothing can skip is certain.
            Join::Settled => some(&|_, from| always_runs(layout.node(from), wiring.into(from).len())),
        }
    }

    fn check(
        &self,
        layout: &Layout<'_>,
        (target, user): (NodeIndex, NodeIndex),
        found: &Use,
        report: &mut Report,
    ) {
        let bit = self
            .group
            .binary_search(&target)
            .map_or(0, |position| 1_u64 << position);
        if self.upstream[user.index()] & bit == 0 {
            let name = quoted(layout.node(target).name());
            let message = format!("node {name} does not come before this node");
            let hint = layout
                .representative(user, layout.scope_of(target))
                .filter(|outer| *outer != target)
                .map(|outer| {
                    if outer == user {
                        format!("add an edge from {name}")
                    } else {
                        format!("add an edge from {name} to {}", quoted(layout.node(outer).name()))
                    }
                });
            report.add_with_hint(Code::ReferenceNotUpstream, found.spot.clone(), message, hint);
        } else if self.ran[user.index()] & bit == 0 && found.kind == ReferenceKind::Required {
            warn(layout, target, found, report);
        }
    }
}

fn always_runs(node: &DraftNode, in_edges: usize) -> bool {
    in_edges == 0 || node.join == Join::Settled
}
