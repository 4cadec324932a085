//! Which nodes run for certain as long as nothing fails, whatever conditions and people decide.
//!
//! A node that runs on one branch only is remembered with that branch, so that branches which meet again are known to
//! cover all that can be decided.

use std::{collections::BTreeSet, rc::Rc};

use crate::{
    document::Join,
    graph::{Edge, EdgeIndex, NodeIndex, When},
    layout::Layout,
    wiring::Wiring,
};

/// When a node runs, or an edge becomes live.
#[derive(Debug, Clone, PartialEq)]
enum Guard<'d> {
    /// Always.
    Certain,
    /// Whenever this node, which always runs, chooses one of these labels.
    Branch(NodeIndex, Rc<BTreeSet<&'d str>>),
    /// Nothing simple can be said.
    Unknown,
}

/// What runs for certain.
pub(super) struct Certainty {
    nodes: Vec<bool>,
    edges: Vec<bool>,
}

impl Certainty {
    pub(super) fn of(layout: &Layout<'_>, wiring: &Wiring) -> Self {
        let mut nodes = vec![Guard::Unknown; wiring.order.len()];
        let mut edges = vec![false; wiring.edges.len()];
        for &node in &wiring.order {
            let guards: Vec<Guard<'_>> = wiring
                .into(node)
                .map(|(index, edge)| {
                    let guard = of_edge(layout, edge, &nodes);
                    edges[index.index()] = guard == Guard::Certain;
                    guard
                })
                .collect();
            nodes[node.index()] = of_node(layout, node, guards);
        }
        Self {
            nodes: nodes.iter().map(|guard| *guard == Guard::Certain).collect(),
            edges,
        }
    }

    pub(super) fn of_node(&self, node: NodeIndex) -> bool {
        self.nodes[node.index()]
    }

    pub(super) fn of_edge(&self, edge: EdgeIndex) -> bool {
        self.edges[edge.index()]
    }
}

fn of_edge<'d>(layout: &Layout<'d>, edge: &'d Edge, nodes: &[Guard<'d>]) -> Guard<'d> {
    let source = layout.node(edge.from);
    let guard = &nodes[edge.from.index()];
    // A failure that goes elsewhere kills the edges of its node without cutting off what follows.
    if source.goto.is_some() {
        return Guard::Unknown;
    }
    match &edge.when {
        When::OnError => Guard::Unknown,
        When::Always => guard.clone(),
        When::Labels(_) if *guard != Guard::Certain => Guard::Unknown,
        When::Labels(labels) => {
            let labels = labels.iter().map(String::as_str).collect();
            covered(layout, edge.from, labels)
        }
    }
}

/// A branch with these labels; where they are all that can be chosen, it is taken for certain.
fn covered<'d>(layout: &Layout<'d>, node: NodeIndex, labels: BTreeSet<&'d str>) -> Guard<'d> {
    let all = layout.node(node).labels.as_ref();
    if all.is_some_and(|all| all.iter().all(|label| labels.contains(label.as_str()))) {
        return Guard::Certain;
    }
    Guard::Branch(node, Rc::new(labels))
}

fn of_node<'d>(layout: &Layout<'d>, node: NodeIndex, mut guards: Vec<Guard<'d>>) -> Guard<'d> {
    let certain = guards.iter().filter(|guard| **guard == Guard::Certain).count();
    let enough = match layout.node(node).join {
        _ if guards.is_empty() => return Guard::Certain,
        Join::Settled => return Guard::Certain,
        Join::Default | Join::Any => 1,
        Join::All => guards.len(),
        Join::AtLeast(least) => least.get() as usize,
    };
    match guards.pop() {
        _ if certain >= enough => Guard::Certain,
        Some(only) if guards.is_empty() => only,
        Some(last) if enough == 1 => united(layout, last, &guards),
        _ => Guard::Unknown,
    }
}

/// When at least one of several guards holds.
fn united<'d>(layout: &Layout<'d>, last: Guard<'d>, others: &[Guard<'d>]) -> Guard<'d> {
    let Guard::Branch(node, labels) = last else {
        return Guard::Unknown;
    };
    let mut labels = Rc::unwrap_or_clone(labels);
    for other in others {
        match other {
            Guard::Branch(same, more) if *same == node => labels.extend(more.iter()),
            _ => return Guard::Unknown,
        }
    }
    covered(layout, node, labels)
}
