//! From names to edges: which nodes an edge, a `depends_on` or an `on_error` means.
//!
//! Owns what needs the ids of all nodes: unique ids, existing ends, labels that the source has, joins that can fire,
//! and that there is no cycle.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{
    cycle::{self, Cycle},
    decode::{Draft, DraftEdge, DraftNode, Named},
    diagnostic::Code,
    document::Join,
    graph::{Edge, EdgeIndex, NodeIndex, When},
    limits,
    report::{Report, listed, quoted},
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
    let count = |node: &DraftNode| node.depends_on.len() + usize::from(node.goto.is_some());
    let total = draft.edges.len() + draft.nodes.iter().map(count).sum::<usize>();
    if total > limits::MAX_EDGES {
        let message = format!("a workflow has at most {} edges", limits::MAX_EDGES);
        report.add(Code::TooManyEdges, Spot::document(), message);
        return None;
    }
    let mut connector = Connector {
        draft,
        ids,
        report,
        edges: Vec::new(),
        spots: Vec::new(),
        labels: HashMap::new(),
        complete: true,
    };
    connector.connect();
    let Connector {
        edges,
        spots,
        complete,
        ..
    } = connector;
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

struct Connector<'c, 'd> {
    draft: &'d Draft,
    ids: &'c HashMap<&'d str, NodeIndex>,
    report: &'c mut Report,
    edges: Vec<Edge>,
    spots: Vec<&'d Spot>,
    /// The labels of the edges between two nodes, `None` for an unlabelled one.
    labels: HashMap<(NodeIndex, NodeIndex), BTreeSet<Option<&'d str>>>,
    complete: bool,
}

impl<'d> Connector<'_, 'd> {
    fn connect(&mut self) {
        let draft = self.draft;
        for edge in &draft.edges {
            self.edge(edge);
        }
        for (position, node) in draft.nodes.iter().enumerate() {
            for dependency in &node.depends_on {
                if let Some(from) = self.find(dependency) {
                    self.add(from, NodeIndex::new(position), None, &dependency.spot);
                }
            }
        }
        self.gotos();
    }

    /// The edges that failures take (section 5): an unlabelled one that is there becomes it, else it is added.
    fn gotos(&mut self) {
        let draft = self.draft;
        let mut missing = Vec::new();
        for (position, node) in draft.nodes.iter().enumerate() {
            let Some(goto) = &node.goto else { continue };
            if let Some(to) = self.find(goto) {
                missing.push((NodeIndex::new(position), to, &goto.spot));
            }
        }
        let targets: HashMap<_, _> = missing.iter().map(|(from, to, _)| (*from, *to)).collect();
        let mut there = HashSet::new();
        for edge in &mut self.edges {
            if edge.when == When::Always && targets.get(&edge.from) == Some(&edge.to) {
                edge.when = When::OnError;
                there.insert(edge.from);
            }
        }
        for (from, to, spot) in missing.into_iter().filter(|(from, ..)| !there.contains(from)) {
            self.edges.push(Edge {
                from,
                to,
                when: When::OnError,
            });
            self.spots.push(spot);
        }
    }

    fn edge(&mut self, edge: &'d DraftEdge) {
        let (from, to) = (self.find(&edge.from), self.find(&edge.to));
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        if let (Some(label), Some(labels)) = (&edge.label, &self.draft.nodes[from.index()].labels)
            && !labels.contains(&label.name)
        {
            self.unknown_label(label, &edge.from.name, labels);
            return;
        }
        let label = edge.label.as_ref().map(|label| label.name.as_str());
        self.add(from, to, label, &edge.spot);
    }

    fn unknown_label(&mut self, label: &Named, from: &str, labels: &[String]) {
        let message = format!("node {} never chooses {}", quoted(from), quoted(&label.name));
        let hint = if labels.is_empty() {
            "only the edges of an approval may have `when`".to_owned()
        } else {
            format!("it chooses {}", listed(labels.iter().map(String::as_str)))
        };
        self.report
            .add_with_hint(Code::InvalidValue, label.spot.clone(), message, Some(hint));
        self.complete = false;
    }

    /// Adds an edge unless it is there. Two edges between the same nodes differ by their labels.
    fn add(&mut self, from: NodeIndex, to: NodeIndex, label: Option<&'d str>, spot: &'d Spot) {
        let known = self.labels.entry((from, to)).or_default();
        // An unlabelled edge and a labelled one between the same nodes would say two things about one case.
        let clash = known.contains(&None) || (label.is_none() && !known.is_empty());
        if clash || !known.insert(label) {
            let name = |index: NodeIndex| {
                let id = self.draft.nodes[index.index()].id.as_ref();
                quoted(id.map_or("", |id| &id.name))
            };
            let (to, from) = (name(to), name(from));
            let message = format!("the dependency of {to} on {from} is written twice");
            self.report.add(Code::DuplicateDependency, spot.clone(), message);
            return;
        }
        let when = label.map_or(When::Always, |label| When::Label(label.to_owned()));
        self.edges.push(Edge { from, to, when });
        self.spots.push(spot);
    }

    fn find(&mut self, name: &'d Named) -> Option<NodeIndex> {
        let found = self.ids.get(name.name.as_str()).copied();
        if found.is_none() {
            let hint = self.report.did_you_mean(&name.name, self.ids.keys().copied());
            let message = format!("there is no node {}", quoted(&name.name));
            self.report
                .add_with_hint(Code::UnknownDependency, name.spot.clone(), message, hint);
            self.complete = false;
        }
        found
    }
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
