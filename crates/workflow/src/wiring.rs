//! From a draft to nodes in an order: joins that can fire, no cycle, and a graph for each scope.
//!
//! Edges stay inside of their scopes, so that one order serves all of them. Which edges there are is left to
//! [`crate::edges`].

use crate::{
    composite::ScopeIndex,
    condition::DEFAULT,
    cycle::{self, Cycle},
    decode::{DraftGraph, DraftNode},
    diagnostic::Code,
    document::{Join, Node, NodeKind},
    edges::{self, Edges},
    graph::{Edge, EdgeIndex, Graph, NodeIndex, When},
    layout::Layout,
    report::Report,
    tree::Spot,
};

/// The edges between nodes whose names all have a meaning.
#[derive(Debug)]
pub(crate) struct Wiring {
    pub(crate) edges: Vec<Edge>,
    /// For each node, the edges that end at it in document order.
    pub(crate) incoming: Vec<Vec<EdgeIndex>>,
    /// An order of the nodes in which every edge points forward, and groups and loops come before their members.
    pub(crate) order: Vec<NodeIndex>,
}

impl Wiring {
    fn new(edges: Vec<Edge>, order: Vec<NodeIndex>) -> Self {
        let mut incoming = vec![Vec::new(); order.len()];
        for (position, edge) in edges.iter().enumerate() {
            incoming[edge.to.index()].push(EdgeIndex::new(position));
        }
        Self {
            edges,
            incoming,
            order,
        }
    }

    /// The edges that end at a node.
    pub(crate) fn into(&self, node: NodeIndex) -> impl ExactSizeIterator<Item = (EdgeIndex, &Edge)> {
        self.incoming[node.index()]
            .iter()
            .map(|index| (*index, &self.edges[index.index()]))
    }
}

/// Connects the nodes; `None` where something in the way of it was reported.
pub(crate) fn connect(layout: &Layout<'_>, report: &mut Report) -> Option<Wiring> {
    let draft = layout.graph;
    let count = |node: &DraftNode| {
        let branches = node.branches.as_ref().map_or(0, Vec::len);
        node.depends_on.len() + branches + usize::from(node.goto.is_some())
    };
    let total = draft.edges.len() + draft.nodes.iter().map(count).sum::<usize>();
    let most = report.limits().max_edges;
    if total > most {
        let message = format!("a workflow has at most {most} edges (max_edges)");
        report.add(Code::TooManyEdges, Spot::document(), message);
        return None;
    }
    let Edges {
        edges,
        spots,
        complete,
    } = edges::collect(layout, report);
    let ordered = cycle::topological_order(draft.nodes.len(), &edges);
    let order = ordered.map_err(|cycles| report_cycles(layout, &cycles, &spots, report));
    let mut order = order.ok().filter(|_| complete)?;
    order.sort_by_key(|node| layout.depth_of(*node));
    let wiring = Wiring::new(edges, order);
    check_joins(layout, &wiring, report);
    Some(wiring)
}

fn report_cycles(layout: &Layout<'_>, cycles: &[Cycle], spots: &[&Spot], report: &mut Report) {
    for found in cycles {
        let message = format!("the dependencies form a cycle: {}", layout.ring(&found.path));
        report.add(Code::CycleDetected, spots[found.closing.index()].clone(), message);
    }
}

fn check_joins(layout: &Layout<'_>, wiring: &Wiring, report: &mut Report) {
    for (node, edges) in layout.graph.nodes.iter().zip(&wiring.incoming) {
        if let Join::AtLeast(least) = node.join
            && least.get() as usize > edges.len()
        {
            let message = format!(
                "the join waits for {least} edges, but the node has {}",
                edges.len()
            );
            report.add(Code::JoinNeverFires, node.join_spot.clone(), message);
        }
    }
}

/// The graph of each scope; `scope_of` says which nodes are members of which. `None` where a node could not be
/// decoded.
pub(crate) fn split(draft: DraftGraph, scope_of: &[ScopeIndex], mut wiring: Wiring) -> Option<Vec<Graph>> {
    let scopes = draft.scopes.len();
    let nodes: Option<Vec<Node>> = draft.nodes.into_iter().map(|node| node.node).collect();
    let mut nodes = nodes?;
    settle_defaults(&mut nodes, &wiring.edges);
    let mut parts: Vec<Part> = (0..scopes).map(|_| Part::default()).collect();
    let mut local = Vec::with_capacity(nodes.len());
    for (node, scope) in nodes.into_iter().zip(scope_of) {
        let part = &mut parts[scope.index()];
        local.push(NodeIndex::new(part.nodes.len()));
        part.nodes.push(node);
    }
    for node in wiring.order.drain(..) {
        parts[scope_of[node.index()].index()]
            .order
            .push(local[node.index()]);
    }
    for edge in wiring.edges.drain(..) {
        let part = &mut parts[scope_of[edge.from.index()].index()];
        part.edges.push(Edge {
            from: local[edge.from.index()],
            to: local[edge.to.index()],
            when: edge.when,
        });
    }
    let graphs = parts
        .into_iter()
        .map(|part| Graph::build(part.nodes, Wiring::new(part.edges, part.order)));
    Some(graphs.collect())
}

/// What belongs to one scope, with positions inside of it.
#[derive(Default)]
struct Part {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    order: Vec<NodeIndex>,
}

/// Conditions choose [`DEFAULT`] where an edge has that label, whether or not their config names it.
fn settle_defaults(nodes: &mut [Node], edges: &[Edge]) {
    for edge in edges {
        if let When::Labels(labels) = &edge.when
            && labels.iter().any(|label| label == DEFAULT)
            && let NodeKind::Condition(condition) = &mut nodes[edge.from.index()].kind
        {
            condition.choose_default();
        }
    }
}
