//! The compiled graph: nodes and edges that are known to form no cycle, with what scheduling asks for.
//!
//! Owns order: document order of nodes and edges, dependency layers, longest paths. It holds no state of an
//! execution and never changes.

use std::collections::HashMap;

use daggy::{Dag, petgraph::graph as pg};

use crate::{document::Node, wiring::Wiring};

/// A node's position among those of its scope, in the order of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(u32);

impl NodeIndex {
    pub(crate) fn new(position: usize) -> Self {
        // Positions are bounded by `limits::MAX_NODES` before a graph is built.
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// The position, counted from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn position(self) -> u32 {
        self.0
    }
}

/// An edge's position in document order: `edges`, then every `depends_on`, then what branches and `on_error` added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeIndex(u32);

impl EdgeIndex {
    pub(crate) fn new(position: usize) -> Self {
        // Positions are bounded by `limits::MAX_EDGES` before a graph is built.
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// The position, counted from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What makes an edge live when its source settles (section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// The source completed.
    Always,
    /// The source completed and chose one of these labels.
    Labels(Vec<String>),
    /// The source failed, and its `on_error` names the target.
    OnError,
}

/// One edge of a [`Graph`].
#[derive(Debug, Clone, Copy)]
pub struct EdgeRef<'a> {
    /// Its position in document order.
    pub index: EdgeIndex,
    /// The node that must settle first.
    pub from: NodeIndex,
    /// The node that depends on it.
    pub to: NodeIndex,
    /// What makes it live.
    pub when: &'a When,
}

/// An edge before the graph is known to have no cycle.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) from: NodeIndex,
    pub(crate) to: NodeIndex,
    pub(crate) when: When,
}

/// Nodes and edges without a cycle; immutable.
///
/// An index belongs to the graph that gave it out. Passing one that is out of range is a mistake of the caller and
/// panics, as it does for a slice.
#[derive(Debug)]
pub struct Graph {
    dag: Dag<Node, (EdgeIndex, When)>,
    /// From document order to the position in the `Dag`, which was filled in the order of the targets' ranks.
    edges: Vec<pg::EdgeIndex>,
    by_id: HashMap<String, NodeIndex>,
    incoming: Vec<Vec<EdgeIndex>>,
    outgoing: Vec<Vec<EdgeIndex>>,
    layers: Vec<Vec<NodeIndex>>,
    layer_of: Vec<u32>,
    to_sink: Vec<u32>,
}

impl Graph {
    /// Builds the graph of nodes and their edges, for which an order is known.
    pub(crate) fn build(nodes: Vec<Node>, wiring: Wiring) -> Self {
        let Wiring {
            edges,
            incoming,
            order,
        } = wiring;
        let mut outgoing = vec![Vec::new(); nodes.len()];
        for (position, edge) in edges.iter().enumerate() {
            outgoing[edge.from.index()].push(EdgeIndex::new(position));
        }
        let layer_of = longest_paths(order.iter(), &incoming, |edge| edges[edge.index()].from);
        let to_sink = longest_paths(order.iter().rev(), &outgoing, |edge| edges[edge.index()].to);
        let by_id = nodes
            .iter()
            .enumerate()
            .map(|(i, node)| (node.id.clone(), NodeIndex::new(i)))
            .collect();
        let layers = group_by_layer(&layer_of);
        let (dag, edges) = fill(nodes, edges, &order, &incoming);
        Self {
            dag,
            edges,
            by_id,
            incoming,
            outgoing,
            layers,
            layer_of,
            to_sink,
        }
    }

    /// The number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layer_of.len()
    }

    /// Whether there are no nodes; a checked document always has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layer_of.is_empty()
    }

    /// The number of edges.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// The node at a position.
    #[must_use]
    pub fn node(&self, node: NodeIndex) -> &Node {
        &self.dag[pg::NodeIndex::new(node.index())]
    }

    /// The edge at a position.
    #[must_use]
    pub fn edge(&self, edge: EdgeIndex) -> EdgeRef<'_> {
        let raw = &self.dag.raw_edges()[self.edges[edge.index()].index()];
        EdgeRef {
            index: edge,
            from: NodeIndex::new(raw.source().index()),
            to: NodeIndex::new(raw.target().index()),
            when: &raw.weight.1,
        }
    }

    /// The node with that id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<NodeIndex> {
        self.by_id.get(id).copied()
    }

    /// All nodes, in document order.
    pub fn indices(&self) -> impl ExactSizeIterator<Item = NodeIndex> + use<> {
        (0..self.len()).map(NodeIndex::new)
    }

    /// The edges that end at a node, in document order.
    pub fn incoming(&self, node: NodeIndex) -> impl ExactSizeIterator<Item = EdgeRef<'_>> {
        self.incoming[node.index()].iter().map(|&edge| self.edge(edge))
    }

    /// The edges that begin at a node, in document order.
    pub fn outgoing(&self, node: NodeIndex) -> impl ExactSizeIterator<Item = EdgeRef<'_>> {
        self.outgoing[node.index()].iter().map(|&edge| self.edge(edge))
    }

    /// The number of edges that end at a node.
    #[must_use]
    pub fn in_degree(&self, node: NodeIndex) -> u32 {
        u32::try_from(self.incoming[node.index()].len()).unwrap_or(u32::MAX)
    }

    /// The dependency layers: each node stands one above the highest of the nodes it depends on (section 4).
    /// Within a layer, document order.
    #[must_use]
    pub fn layers(&self) -> &[Vec<NodeIndex>] {
        &self.layers
    }

    /// The layer of a node, counted from 0.
    #[must_use]
    pub fn layer_of(&self, node: NodeIndex) -> u32 {
        self.layer_of[node.index()]
    }

    /// The number of edges on the longest path from a node to a sink: among ready nodes, the one with the greatest
    /// goes first (section 4).
    #[must_use]
    pub fn longest_path_to_sink(&self, node: NodeIndex) -> u32 {
        self.to_sink[node.index()]
    }

    /// The nodes that no edge begins at, in document order.
    pub fn sinks(&self) -> impl Iterator<Item = NodeIndex> {
        self.indices()
            .filter(|node| self.outgoing[node.index()].is_empty())
    }
}

/// For each node the number of edges on the longest path that ends at it, following `edges` backwards to `other`.
pub(crate) fn longest_paths<'a>(
    order: impl Iterator<Item = &'a NodeIndex>,
    edges: &[Vec<EdgeIndex>],
    other: impl Fn(EdgeIndex) -> NodeIndex,
) -> Vec<u32> {
    let mut longest = vec![0; edges.len()];
    for node in order {
        let own = edges[node.index()]
            .iter()
            .map(|&edge| longest[other(edge).index()] + 1)
            .max();
        longest[node.index()] = own.unwrap_or(0);
    }
    longest
}

fn group_by_layer(layer_of: &[u32]) -> Vec<Vec<NodeIndex>> {
    let count = layer_of.iter().max().map_or(0, |last| *last as usize + 1);
    let mut layers = vec![Vec::new(); count];
    for (position, layer) in layer_of.iter().enumerate() {
        layers[*layer as usize].push(NodeIndex::new(position));
    }
    layers
}

/// Fills the `Dag`, the edges sorted by their target's rank.
///
/// In that order no target has an out-edge yet when its in-edges are added, so that `add_edges` has nothing to
/// search; in any other order it looks for cycles by recursion, which a long chain turns into a stack overflow.
fn fill(
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    order: &[NodeIndex],
    incoming: &[Vec<EdgeIndex>],
) -> (Dag<Node, (EdgeIndex, When)>, Vec<pg::EdgeIndex>) {
    let mut dag = Dag::with_capacity(nodes.len(), edges.len());
    for node in nodes {
        dag.add_node(node);
    }
    let mut positions = vec![pg::EdgeIndex::end(); edges.len()];
    let mut edges: Vec<_> = edges.into_iter().map(Some).collect();
    let ranked = order.iter().flat_map(|node| &incoming[node.index()]).enumerate();
    let fed: Vec<_> = ranked
        .filter_map(|(rank, &index)| {
            positions[index.index()] = pg::EdgeIndex::new(rank);
            let edge = edges[index.index()].take()?;
            let ends = (
                pg::NodeIndex::new(edge.from.index()),
                pg::NodeIndex::new(edge.to.index()),
            );
            Some((ends.0, ends.1, (index, edge.when)))
        })
        .collect();
    let added = dag.add_edges(fed);
    debug_assert!(added.is_ok(), "edges in topological order close no cycle");
    (dag, positions)
}
