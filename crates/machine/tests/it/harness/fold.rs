//! The statuses of an execution and its nodes as the events tell them, one after the other.

use std::{borrow::Cow, collections::BTreeMap};

use agentchains_machine::{Event, EventType, ExecutionStatus, NodePath, NodeStatus};

use super::rows::Rows;

/// What the events up to one of them tell.
pub(super) struct Fold {
    pub(super) execution: ExecutionStatus,
    nodes: BTreeMap<String, NodeStatus>,
}

impl Fold {
    /// What the events of these rows told.
    pub(super) fn of(rows: &Rows) -> Self {
        let nodes = rows.nodes.iter();
        Self {
            execution: rows.execution.status,
            nodes: nodes
                .map(|(path, row)| (path.clone(), row.state.status()))
                .collect(),
        }
    }

    pub(super) fn status(&self, path: &str) -> NodeStatus {
        self.nodes.get(path).copied().unwrap_or(NodeStatus::Pending)
    }

    /// The nodes that were told of.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// The node that the next event says has started, or has done so and is done.
    pub(super) fn started(&self, next: &Event) -> Option<NodePath> {
        let path = node_of(next)?;
        let to = status_in::<NodeStatus>(next);
        let leaves_pending = self.status(&path) == NodeStatus::Pending
            && matches!(
                to,
                NodeStatus::Running | NodeStatus::Waiting | NodeStatus::Completed
            );
        (leaves_pending || next.kind == EventType::NodeStarted).then(|| NodePath::from(path))
    }

    pub(super) fn take(&mut self, next: &Event) {
        if let Some(path) = node_of(next) {
            self.nodes.insert(path, status_in(next));
        } else if next.kind.as_str().starts_with("execution.") {
            self.execution = status_in(next);
        }
    }
}

/// The node that an event is about.
pub(super) fn node_of(event: &Event) -> Option<String> {
    let is_about_a_node = event.kind.as_str().starts_with("node.");
    is_about_a_node.then(|| text_in(event, "path")).flatten()
}

/// A particular of an event, where it is a text.
pub(super) fn text_in(event: &Event, name: &str) -> Option<String> {
    event.data.member(name)?.as_text().map(Cow::into_owned)
}

fn status_in<Status: std::str::FromStr<Err: std::fmt::Debug>>(event: &Event) -> Status {
    text_in(event, "status").unwrap().parse().unwrap()
}
