//! The edges of a document: those that are written, and those that branches and failures add (section 5).
//!
//! Between two nodes there is one edge for success, which may have several labels, and one for failure.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use crate::{
    decode::{Branch, DraftEdge, Named},
    diagnostic::Code,
    graph::{Edge, NodeIndex, When},
    layout::Layout,
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

/// The edges of a draft: `edges`, then every `depends_on`, then what branches and `on_error` add.
pub(crate) fn collect<'d>(layout: &Layout<'d>, report: &mut Report) -> Edges<'d> {
    let mut collector = Collector {
        layout,
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
    layout: &'c Layout<'d>,
    report: &'c mut Report,
    found: Edges<'d>,
    /// The position of the edge for success between two nodes.
    positions: HashMap<(NodeIndex, NodeIndex), usize>,
}

impl<'d> Collector<'_, 'd> {
    fn written(&mut self) {
        let draft = self.layout.graph;
        for edge in &draft.edges {
            self.edge(edge);
        }
        for (position, node) in draft.nodes.iter().enumerate() {
            let to = NodeIndex::new(position);
            for dependency in &node.depends_on {
                if let Some(from) = self.find(dependency, node.name())
                    && self.is_inside(from, to, &dependency.spot)
                {
                    self.add(from, to, None, &dependency.spot);
                }
            }
        }
    }

    fn edge(&mut self, edge: &'d DraftEdge) {
        let from = self.find(&edge.from, &edge.to.name);
        let to = self.find(&edge.to, &edge.from.name);
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        if !self.is_inside(from, to, &edge.spot) || !self.is_at_home(edge, from) {
            return;
        }
        if let (Some(label), Some(labels)) = (&edge.label, &self.layout.node(from).labels)
            && !labels.contains(&label.name)
        {
            self.unknown_label(label, &edge.from.name, labels);
            return;
        }
        let label = edge.label.as_ref().map(|label| label.name.as_str());
        self.add(from, to, label, &edge.spot);
    }

    /// Whether an edge stays inside of one scope; one that does not is reported.
    fn is_inside(&mut self, from: NodeIndex, to: NodeIndex, spot: &Spot) -> bool {
        let layout = self.layout;
        let (source, target) = (layout.scope_of(from), layout.scope_of(to));
        if source == target {
            return true;
        }
        let message = format!(
            "{} and {} are not members of the same group or loop",
            self.name(from),
            self.name(to)
        );
        let ends = (
            layout.representative(from, target),
            layout.representative(to, source),
        );
        let hint = match ends {
            (Some(outer), _) if outer == to => {
                Some(format!("leave it out: {} ends after its members", self.name(to)))
            }
            (None, Some(outer)) if outer == from => Some(format!(
                "leave it out: the members of {} start when it has started",
                self.name(from)
            )),
            (Some(outer), _) => Some(format!(
                "let {} depend on {}, where {} is",
                self.name(to),
                self.name(outer),
                self.name(from)
            )),
            (None, Some(outer)) => Some(format!(
                "let {} depend on {}: its members start after that",
                self.name(outer),
                self.name(from)
            )),
            (None, None) => None,
        };
        self.report
            .add_with_hint(Code::DependencyCrossesScope, spot.clone(), message, hint);
        self.found.complete = false;
        false
    }

    /// Whether an edge is written in the scope that it is in, or in the one from which its ends have moved there.
    fn is_at_home(&mut self, edge: &DraftEdge, from: NodeIndex) -> bool {
        let is_at_home =
            [self.layout.scope_of(from), self.layout.node(from).written_in].contains(&edge.written_in);
        if !is_at_home {
            let message = format!(
                "{} is no member of the group or loop that this edge is written in",
                self.name(from)
            );
            self.report
                .add(Code::DependencyCrossesScope, edge.spot.clone(), message);
            self.found.complete = false;
        }
        is_at_home
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
        let draft = self.layout.graph;
        for (position, node) in draft.nodes.iter().enumerate() {
            for branch in node.branches.iter().flatten() {
                self.branch(NodeIndex::new(position), branch);
            }
        }
    }

    /// Gives the edge to a branch's target the branch's label; adds the edge where it is missing.
    fn branch(&mut self, from: NodeIndex, Branch { label, target }: &'d Branch) {
        let layout = self.layout;
        let scope = layout.scope_of(from);
        let found = layout.find(&target.name).filter(|to| *to != from);
        let Some(to) = found.filter(|to| layout.scope_of(*to) == scope) else {
            self.no_branch(from, target, found.is_some());
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

    fn no_branch(&mut self, from: NodeIndex, target: &Named, exists: bool) {
        let message = if exists {
            format!(
                "{} is not in the same group or loop: a branch stays inside",
                quoted(&target.name)
            )
        } else {
            format!("there is no other node {} to branch to", quoted(&target.name))
        };
        let layout = self.layout;
        let scope = layout.scope_of(from);
        let beside = layout
            .ids_but(layout.node(from).name())
            .filter(|id| layout.find(id).is_some_and(|node| layout.scope_of(node) == scope));
        let hint = self.report.did_you_mean(&target.name, beside);
        self.report
            .add_with_hint(Code::BranchNotSuccessor, target.spot.clone(), message, hint);
        self.found.complete = false;
    }

    /// The edges that failures take (section 5): an unlabelled one that is there becomes it, else it is added.
    fn gotos(&mut self) {
        let draft = self.layout.graph;
        let mut missing = Vec::new();
        for (position, node) in draft.nodes.iter().enumerate() {
            let Some(goto) = &node.goto else { continue };
            let from = NodeIndex::new(position);
            if let Some(to) = self.find(goto, node.name())
                && self.is_inside(from, to, &goto.spot)
            {
                missing.push((from, to, &goto.spot));
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
            if edge.when == When::Always && self.layout.node(edge.from).branches.is_some() {
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
        quoted(self.layout.node(node).name())
    }

    /// The node of that name, which an edge connects with `other`.
    fn find(&mut self, name: &Named, other: &str) -> Option<NodeIndex> {
        let found = self.layout.find(&name.name);
        if found.is_none() {
            let hint = self.report.did_you_mean(&name.name, self.layout.ids_but(other));
            let message = format!("there is no node {}", quoted(&name.name));
            self.report
                .add_with_hint(Code::UnknownDependency, name.spot.clone(), message, hint);
            self.found.complete = false;
        }
        found
    }
}
