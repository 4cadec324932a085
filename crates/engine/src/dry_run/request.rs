//! What a dry run supposes: the outputs of agents and the decisions of people, and which nodes they are for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use agentchains_machine::{ExecutionId, NodePath};
use agentchains_workflow::{Json, Node, NodeKind};
use serde_json::Value;

use crate::{
    EngineError,
    library::{Key, Library},
};

/// Where a dry run takes from what agents and people would say.
///
/// Nodes are named by their ids or their paths. A node of a child execution is named behind the node that starts it:
/// `publish/draft`, or `each[2]/publish/draft` for one of several.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DryRun {
    /// The outputs of nodes that call agents, or start workflows, which are then not walked. A `_cost` in that of a call
    /// is what the call costs.
    pub outputs: BTreeMap<String, Value>,
    /// The decisions on the questions of nodes. Whatever is not decided here is approved.
    pub decisions: BTreeMap<String, SupposedDecision>,
    /// The execution whose agents' answers are taken where no output is given; absent: the newest one of the version
    /// that completed.
    pub from_execution: Option<ExecutionId>,
}

/// What people are supposed to say to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct SupposedDecision {
    /// The action that they choose.
    pub decision: String,
    /// What they fill in.
    pub data: Option<Value>,
}

/// Where a node stands in a tree of executions, under both of its names.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// The paths on the way down.
    pub(super) path: String,
    /// The ids on the way down, without the members' groups and loops.
    ids: String,
}

/// A dry run's suppositions, whose names are known to be those of nodes.
#[derive(Debug)]
pub(super) struct Supposed {
    outputs: BTreeMap<String, Json>,
    decisions: BTreeMap<String, SupposedDecision>,
    /// The workflows of which a node has a supposed output.
    pub(super) touched: BTreeSet<Key>,
}

impl Place {
    /// The place of a node in an execution that stands here itself.
    pub(super) fn of(&self, path: &NodePath) -> Self {
        let below = |around: &str, own: &str| match around {
            "" => own.to_owned(),
            around => format!("{around}/{own}"),
        };
        Self {
            path: below(&self.path, path.as_str()),
            ids: below(&self.ids, path.node_id()),
        }
    }
}

impl Supposed {
    /// # Errors
    /// [`EngineError::NoSuchNode`] for a name of no node, and for that of a node to which the supposition means nothing.
    pub(super) fn new(
        library: &Library,
        root: Key,
        outputs: BTreeMap<String, Value>,
        decisions: BTreeMap<String, SupposedDecision>,
    ) -> Result<Self, EngineError> {
        let mut names = Names {
            library,
            nodes: HashMap::new(),
        };
        let mut touched = BTreeSet::new();
        for name in outputs.keys() {
            let found = names.find(root, name, |kind| {
                matches!(kind, NodeKind::AgentCall(_) | NodeKind::Subworkflow(_))
            });
            let what = "calls an agent or starts a workflow";
            touched.insert(found.ok_or_else(|| no_such_node("outputs", name, what))?);
        }
        for name in decisions.keys() {
            let found = names.find(root, name, |kind| matches!(kind, NodeKind::HumanApproval(_)));
            found.ok_or_else(|| no_such_node("decisions", name, "asks a person"))?;
        }
        let outputs = outputs.into_iter();
        Ok(Self {
            outputs: outputs.map(|(name, output)| (name, output.into())).collect(),
            decisions,
            touched,
        })
    }

    pub(super) fn output(&self, place: &Place) -> Option<&Json> {
        let by_path = self.outputs.get(&place.path);
        by_path.or_else(|| self.outputs.get(&place.ids))
    }

    pub(super) fn decision(&self, place: &Place) -> Option<&SupposedDecision> {
        let by_path = self.decisions.get(&place.path);
        by_path.or_else(|| self.decisions.get(&place.ids))
    }
}

/// Looks nodes up by their names, in workflows that were looked into once.
struct Names<'l> {
    library: &'l Library,
    nodes: HashMap<Key, HashMap<&'l str, &'l Node>>,
}

impl<'l> Names<'l> {
    /// The workflow of the node of that name, where there is one of such a kind.
    fn find(&mut self, root: Key, name: &str, fits: impl Fn(&NodeKind) -> bool) -> Option<Key> {
        let mut key = root;
        let mut steps = name.split('/').peekable();
        loop {
            let step = steps.next()?;
            let id = step.split_once('[').map_or(step, |(id, _)| id);
            let kind = &self.node(key, id)?.kind;
            if steps.peek().is_none() {
                return fits(kind).then_some(key);
            }
            match kind {
                NodeKind::Subworkflow(_) => key = self.library.get(key)?.target(id).ok()?.key(),
                NodeKind::ParallelGroup(_) | NodeKind::Loop(_) => {}
                _ => return None,
            }
        }
    }

    fn node(&mut self, key: Key, id: &str) -> Option<&'l Node> {
        let library = self.library;
        let nodes = self.nodes.entry(key).or_insert_with(|| {
            let volume = library.get(key).into_iter();
            let nodes = volume.flat_map(|volume| volume.workflow.nodes());
            nodes.map(|node| (node.id.as_str(), node)).collect()
        });
        nodes.get(id).copied()
    }
}

fn no_such_node(field: &str, name: &str, what: &str) -> EngineError {
    let escaped = name.replace('~', "~0").replace('/', "~1");
    EngineError::NoSuchNode {
        pointer: format!("/dry_run/{field}/{escaped}"),
        message: format!("there is no node {name:?} that {what}"),
    }
}
