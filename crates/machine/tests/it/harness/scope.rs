//! What checks look at: a scope of an execution, how its nodes stand, and what they are in the document.

use agentchains_machine::{NodePath, NodeState, NodeStatus};
use agentchains_workflow::{FanOut, Graph, Json, NodeKind, OnError, OnItemError, ParallelGroup, ScopeIndex};
use serde_json::Value;

use super::{Run, rows::Rows};

/// The members of a group, or one body of a group or loop.
pub(super) struct Scope<'w> {
    pub(super) around: NodePath,
    pub(super) ordinal: Option<u32>,
    pub(super) graph: &'w Graph,
}

impl<'w> Scope<'w> {
    /// The scope that a node is in; `None` at the top.
    pub(super) fn of(path: &NodePath, run: &'w Run) -> Option<Self> {
        let (around, ordinal) = path.around()?;
        let graph = run.workflow.scope(body_of(kind_of(&around, run)));
        Some(Self {
            around,
            ordinal,
            graph,
        })
    }

    /// The paths of its nodes, each with what a failure of it leads to.
    pub(super) fn paths(&self) -> impl Iterator<Item = (String, &OnError)> {
        self.graph.indices().map(|index| {
            let node = self.graph.node(index);
            let path = NodePath::inside(&self.around, self.ordinal, &node.id);
            (path.as_str().to_owned(), &node.on_error)
        })
    }

    /// Another body of the same group or loop.
    pub(super) fn numbered(&self, ordinal: usize) -> Self {
        Self {
            around: self.around.clone(),
            ordinal: Some(u32::try_from(ordinal).unwrap()),
            graph: self.graph,
        }
    }

    /// How its nodes stand.
    pub(super) fn tally(&self, status: impl Fn(&str) -> NodeStatus) -> Tally {
        let mut tally = Tally::default();
        for (path, on_error) in self.paths() {
            let status = status(&path);
            let is_handled = matches!(on_error, OnError::Goto(_));
            tally.total += 1;
            tally.settled += u32::from(status.is_settled());
            tally.completed += u32::from(status == NodeStatus::Completed);
            tally.cancelled += u32::from(status == NodeStatus::Cancelled);
            tally.unhandled += u32::from(status == NodeStatus::Failed && !is_handled);
        }
        tally
    }

    /// The output of a body: that of the sinks that ran.
    pub(super) fn output(&self, rows: &Rows) -> Value {
        let sinks = self.graph.sinks().filter_map(|index| {
            let id = &self.graph.node(index).id;
            let path = NodePath::inside(&self.around, self.ordinal, id);
            Some((id.clone(), output_of(rows, path.as_str())?))
        });
        Value::Object(sinks.collect())
    }
}

/// How the nodes of a scope, or the bodies of a group, stand.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) total: u32,
    pub(super) settled: u32,
    pub(super) completed: u32,
    pub(super) cancelled: u32,
    /// Failed, and nothing handled it.
    pub(super) unhandled: u32,
}

impl Tally {
    /// Whether a group fails, whatever else happens.
    pub(super) fn fails(&self, group: &ParallelGroup) -> bool {
        match (group.at_least, group.on_item_error) {
            (Some(least), _) => self.total - (self.settled - self.completed) < least.get(),
            (None, OnItemError::Fail) => self.unhandled > 0,
            (None, OnItemError::Null(tolerance)) => self.unhandled > tolerance.of(self.total),
        }
    }
}

/// The graph that a node is in.
pub(super) fn graph_of<'w>(path: &NodePath, run: &'w Run) -> &'w Graph {
    Scope::of(path, run).map_or_else(|| run.workflow.graph(), |scope| scope.graph)
}

/// What a node is in the document.
pub(super) fn kind_of<'w>(path: &NodePath, run: &'w Run) -> &'w NodeKind {
    let graph = graph_of(path, run);
    &graph.node(graph.find(path.node_id()).unwrap()).kind
}

/// The scope of a group's members or of a body.
pub(super) fn body_of(kind: &NodeKind) -> ScopeIndex {
    match kind {
        NodeKind::Loop(settings) => settings.body,
        NodeKind::ParallelGroup(group) => match group.fan_out {
            FanOut::Members(scope) | FanOut::Items { body: scope, .. } => scope,
        },
        _ => panic!("only groups and loops have members"),
    }
}

/// The output of a node that completed.
pub(super) fn output_of(rows: &Rows, path: &str) -> Option<Value> {
    match &rows.nodes.get(path)?.state {
        NodeState::Completed(done) => Some(done.output.to_value()),
        _ => None,
    }
}

/// What a group or loop runs over, once it has begun.
pub(super) fn items_of<'r>(rows: &'r Rows, path: &NodePath) -> Option<&'r [Json]> {
    rows.nodes.get(path.as_str())?.request.as_ref()?.items.as_deref()
}

/// The path of another node of the same scope.
pub(super) fn beside(path: &NodePath, id: &str) -> String {
    match path.around() {
        Some((around, ordinal)) => NodePath::inside(&around, ordinal, id).as_str().to_owned(),
        None => id.to_owned(),
    }
}
