//! The nodes of an execution: the workflow's nodes in document order, each with its row where it has one, and the
//! members of groups and loops once they have one.

use std::{cmp::Ordering, fmt};

use agentchains_engine::{
    ExecutionView,
    cost::{Usage, Usd},
    machine::{
        ExecutionId, Failure, NodePath, NodeRow, NodeState, NodeStatus, NodeType, RemoteCancel, SkipReason,
        time::rfc3339_millis,
    },
    ports::compare_paths,
    workflow::{self, Json},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::wire::{
    asked::{Asked, NodeInput, output},
    waiting::WaitingOn,
};

/// A node of an execution.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Node<'a> {
    node_id: &'a str,
    path: NodePath,
    #[serde(rename = "type")]
    kind: NodeType,
    status: NodeStatus,
    /// Attempts that were sent.
    attempt: u32,
    input: Option<NodeInput<'a>>,
    output: Option<&'a Json>,
    error: Option<&'a Failure>,
    skip_reason: Option<&'a SkipReason>,
    cost_usd: Usd,
    reserved_usd: Usd,
    cost_known: bool,
    /// By how much its attempts cost more than was reserved for them.
    overrun_usd: Usd,
    usage: Option<&'a Usage>,
    /// Whether its result was taken over from another execution.
    reused: bool,
    /// Whether `on_error` replaced its failure by an output; `error` then has the failure.
    used_fallback: bool,
    #[serde(with = "rfc3339_millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    started_at: Option<Timestamp>,
    #[serde(with = "rfc3339_millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    finished_at: Option<Timestamp>,
    waiting_on: Option<WaitingOn<'a>>,
    remote_task_id: Option<&'a str>,
    remote_cancel: Option<RemoteCancel>,
    child_execution_id: Option<ExecutionId>,
}

/// A place in the list of nodes: a position in the document, and a path. As text it is made of characters that need no
/// escape in a query (RFC 3986, section 3.4): `4/refine~2/draft`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(u32, NodePath);

impl Place {
    /// Reads what is shown of a place.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (position, path) = text.split_once('/')?;
        let steps = path.split('/').map(|step| match step.split_once('~') {
            Some((id, ordinal)) => format!("{id}[{ordinal}]"),
            None => step.to_owned(),
        });
        let path = steps.collect::<Vec<_>>().join("/");
        Some(Self(position.parse().ok()?, path.into()))
    }

    fn compare(&self, other: &Self) -> Ordering {
        let by_position = self.0.cmp(&other.0);
        by_position.then_with(|| compare_paths(&self.1, &other.1))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.1.as_str().replace('[', "~").replace(']', "");
        write!(f, "{}/{path}", self.0)
    }
}

/// The nodes after a place: the workflow's own, and the members of groups and loops that have a row. With them the
/// place of the last one, where more follow.
pub(crate) fn nodes<'a>(
    view: &'a ExecutionView,
    after: Option<&Place>,
    limit: usize,
) -> (Vec<Node<'a>>, Option<Place>) {
    let asked = Asked::new(view);
    let graph = view.workflow.graph();
    let pending = graph.indices().filter_map(|index| {
        let node = graph.node(index);
        let path = NodePath::top_level(&node.id);
        let shown = (!asked.has_row(&path)).then(|| Node::pending(node))?;
        Some((Place(node.position, path), shown))
    });
    let known = view.nodes.iter().map(|row| {
        let shown = Node::of_row(row, asked.of(row));
        (Place(row.position, row.path.clone()), shown)
    });
    let wanted =
        |(place, _): &(Place, Node<'a>)| after.is_none_or(|after| place.compare(after) == Ordering::Greater);
    let mut listed: Vec<(Place, Node<'a>)> = known.chain(pending).filter(wanted).collect();
    listed.sort_by(|(a, _), (b, _)| a.compare(b));
    let has_more = listed.len() > limit;
    listed.truncate(limit);
    let last = listed.last().filter(|_| has_more).map(|(place, _)| place.clone());
    (listed.into_iter().map(|(_, node)| node).collect(), last)
}

impl<'a> Node<'a> {
    /// A node that has no row yet.
    fn pending(node: &'a workflow::Node) -> Self {
        Self {
            node_id: &node.id,
            path: NodePath::top_level(&node.id),
            kind: NodeType::of(&node.kind),
            status: NodeStatus::Pending,
            attempt: 0,
            input: None,
            output: None,
            error: None,
            skip_reason: None,
            cost_usd: Usd::ZERO,
            reserved_usd: Usd::ZERO,
            cost_known: true,
            overrun_usd: Usd::ZERO,
            usage: None,
            reused: false,
            used_fallback: false,
            started_at: None,
            finished_at: None,
            waiting_on: None,
            remote_task_id: None,
            remote_cancel: None,
            child_execution_id: None,
        }
    }

    fn of_row(row: &'a NodeRow, input: Option<NodeInput<'a>>) -> Self {
        let mut node = Self {
            node_id: &row.node_id,
            path: row.path.clone(),
            kind: row.kind,
            status: row.state.status(),
            attempt: row.attempts,
            input,
            output: output(row),
            error: None,
            skip_reason: None,
            cost_usd: row.cost,
            reserved_usd: row.state.reserved(),
            cost_known: row.cost_known,
            overrun_usd: row.overrun,
            usage: row.usage.as_ref(),
            reused: row.reused,
            used_fallback: false,
            started_at: row.started_at,
            finished_at: row.finished_at,
            waiting_on: WaitingOn::of(&row.state),
            remote_task_id: row.remote_task.as_ref().map(|task| task.task_id.as_str()),
            remote_cancel: None,
            child_execution_id: row.child_execution_id,
        };
        match &row.state {
            NodeState::Pending
            | NodeState::Running(_)
            | NodeState::Open { .. }
            | NodeState::Child(_)
            | NodeState::Waiting(_) => {}
            NodeState::Completed(done) => {
                node.used_fallback = done.replaced.is_some();
                node.error = done.replaced.as_ref();
            }
            NodeState::Failed(failed) => {
                node.error = Some(&failed.failure);
                node.remote_cancel = failed.remote_cancel;
            }
            NodeState::Skipped(reason) => node.skip_reason = Some(reason),
            NodeState::Cancelled { remote_cancel } => node.remote_cancel = *remote_cancel,
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_shown_and_needs_no_escape() {
        for (position, path, shown) in [
            (0, "a", "0/a"),
            (4, "refine[2]/draft", "4/refine~2/draft"),
            (7, "a[10]/b-c/d_e[0]/f", "7/a~10/b-c/d_e~0/f"),
        ] {
            let place = Place(position, path.to_owned().into());
            assert_eq!(place.to_string(), shown);
            assert_eq!(Place::parse(shown), Some(place));
        }
        assert_eq!(Place::parse("x/a"), None);
        assert_eq!(Place::parse("4"), None);
    }
}
