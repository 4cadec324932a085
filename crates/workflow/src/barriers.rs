//! Decisions of people that hold up nodes which do not need them, where layers are barriers (section 4).
//!
//! Nodes that wait for a person are looked at 64 at a time, one bit of a word each, in one pass over the edges.

use crate::{
    diagnostic::Code,
    document::NodeKind,
    graph::{NodeIndex, longest_paths},
    layout::Layout,
    report::{Report, quoted},
    wiring::Wiring,
};

/// Warns of approvals, and of groups and loops that have one inside, for which a later layer waits without need.
pub(crate) fn check(layout: &Layout<'_>, wiring: &Wiring, report: &mut Report) {
    let layers = longest_paths(wiring.order.iter(), &wiring.incoming, |edge| {
        wiring.edges[edge.index()].from
    });
    let place = |node: &NodeIndex| (layout.scope_of(*node), layers[node.index()]);
    let mut by_layer = wiring.order.clone();
    by_layer.sort_by_key(|node| (place(node), *node));
    let layers: Vec<_> = by_layer.chunk_by(|a, b| place(a) == place(b)).collect();
    for people in waiting(layout, wiring).chunks(u64::BITS as usize) {
        let mut own = vec![0; wiring.order.len()];
        for (bit, node) in people.iter().enumerate() {
            own[node.index()] = 1_u64 << bit;
        }
        for (bit, held_up) in held_up(layout, wiring, &layers, &own) {
            warn(layout, people[bit], held_up, report);
        }
    }
}

/// The nodes that wait for a person, directly or inside.
fn waiting(layout: &Layout<'_>, wiring: &Wiring) -> Vec<NodeIndex> {
    let is_approval = |node: &NodeIndex| {
        let node = layout.node(*node).node.as_ref();
        node.is_some_and(|node| matches!(node.kind, NodeKind::HumanApproval(_)))
    };
    let mut waits: Vec<bool> = (0..wiring.order.len())
        .map(|node| is_approval(&NodeIndex::new(node)))
        .collect();
    for &member in wiring.order.iter().rev() {
        if let Some(owner) = layout.owner_of(member) {
            waits[owner.index()] |= waits[member.index()];
        }
    }
    let nodes = (0..waits.len()).filter(|node| waits[*node]);
    nodes.map(NodeIndex::new).collect()
}

/// For each bit of `own` the first node of a later layer, of the same scope, that does not depend on its node.
/// `layers` are those of all scopes, scope by scope.
fn held_up(
    layout: &Layout<'_>,
    wiring: &Wiring,
    layers: &[&[NodeIndex]],
    own: &[u64],
) -> Vec<(usize, NodeIndex)> {
    let mut upstream = vec![0; own.len()];
    for &node in &wiring.order {
        let sources = wiring.into(node).map(|(_, edge)| edge.from.index());
        upstream[node.index()] = sources.fold(0, |all, from| all | own[from] | upstream[from]);
    }
    let mut found = Vec::new();
    let (mut scope, mut below) = (None, 0);
    for layer in layers {
        let of_layer = layer.first().map(|node| layout.scope_of(*node));
        if of_layer != scope {
            (scope, below) = (of_layer, 0);
        }
        for node in *layer {
            let mut without_need = below & !upstream[node.index()];
            below &= !without_need;
            while without_need != 0 {
                found.push((without_need.trailing_zeros() as usize, *node));
                without_need &= without_need - 1;
            }
        }
        below |= layer.iter().fold(0, |all, node| all | own[node.index()]);
    }
    found
}

fn warn(layout: &Layout<'_>, person: NodeIndex, held_up: NodeIndex, report: &mut Report) {
    let (person, held_up) = (layout.node(person), quoted(layout.node(held_up).name()));
    let name = quoted(person.name());
    let message =
        format!("{held_up} does not depend on {name}, and still waits for the decision of a person there");
    let hint = Some(format!("let {name} come last, or use \"scheduling\": \"eager\""));
    report.add_with_hint(Code::LayeredBarrier, person.spot.clone(), message, hint);
}
