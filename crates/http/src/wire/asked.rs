//! What nodes were asked: the data that an agent gets, put together again from the rows that it was made of.

use std::collections::HashMap;

use agentchains_engine::{
    ExecutionView,
    machine::{NodePath, NodeRow, NodeState},
    workflow::{Compiled, Graph, Json, NodeKind},
};
use schemars::JsonSchema;
use serde::Serialize;

/// What a node was asked.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NodeInput<'a> {
    config: Json,
    /// The execution's input.
    input: &'a Json,
    /// The outputs of the predecessors that were live.
    upstream: HashMap<&'a str, Option<&'a Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a Json>,
    /// `{"index", "last"?}`, inside of a body.
    #[serde(rename = "loop", skip_serializing_if = "Option::is_none")]
    repetition: Option<Json>,
}

/// An execution's rows by their paths, and its loops' bodies by the loops' ids.
pub(crate) struct Asked<'a> {
    input: &'a Json,
    rows: HashMap<&'a NodePath, &'a NodeRow>,
    bodies: HashMap<&'a str, &'a Graph>,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(view: &'a ExecutionView) -> Self {
        Self {
            input: &view.execution.input,
            rows: view.nodes.iter().map(|row| (&row.path, row)).collect(),
            bodies: bodies(&view.workflow),
        }
    }

    /// Whether a node has a row.
    pub(crate) fn has_row(&self, path: &NodePath) -> bool {
        self.rows.contains_key(path)
    }

    /// What a node was asked, once it was.
    pub(crate) fn of(&self, row: &'a NodeRow) -> Option<NodeInput<'a>> {
        let request = row.request.as_deref()?;
        let upstream = request.upstream.iter();
        Some(NodeInput {
            config: request.shown_config(),
            input: self.input,
            upstream: upstream
                .map(|id| (id.as_str(), self.visible(&row.path, id).and_then(output)))
                .collect(),
            item: self.item(&row.path),
            repetition: self.repetition(&row.path),
        })
    }

    /// The row of the node with that id which a node sees: in its own scope, else in one around it.
    fn visible(&self, path: &NodePath, id: &str) -> Option<&'a NodeRow> {
        let beside = match path.around() {
            Some((around, ordinal)) => NodePath::inside(&around, ordinal, id),
            None => NodePath::top_level(id),
        };
        match self.rows.get(&beside) {
            Some(row) => Some(row),
            None => self.visible(&path.around()?.0, id),
        }
    }

    /// The item of the innermost body around a node that runs over items.
    fn item(&self, path: &NodePath) -> Option<&'a Json> {
        let (around, ordinal) = path.around()?;
        let row = self.rows.get(&around)?;
        let items = row
            .request
            .as_deref()
            .and_then(|request| request.items.as_deref());
        match items.zip(ordinal) {
            Some((items, ordinal)) => items.get(usize::try_from(ordinal).ok()?),
            None => self.item(&around),
        }
    }

    /// What a node was told of the innermost body around it.
    fn repetition(&self, path: &NodePath) -> Option<Json> {
        let (around, ordinal) = path.around()?;
        let Some(ordinal) = ordinal else {
            return self.repetition(&around);
        };
        let mut told = vec![("index", ordinal.into())];
        if let (Some(last), Some(body)) = (ordinal.checked_sub(1), self.bodies.get(around.node_id())) {
            let sinks = body.sinks().map(|node| body.node(node).id.as_str());
            let outputs = sinks
                .filter_map(|id| {
                    let row = self.rows.get(&NodePath::inside(&around, Some(last), id))?;
                    Some((id, output(row)?.clone()))
                })
                .collect();
            told.push(("last", outputs));
        }
        Some(told.into_iter().collect())
    }
}

fn bodies(workflow: &Compiled) -> HashMap<&str, &Graph> {
    let loops = workflow.nodes().filter_map(|node| match &node.kind {
        NodeKind::Loop(settings) => Some((node.id.as_str(), workflow.scope(settings.body))),
        _ => None,
    });
    loops.collect()
}

/// A completed node's output.
pub(crate) fn output(row: &NodeRow) -> Option<&Json> {
    match &row.state {
        NodeState::Completed(done) => Some(&done.output),
        _ => None,
    }
}
