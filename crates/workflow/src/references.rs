//! Whether what templates refer to exists, comes before, and is there when it is needed (section 2).
//!
//! Nodes that are referred to are looked at 64 at a time, one bit of a word each; every group takes one pass over
//! the edges in topological order, so that neither many references nor many paths between nodes cost more than that.

use std::collections::HashMap;

use crate::{
    decode::{Draft, DraftNode},
    diagnostic::Code,
    document::Join,
    graph::{Edge, EdgeIndex, NodeIndex, When},
    report::{Report, quoted},
    template::{ReferenceKind, Use},
    wiring::Wiring,
};

/// Reports references to nodes that do not exist.
pub(crate) fn check_names(draft: &Draft, ids: &HashMap<&str, NodeIndex>, report: &mut Report) {
    let uses = draft
        .nodes
        .iter()
        .flat_map(|node| &node.uses)
        .chain(&draft.output_uses);
    for found in uses.filter(|found| !ids.contains_key(found.node.as_str())) {
        let message = format!("there is neither a node nor a value {}", quoted(&found.node));
        let hint = hint(&found.node, ids, report);
        report.add_with_hint(Code::UnknownReference, found.spot.clone(), message, hint);
    }
}

fn hint(name: &str, ids: &HashMap<&str, NodeIndex>, report: &mut Report) -> Option<String> {
    let is_cut_off = |id: &&&str| id.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
    if let Some(id) = ids.keys().filter(is_cut_off).min() {
        return Some(format!(
            "`-` is a minus in expressions: write nodes[\"{id}\"].output"
        ));
    }
    report.did_you_mean(
        name,
        ["input", "nodes", "execution"]
            .into_iter()
            .chain(ids.keys().copied()),
    )
}

/// Reports references to nodes that do not come before, and warns of those that may have been skipped.
pub(crate) fn check_order(
    draft: &Draft,
    ids: &HashMap<&str, NodeIndex>,
    wiring: &Wiring,
    report: &mut Report,
) {
    let skippable = Skippable::of(draft, wiring);
    for found in draft
        .output_uses
        .iter()
        .filter(|found| found.kind == ReferenceKind::Required)
    {
        if ids
            .get(found.node.as_str())
            .is_some_and(|node| skippable.nodes[node.index()])
        {
            warn(found, report);
        }
    }
    let mut uses: Vec<(NodeIndex, NodeIndex, &Use)> = Vec::new();
    for (position, node) in draft.nodes.iter().enumerate() {
        for found in &node.uses {
            if let Some(target) = ids.get(found.node.as_str()) {
                uses.push((*target, NodeIndex::new(position), found));
            }
        }
    }
    uses.sort_by_key(|(target, user, _)| (*target, *user));
    let mut targets: Vec<NodeIndex> = uses.iter().map(|(target, ..)| *target).collect();
    targets.dedup();
    let mut rest = uses.as_slice();
    for group in targets.chunks(u64::BITS as usize) {
        let before = Before::of(group, draft, wiring, &skippable);
        let (these, others) =
            rest.split_at(rest.partition_point(|(target, ..)| group.last() >= Some(target)));
        rest = others;
        for (target, user, found) in these {
            before.check(*target, *user, found, report);
        }
    }
}

fn warn(found: &Use, report: &mut Report) {
    let message = format!(
        "node {} may have been skipped when this is needed",
        quoted(&found.node)
    );
    let hint = Some("add `| default(…)`");
    report.add_with_hint(Code::ReferenceMayBeSkipped, found.spot.clone(), message, hint);
}

/// What may be skipped although nothing failed.
struct Skippable {
    nodes: Vec<bool>,
    edges: Vec<bool>,
}

impl Skippable {
    fn of(draft: &Draft, wiring: &Wiring) -> Self {
        let mut found = Self {
            nodes: vec![false; draft.nodes.len()],
            edges: vec![false; wiring.edges.len()],
        };
        for node in &wiring.order {
            let incoming = &wiring.incoming[node.index()];
            for edge in incoming {
                let Edge { from, to, when } = &wiring.edges[edge.index()];
                // A failure that goes elsewhere kills the edges of its node without cutting off what follows.
                let left = draft.nodes[from.index()].goto.is_some() && *to == *node;
                let chosen = match when {
                    When::Always => true,
                    When::Labels(labels) => every_label(&draft.nodes[from.index()], labels),
                    When::OnError => false,
                };
                found.edges[edge.index()] = !chosen || left || found.nodes[from.index()];
            }
            let certain = incoming.iter().filter(|edge| !found.edges[edge.index()]).count();
            found.nodes[node.index()] = match draft.nodes[node.index()].join {
                _ if incoming.is_empty() => false,
                Join::Default | Join::Any => certain == 0,
                Join::All => certain < incoming.len(),
                Join::Settled => false,
                Join::AtLeast(least) => certain < least.get() as usize,
            };
        }
        found
    }
}

/// For each node, which nodes of a group come before it, and which of those ran for certain when it runs.
struct Before<'g> {
    group: &'g [NodeIndex],
    upstream: Vec<u64>,
    ran: Vec<u64>,
}

impl<'g> Before<'g> {
    fn of(group: &'g [NodeIndex], draft: &Draft, wiring: &Wiring, skippable: &Skippable) -> Self {
        let nodes = draft.nodes.len();
        let mut own = vec![0; nodes];
        for (bit, node) in group.iter().enumerate() {
            own[node.index()] = 1_u64 << bit;
        }
        let mut before = Self {
            group,
            upstream: vec![0; nodes],
            ran: vec![0; nodes],
        };
        for node in &wiring.order {
            let incoming = &wiring.incoming[node.index()];
            let from = |edge: &EdgeIndex| wiring.edges[edge.index()].from.index();
            let upstream = incoming
                .iter()
                .map(|edge| own[from(edge)] | before.upstream[from(edge)]);
            before.upstream[node.index()] = upstream.fold(0, |all, bits| all | bits);
            let ran = |edge: &EdgeIndex| own[from(edge)] | before.ran[from(edge)];
            let every = incoming
                .iter()
                .map(ran)
                .reduce(|all, bits| all & bits)
                .unwrap_or(0);
            let some = |certain: &dyn Fn(&EdgeIndex) -> bool| {
                incoming
                    .iter()
                    .filter(|edge| certain(edge))
                    .map(ran)
                    .fold(0, |all, bits| all | bits)
            };
            before.ran[node.index()] = match draft.nodes[node.index()].join {
                Join::Default => every | some(&|edge| !skippable.edges[edge.index()]),
                Join::All => some(&|_| true),
                Join::AtLeast(least) if least.get() as usize == incoming.len() => some(&|_| true),
                Join::Any | Join::AtLeast(_) => every,
                // It runs after failures too: only what nothing can skip is certain.
                Join::Settled => {
                    some(&|edge| always_runs(&draft.nodes[from(edge)], &wiring.incoming[from(edge)]))
                }
            };
        }
        before
    }

    fn check(&self, target: NodeIndex, user: NodeIndex, found: &Use, report: &mut Report) {
        let bit = self
            .group
            .binary_search(&target)
            .map_or(0, |position| 1_u64 << position);
        if self.upstream[user.index()] & bit == 0 {
            let message = format!("node {} does not come before this node", quoted(&found.node));
            let hint = Some(format!("add an edge from {}", quoted(&found.node)));
            report.add_with_hint(Code::ReferenceNotUpstream, found.spot.clone(), message, hint);
        } else if self.ran[user.index()] & bit == 0 && found.kind == ReferenceKind::Required {
            warn(found, report);
        }
    }
}

/// Whether a node that completes chooses one of these labels for certain.
fn every_label(node: &DraftNode, labels: &[String]) -> bool {
    let all = node.labels.as_ref();
    all.is_some_and(|all| all.iter().all(|label| labels.contains(label)))
}

fn always_runs(node: &DraftNode, incoming: &[EdgeIndex]) -> bool {
    incoming.is_empty() || node.join == Join::Settled
}
