//! From a draft to nodes in an order: unique ids, joins that can fire, and no cycle.
//!
//! Which edges there are is left to [`crate::edges`].

use std::collections::HashMap;

use crate::{
    condition::DEFAULT,
    cycle::{self, Cycle},
    decode::{Draft, DraftNode, Named},
    diagnostic::Code,
    document::{Join, NodeKind},
    edges::{self, Edges},
    graph::{Edge, EdgeIndex, NodeIndex, When},
    limits,
    report::{Report, quoted},
    tree::Spot,
};

/// Nodes of a cycle that a message shows from its beginning and from its end.
const SHOWN: usize = 10;

/// The edges of a document whose names all have a meaning.
#[derive(Debug)]
pub(crate) struct Wiring {
    pub(crate) edges: Vec<Edge>,
    /// For each node, the edges that end at it in document order.
    pub(crate) incoming: Vec<Vec<EdgeIndex>>,
    /// An order of the nodes in which every edge points forward.
    pub(crate) order: Vec<NodeIndex>,
}

impl Wiring {
    /// Conditions choose [`DEFAULT`] where an edge has that label, whether or not their config names it.
    pub(crate) fn settle_defaults(&self, nodes: &mut [DraftNode]) {
        for edge in &self.edges {
            if let When::Labels(labels) = &edge.when
                && labels.iter().any(|label| label == DEFAULT)
                && let Some(node) = &mut nodes[edge.from.index()].node
                && let NodeKind::Condition(condition) = &mut node.kind
            {
                condition.choose_default();
            }
        }
    }
}

/// The nodes by their ids; of two with the same id, the first.
pub(crate) fn ids<'d>(draft: &'d Draft, report: &mut Report) -> HashMap<&'d str, NodeIndex> {
    let mut ids: HashMap<&str, NodeIndex> = HashMap::new();
    let mut folded: HashMap<String, &str> = HashMap::new();
    for (position, node) in draft.nodes.iter().enumerate() {
        let Some(Named { name, spot }) = &node.id else {
            continue;
        };
        ids.entry(name).or_insert(NodeIndex::new(position));
        let Some(first) = folded.insert(name.to_ascii_lowercase(), name) else {
            continue;
        };
        let message = if first == name {
            format!("another node has the id {} already", quoted(name))
        } else {
            format!("{} and {} differ only by case", quoted(name), quoted(first))
        };
        report.add(Code::DuplicateNodeId, spot.clone(), message);
    }
    ids
}

/// Connects the nodes; `None` where something in the way of it was reported.
pub(crate) fn connect(draft: &Draft, ids: &HashMap<&str, NodeIndex>, report: &mut Report) -> Option<Wiring> {
    let count = |node: &DraftNode| {
        let branches = node.branches.as_ref().map_or(0, Vec::len);
        node.depends_on.len() + branches + usize::from(node.goto.is_some())
    };
    let total = draft.edges.len() + draft.nodes.iter().map(count).sum::<usize>();
    if total > limits::MAX_EDGES {
        let message = format!("a workflow has at most {} edges", limits::MAX_EDGES);
        report.add(Code::TooManyEdges, Spot::document(), message);
        return None;
    }
    let Edges {
        edges,
        spots,
        complete,
    } = edges::collect(draft, ids, report);
    let ordered = cycle::topological_order(draft.nodes.len(), &edges);
    let order = ordered.map_err(|cycles| report_cycles(draft, &cycles, &spots, report));
    let order = order.ok().filter(|_| complete)?;
    let mut incoming = vec![Vec::new(); draft.nodes.len()];
    for (position, edge) in edges.iter().enumerate() {
        incoming[edge.to.index()].push(EdgeIndex::new(position));
    }
    check_joins(draft, &incoming, report);
    Some(Wiring {
        edges,
        incoming,
        order,
    })
}

fn report_cycles(draft: &Draft, cycles: &[Cycle], spots: &[&Spot], report: &mut Report) {
    for found in cycles {
        let message = format!("the dependencies form a cycle: {}", shown(draft, &found.path));
        report.add(Code::CycleDetected, spots[found.closing.index()].clone(), message);
    }
}

/// The nodes of a cycle, back to the first; of a long one the ends.
fn shown(draft: &Draft, path: &[NodeIndex]) -> String {
    let name = |index: &NodeIndex| {
        let id = draft.nodes[index.index()].id.as_ref();
        id.map_or_else(String::new, |id| id.name.clone())
    };
    let (start, rest) = path.split_at(path.len().min(SHOWN));
    let (left_out, end) = rest.split_at(rest.len().saturating_sub(SHOWN));
    let mut names: Vec<_> = start.iter().map(name).collect();
    if !left_out.is_empty() {
        names.push(format!("({} more)", left_out.len()));
    }
    names.extend(end.iter().chain(path.first()).map(name));
    names.join(" → ")
}

fn check_joins(draft: &Draft, incoming: &[Vec<EdgeIndex>], report: &mut Report) {
    for (node, edges) in draft.nodes.iter().zip(incoming) {
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
