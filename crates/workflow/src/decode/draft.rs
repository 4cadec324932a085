//! A document as far as it could be decoded: what the checks of the whole work on.
//!
//! All nodes stand in one list in the order of the text, whatever scope they belong to.

use crate::{
    composite::ScopeIndex,
    document::{Join, Node, Settings},
    graph::NodeIndex,
    template::Use,
    tree::Spot,
};

/// A document as far as it could be decoded.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) settings: Settings,
    /// What the `output` template refers to.
    pub(crate) output_uses: Vec<Use>,
    pub(crate) graph: DraftGraph,
}

/// The nodes and edges of all scopes.
#[derive(Debug)]
pub(crate) struct DraftGraph {
    /// In the order of the text. An index of a draft is a position here.
    pub(crate) nodes: Vec<DraftNode>,
    /// Those that are written in a group or loop come before those that are written around it.
    pub(crate) edges: Vec<DraftEdge>,
    /// The workflow's own scope, then those of groups and loops in the order of the text.
    pub(crate) scopes: Vec<DraftScope>,
    /// Nodes that were counted so far, those included that are still to be decoded.
    pub(super) counted: usize,
}

impl DraftGraph {
    /// A graph with the workflow's own scope and nothing in it.
    pub(super) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            edges: Vec::new(),
            scopes: vec![DraftScope::new(None, Provided::default())],
            counted: 0,
        }
    }

    /// Adds a scope without members.
    pub(super) fn open(&mut self, owner: NodeIndex, provided: Provided) -> ScopeIndex {
        let scope = ScopeIndex::new(self.scopes.len());
        self.scopes.push(DraftScope::new(Some(owner), provided));
        scope
    }

    pub(crate) fn node(&self, node: NodeIndex) -> &DraftNode {
        &self.nodes[node.index()]
    }

    pub(crate) fn scope(&self, scope: ScopeIndex) -> &DraftScope {
        &self.scopes[scope.index()]
    }
}

/// A scope as far as it could be decoded. Which nodes are its members, its nodes say and [`named`](Self::named).
#[derive(Debug)]
pub(crate) struct DraftScope {
    /// The group or loop around it; `None` for the workflow's own nodes.
    pub(crate) owner: Option<NodeIndex>,
    /// Nodes beside the owner that are members of this scope instead.
    pub(crate) named: Vec<Named>,
    pub(crate) provided: Provided,
    /// What a loop's condition refers to.
    pub(crate) asked: Option<Asked>,
}

impl DraftScope {
    fn new(owner: Option<NodeIndex>, provided: Provided) -> Self {
        Self {
            owner,
            named: Vec::new(),
            provided,
            asked: None,
        }
    }
}

/// What a scope adds to the document that its members see (section 2).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Provided {
    /// `item`.
    pub(crate) item: bool,
    /// `loop`.
    pub(crate) repetition: Option<Repetition>,
}

impl Provided {
    /// What the members see when their scope is inside of one that provides `outer`.
    pub(crate) fn inside(self, outer: Self) -> Self {
        Self {
            item: self.item || outer.item,
            repetition: self.repetition.or(outer.repetition),
        }
    }
}

/// The members that `loop` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repetition {
    /// `index` only: what runs for the items of a group.
    Concurrent,
    /// All: the body of a loop.
    Sequential,
}

/// The condition of a loop.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) uses: Vec<Use>,
    /// Whether it is asked after an iteration, when the members have settled.
    pub(crate) sees_members: bool,
}

/// A node as far as it could be decoded.
#[derive(Debug)]
pub(crate) struct DraftNode {
    pub(crate) id: Option<Named>,
    pub(crate) spot: Spot,
    /// The scope whose `nodes` it is written in; where another one names it, it is a member there.
    pub(crate) written_in: ScopeIndex,
    pub(crate) depends_on: Vec<Named>,
    pub(crate) join: Join,
    pub(crate) join_spot: Spot,
    /// The target of its `on_error`.
    pub(crate) goto: Option<Named>,
    /// Where the branches of a condition lead; `None` for other types.
    pub(crate) branches: Option<Vec<Branch>>,
    /// The labels that its edges may have; `None` where that cannot be told.
    pub(crate) labels: Option<Vec<String>>,
    /// What its templates and expressions refer to.
    pub(crate) uses: Vec<Use>,
    /// `None` where something in it is wrong.
    pub(crate) node: Option<Node>,
}

impl DraftNode {
    pub(super) fn new(spot: Spot, written_in: ScopeIndex) -> Self {
        Self {
            id: None,
            join_spot: spot.clone(),
            spot,
            written_in,
            depends_on: Vec::new(),
            join: Join::Default,
            goto: None,
            branches: None,
            labels: None,
            uses: Vec::new(),
            node: None,
        }
    }

    /// The id, empty where there is none.
    pub(crate) fn name(&self) -> &str {
        self.id.as_ref().map_or("", |id| &id.name)
    }
}

/// A node that a condition's config names, and the label that leads there.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) label: String,
    pub(crate) target: Named,
}

/// A member of `edges`.
#[derive(Debug)]
pub(crate) struct DraftEdge {
    /// The scope whose `edges` it is written in.
    pub(crate) written_in: ScopeIndex,
    pub(crate) from: Named,
    pub(crate) to: Named,
    pub(crate) label: Option<Named>,
    pub(crate) spot: Spot,
}

/// A name, and where it is written.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) spot: Spot,
}
