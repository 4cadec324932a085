//! Topological order, and where there is none, the cycle that prevents it.
//!
//! Nothing here recurses: the graph's shape comes from outside.

use std::collections::VecDeque;

use daggy::petgraph::{
    algo,
    graph::{self as pg, DiGraph},
    visit::EdgeRef as _,
};

use crate::graph::{Edge, EdgeIndex, NodeIndex};

/// A way along edges from a node back to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// The nodes in the order of the edges; the last edge leads from the last node to the first.
    pub(crate) path: Vec<NodeIndex>,
    /// The edge that closes the cycle.
    pub(crate) closing: EdgeIndex,
}

/// The nodes in an order in which every edge points forward.
///
/// # Errors
///
/// One shortest cycle through the first node of each group of nodes that depend on each other.
pub(crate) fn topological_order(nodes: usize, edges: &[Edge]) -> Result<Vec<NodeIndex>, Vec<Cycle>> {
    let mut graph = DiGraph::<(), EdgeIndex>::with_capacity(nodes, edges.len());
    for _ in 0..nodes {
        graph.add_node(());
    }
    for (position, edge) in edges.iter().enumerate() {
        let (from, to) = (
            pg::NodeIndex::new(edge.from.index()),
            pg::NodeIndex::new(edge.to.index()),
        );
        graph.add_edge(from, to, EdgeIndex::new(position));
    }
    if let Ok(order) = algo::toposort(&graph, None) {
        return Ok(order
            .into_iter()
            .map(|node| NodeIndex::new(node.index()))
            .collect());
    }
    Err(cycles(&graph))
}

fn cycles(graph: &DiGraph<(), EdgeIndex>) -> Vec<Cycle> {
    // Kosaraju's algorithm as petgraph has it is iterative; its Tarjan is recursive.
    let groups = algo::kosaraju_scc(graph);
    let mut walk = Walk {
        graph,
        group_of: vec![0; graph.node_count()],
        came_from: vec![None; graph.node_count()],
    };
    for (number, group) in groups.iter().enumerate() {
        for node in group {
            walk.group_of[node.index()] = number;
        }
    }
    let starts = groups.iter().filter_map(|group| group.iter().min());
    let mut found: Vec<Cycle> = starts
        .filter_map(|start| walk.shortest_cycle(start.index()))
        .collect();
    found.sort_by_key(|cycle| cycle.path.first().copied());
    found
}

/// A breadth-first walk that stays inside the group it began in.
///
/// One serves all groups: they have no node in common, so that `came_from` need not be cleared between them.
struct Walk<'a> {
    graph: &'a DiGraph<(), EdgeIndex>,
    group_of: Vec<usize>,
    came_from: Vec<Option<usize>>,
}

impl Walk<'_> {
    /// The shortest way from `start` along edges back to it.
    fn shortest_cycle(&mut self, start: usize) -> Option<Cycle> {
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for edge in self.graph.edges(pg::NodeIndex::new(node)) {
                let target = edge.target().index();
                if target == start {
                    return Some(Cycle {
                        path: self.path(start, node),
                        closing: *edge.weight(),
                    });
                }
                if self.group_of[target] == self.group_of[start] && self.came_from[target].is_none() {
                    self.came_from[target] = Some(node);
                    queue.push_back(target);
                }
            }
        }
        None
    }

    fn path(&self, start: usize, last: usize) -> Vec<NodeIndex> {
        let back = std::iter::successors(Some(last), |&node| self.came_from[node].filter(|_| node != start));
        let mut path: Vec<_> = back.map(NodeIndex::new).collect();
        path.reverse();
        path
    }
}
