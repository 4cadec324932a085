//! The edges of a document: those that are written, and those that branches and failures add (section 5).
//!
//! Between two nodes there is one edge for success, which may have several labels, and one for failure.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use crate::{
    decode::{Branch, Draft, DraftEdge, Named},
    diagnostic::Code,
    graph::{Edge, NodeIndex, When},
    report::{Report, listed, quoted},
    tree::Spot,
};

/// The edges, each with the place that first asked for it.
#[derive(Debug)]
pub(crate) struct Edges<'d> {
    pub(crate) edges: Vec<Edge>,
    pub(crate) spots: Vec<&'d Spot>,
    /// Whether every name and label had a meaning.
    pub(crate) complete: bool,
}

/// The edges of a document: `edges`, then every `depends_on`, then what branches and `on_error` add.
pub(crate) fn collect<'d>(
    draft: &'d Draft,
    ids: &HashMap<&'d str, NodeIndex>,
    report: &mut Report,
) -> Edges<'d> {
    let mut collector = Collector {
        draft,
        ids,
        report,
        found: Edges {
            edges: Vec::new(),
            spots: Vec::new(),
            complete: true,
        },
        positions: HashMap::new(),
    };
    collector.written();
    collector.branches();
    collector.gotos();
    collector.warn_of_unconditional();
    collector.found
}

struct Collector<'c, 'd> {
    draft: &'d Draft,
    ids: &'c HashMap<&'d str, NodeIndex>,
    report: &'c mut Report,
    found: Edges<'d>,
    /// The position of the edge for success between two nodes.
    positions: HashMap<(NodeIndex, NodeIndex), usize>,
}

impl<'d> Collector<'_, 'd> {
    fn written(&mut self) {
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
            "only the edges of conditions and approvals may have `when`".to_owned()
        } else {
            format!("it chooses {}", listed(labels.iter().map(String::as_str)))
        };
        self.report
            .add_with_hint(Code::InvalidValue, label.spot.clone(), message, Some(hint));
        self.found.complete = false;
    }

    /// Adds a written edge, or its label to the edge that is there. To write the same twice is an error, and so is
    /// an edge with a label beside one without: they would say two things about one case.
    fn add(&mut self, from: NodeIndex, to: NodeIndex, label: Option<&str>, spot: &'d Spot) {
        let when = label.map_or(When::Always, |label| When::Labels(vec![label.to_owned()]));
        let position = match self.positions.entry((from, to)) {
            Entry::Vacant(place) => {
                place.insert(self.found.edges.len());
                self.push(from, to, when, spot);
                return;
            }
            Entry::Occupied(known) => *known.get(),
        };
        match (&mut self.found.edges[position].when, label) {
            (When::Labels(labels), Some(label)) if !labels.iter().any(|known| known == label) => {
                labels.push(label.to_owned());
            }
            _ => {
                let message = format!(
                    "the dependency of {} on {} is written twice",
                    self.name(to),
                    self.name(from)
                );
                self.report.add(Code::DuplicateDependency, spot.clone(), message);
            }
        }
    }

    fn branches(&mut self) {
        let draft = self.draft;
        for (position, node) in draft.nodes.iter().enumerate() {
            for branch in node.branches.iter().flatten() {
                self.branch(NodeIndex::new(position), branch);
            }
        }
    }

    /// Gives the edge to a branch's target the branch's label; adds the edge where it is missing.
    fn branch(&mut self, from: NodeIndex, Branch { label, target }: &'d Branch) {
        let found = self.ids.get(target.name.as_str()).copied();
        let Some(to) = found.filter(|to| *to != from) else {
            let hint = self.report.did_you_mean(&target.name, self.ids.keys().copied());
            let message = format!("there is no other node {} to branch to", quoted(&target.name));
            self.report
                .add_with_hint(Code::BranchNotSuccessor, target.spot.clone(), message, hint);
            self.found.complete = false;
            return;
        };
        let labelled = When::Labels(vec![label.clone()]);
        let Some(position) = self.positions.get(&(from, to)).copied() else {
            self.positions.insert((from, to), self.found.edges.len());
            self.push(from, to, labelled, &target.spot);
            return;
        };
        match &mut self.found.edges[position].when {
            When::Labels(labels) if labels.contains(label) => {}
            When::Labels(labels) => labels.push(label.clone()),
            unlabelled => *unlabelled = labelled,
        }
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
        for edge in &mut self.found.edges {
            if edge.when == When::Always && targets.get(&edge.from) == Some(&edge.to) {
                edge.when = When::OnError;
                there.insert(edge.from);
            }
        }
        for (from, to, spot) in missing.into_iter().filter(|(from, ..)| !there.contains(from)) {
            self.push(from, to, When::OnError, spot);
        }
    }

    fn warn_of_unconditional(&mut self) {
        for (edge, spot) in self.found.edges.iter().zip(&self.found.spots) {
            if edge.when == When::Always && self.draft.nodes[edge.from.index()].branches.is_some() {
                let (from, to) = (self.name(edge.from), self.name(edge.to));
                let message = format!("{to} runs whatever {from} decides");
                let hint = Some("name it in a branch, or give the edge a `when`");
                self.report
                    .add_with_hint(Code::BranchUnconditional, (*spot).clone(), message, hint);
            }
        }
    }

    fn push(&mut self, from: NodeIndex, to: NodeIndex, when: When, spot: &'d Spot) {
        self.found.edges.push(Edge { from, to, when });
        self.found.spots.push(spot);
    }

    fn name(&self, node: NodeIndex) -> String {
        let id = self.draft.nodes[node.index()].id.as_ref();
        quoted(id.map_or("", |id| &id.name))
    }

    fn find(&mut self, name: &Named) -> Option<NodeIndex> {
        let found = self.ids.get(name.name.as_str()).copied();
        if found.is_none() {
            let hint = self.report.did_you_mean(&name.name, self.ids.keys().copied());
            let message = format!("there is no node {}", quoted(&name.name));
            self.report
                .add_with_hint(Code::UnknownDependency, name.spot.clone(), message, hint);
            self.found.complete = false;
        }
        found
    }
}
