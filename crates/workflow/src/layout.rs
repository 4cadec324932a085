//! Which node is where: the nodes by their ids, and the scope of each once those that others name have moved.
//!
//! Owns what scopes see of each other. Scopes form a tree of bounded depth, whatever the document says.

use std::collections::HashMap;

use crate::{
    composite::ScopeIndex,
    decode::{DraftGraph, DraftNode, Named, Provided},
    diagnostic::Code,
    graph::NodeIndex,
    limits,
    report::{Report, quoted},
};

/// Nodes of a ring that a message shows from its beginning and from its end.
const SHOWN: usize = 10;

/// The nodes and scopes of a draft, placed.
#[derive(Debug)]
pub(crate) struct Layout<'d> {
    pub(crate) graph: &'d DraftGraph,
    /// Of two nodes with the same id, the first.
    ids: HashMap<&'d str, NodeIndex>,
    /// By node.
    scopes: Vec<ScopeIndex>,
    /// By scope: groups and loops around it.
    depths: Vec<usize>,
    /// By scope: what its members see besides nodes.
    provided: Vec<Provided>,
}

impl<'d> Layout<'d> {
    /// Places the nodes. A node that cannot move stays where it is written, which is reported; `None`, after saying
    /// so, where groups and loops are too deep inside of each other.
    pub(crate) fn of(graph: &'d DraftGraph, report: &mut Report) -> Option<Self> {
        let mut layout = Self {
            graph,
            ids: ids(graph, report),
            scopes: graph.nodes.iter().map(|node| node.written_in).collect(),
            depths: vec![0; graph.scopes.len()],
            provided: vec![Provided::default(); graph.scopes.len()],
        };
        layout.move_named(report);
        layout.settle(report);
        layout.check_depth(report).then_some(layout)
    }

    pub(crate) fn find(&self, id: &str) -> Option<NodeIndex> {
        self.ids.get(id).copied()
    }

    /// The ids of all nodes, in no order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &'d str> {
        self.ids.keys().copied()
    }

    /// The ids of all nodes but one, which is not what is meant at a place of its own.
    pub(crate) fn ids_but(&self, own: &str) -> impl Iterator<Item = &'d str> {
        self.ids().filter(move |id| *id != own)
    }

    pub(crate) fn node(&self, node: NodeIndex) -> &'d DraftNode {
        self.graph.node(node)
    }

    /// The scope that a node is a member of.
    pub(crate) fn scope_of(&self, node: NodeIndex) -> ScopeIndex {
        self.scopes[node.index()]
    }

    /// The scopes of all nodes.
    pub(crate) fn into_scopes(self) -> Vec<ScopeIndex> {
        self.scopes
    }

    /// The group or loop that a node is a member of.
    pub(crate) fn owner_of(&self, node: NodeIndex) -> Option<NodeIndex> {
        self.graph.scope(self.scope_of(node)).owner
    }

    /// How many groups and loops are around a node.
    pub(crate) fn depth_of(&self, node: NodeIndex) -> usize {
        self.depths[self.scope_of(node).index()]
    }

    /// What the members of a scope see besides nodes.
    pub(crate) fn provided(&self, scope: ScopeIndex) -> Provided {
        self.provided[scope.index()]
    }

    /// The node that stands for another one in a scope: itself, or the group or loop there that it is in.
    pub(crate) fn representative(&self, node: NodeIndex, scope: ScopeIndex) -> Option<NodeIndex> {
        std::iter::successors(Some(node), |node| self.owner_of(*node))
            .find(|node| self.scope_of(*node) == scope)
    }

    /// Whether the members of a scope see a node: it is one of them, or one beside a group or loop around them.
    pub(crate) fn is_seen_from(&self, scope: ScopeIndex, node: NodeIndex) -> bool {
        let of_node = self.scope_of(node);
        self.outwards(scope).any(|around| around == of_node)
    }

    /// The group or loop that is seen from a scope where one of its members, however deep, is not.
    pub(crate) fn seen_instead(&self, scope: ScopeIndex, member: NodeIndex) -> Option<NodeIndex> {
        let mut owners = std::iter::successors(self.owner_of(member), |owner| self.owner_of(*owner));
        owners.find(|owner| self.is_seen_from(scope, *owner))
    }

    /// A scope and those around it.
    fn outwards(&self, scope: ScopeIndex) -> impl Iterator<Item = ScopeIndex> {
        std::iter::successors(Some(scope), |scope| {
            self.graph.scope(*scope).owner.map(|owner| self.scope_of(owner))
        })
    }

    /// Moves nodes to the scopes that name them.
    fn move_named(&mut self, report: &mut Report) {
        let mut moved = vec![false; self.graph.nodes.len()];
        for (position, scope) in self.graph.scopes.iter().enumerate() {
            let Some(owner) = scope.owner else { continue };
            for named in &scope.named {
                let Some(node) = self.movable(named, owner, report) else {
                    continue;
                };
                if std::mem::replace(&mut moved[node.index()], true) {
                    let message = format!("{} is named as a member more than once", quoted(&named.name));
                    report.add(Code::DuplicateDependency, named.spot.clone(), message);
                } else {
                    self.scopes[node.index()] = ScopeIndex::new(position);
                }
            }
        }
    }

    /// The node that a group or loop names, which must be written beside it.
    fn movable(&self, named: &Named, owner: NodeIndex, report: &mut Report) -> Option<NodeIndex> {
        let Some(node) = self.find(&named.name) else {
            let hint = report.did_you_mean(&named.name, self.ids_but(self.node(owner).name()));
            let message = format!("there is no node {}", quoted(&named.name));
            report.add_with_hint(Code::UnknownDependency, named.spot.clone(), message, hint);
            return None;
        };
        if self.node(node).written_in != self.node(owner).written_in {
            let owner = quoted(self.node(owner).name());
            let message = format!("{} is not written beside {owner}", quoted(&named.name));
            report.add(Code::DependencyCrossesScope, named.spot.clone(), message);
            return None;
        }
        Some(node)
    }

    /// Walks from each scope outwards, and settles what depends on the scopes around it. Where the walk comes back to
    /// itself, groups are members of each other: the ring is reported and opened.
    fn settle(&mut self, report: &mut Report) {
        let mut seen = vec![false; self.graph.scopes.len()];
        seen[ScopeIndex::TOP.index()] = true;
        let mut is_settled = seen.clone();
        for start in 0..seen.len() {
            let mut inner: Vec<ScopeIndex> = Vec::new();
            let mut scope = ScopeIndex::new(start);
            while !is_settled[scope.index()] {
                if std::mem::replace(&mut seen[scope.index()], true) {
                    scope = self.open_ring(scope, &inner, report);
                } else {
                    inner.push(scope);
                    scope = self.around(scope);
                }
            }
            for scope in inner.into_iter().rev() {
                let around = self.around(scope);
                self.depths[scope.index()] = self.depths[around.index()] + 1;
                let (own, outer) = (self.graph.scope(scope).provided, self.provided[around.index()]);
                self.provided[scope.index()] = own.inside(outer);
                is_settled[scope.index()] = true;
            }
        }
    }

    /// The scope around one that has an owner.
    fn around(&self, scope: ScopeIndex) -> ScopeIndex {
        let owner = self.graph.scope(scope).owner;
        owner.map_or(ScopeIndex::TOP, |owner| self.scope_of(owner))
    }

    /// Puts the owner of the last scope of a walk, in which `first` is met again, back to where it is written, which
    /// is the answer.
    fn open_ring(&mut self, first: ScopeIndex, walk: &[ScopeIndex], report: &mut Report) -> ScopeIndex {
        let ring = walk.iter().skip_while(|scope| **scope != first);
        let mut owners: Vec<_> = ring.filter_map(|scope| self.graph.scope(*scope).owner).collect();
        owners.reverse();
        let Some(&outermost) = owners.first() else {
            return ScopeIndex::TOP;
        };
        let message = format!(
            "groups and loops are members of each other: {}",
            self.ring(&owners)
        );
        report.add(Code::CycleDetected, self.node(outermost).spot.clone(), message);
        self.scopes[outermost.index()] = self.node(outermost).written_in;
        self.scope_of(outermost)
    }

    /// Reports groups and loops with too many others around them.
    fn check_depth(&self, report: &mut Report) -> bool {
        let too_deep = self
            .depths
            .iter()
            .position(|depth| *depth > limits::MAX_SCOPE_DEPTH);
        let owner = too_deep.and_then(|scope| self.graph.scopes[scope].owner);
        if let Some(owner) = owner {
            let message = format!(
                "more than {} groups and loops are inside of each other",
                limits::MAX_SCOPE_DEPTH
            );
            report.add(Code::TooDeep, self.node(owner).spot.clone(), message);
        }
        owner.is_none()
    }

    /// The nodes of a ring, back to the first; of a long one the ends.
    pub(crate) fn ring(&self, path: &[NodeIndex]) -> String {
        let name = |index: &NodeIndex| self.node(*index).name().to_owned();
        let (start, rest) = path.split_at(path.len().min(SHOWN));
        let (left_out, end) = rest.split_at(rest.len().saturating_sub(SHOWN));
        let mut names: Vec<_> = start.iter().map(name).collect();
        if !left_out.is_empty() {
            names.push(format!("({} more)", left_out.len()));
        }
        names.extend(end.iter().chain(path.first()).map(name));
        names.join(" → ")
    }
}

/// The nodes by their ids; of two with the same id, the first.
fn ids<'d>(graph: &'d DraftGraph, report: &mut Report) -> HashMap<&'d str, NodeIndex> {
    let mut ids: HashMap<&str, NodeIndex> = HashMap::new();
    let mut folded: HashMap<String, &str> = HashMap::new();
    for (position, node) in graph.nodes.iter().enumerate() {
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
