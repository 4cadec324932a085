//! The nodes of an execution: the graph's nodes in document order, each with its row where it has one.

use std::{collections::HashMap, sync::Arc};

use agentchains_engine::{
    ExecutionView,
    cost::{Usage, Usd},
    machine::{
        ExecutionId, Failure, NodePath, NodeRow, NodeState, NodeStatus, NodeType, RemoteCancel, SkipReason,
        Waiting, time::rfc3339_millis,
    },
    workflow,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// A node of an execution.
#[derive(Serialize)]
pub(crate) struct Node<'a> {
    node_id: &'a str,
    path: NodePath,
    #[serde(rename = "type")]
    kind: NodeType,
    status: NodeStatus,
    /// Attempts that were sent.
    attempt: u32,
    input: Option<NodeInput<'a>>,
    output: Option<&'a Value>,
    error: Option<&'a Failure>,
    skip_reason: Option<&'a SkipReason>,
    cost_usd: Usd,
    reserved_usd: Usd,
    cost_known: bool,
    usage: Option<&'a Usage>,
    /// Whether its result was taken over from another execution.
    reused: bool,
    /// Whether `on_error` replaced its failure by an output; `error` then has the failure.
    used_fallback: bool,
    #[serde(with = "rfc3339_millis::option")]
    started_at: Option<Timestamp>,
    #[serde(with = "rfc3339_millis::option")]
    finished_at: Option<Timestamp>,
    waiting_on: Option<&'a Waiting>,
    remote_task_id: Option<&'a str>,
    remote_cancel: Option<RemoteCancel>,
    child_execution_id: Option<ExecutionId>,
}

/// What a node was asked.
#[derive(Serialize)]
struct NodeInput<'a> {
    config: &'a Value,
    /// The execution's input.
    input: &'a Value,
    /// The outputs of the predecessors that were live.
    upstream: HashMap<&'a str, Option<&'a Value>>,
}

/// The nodes from position `from` on.
pub(crate) fn nodes(view: &ExecutionView, from: usize, limit: usize) -> Vec<Node<'_>> {
    let rows: HashMap<&str, &NodeRow> = view.nodes.iter().map(|row| (row.path.as_str(), row)).collect();
    let graph = view.workflow.graph();
    let wanted = graph.indices().skip(from).take(limit);
    wanted
        .map(|index| {
            let node = graph.node(index);
            match rows.get(node.id.as_str()) {
                Some(row) => Node::of_row(row, &view.execution.input, &rows),
                None => Node::pending(node),
            }
        })
        .collect()
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

    fn of_row(row: &'a NodeRow, input: &'a Arc<Value>, rows: &HashMap<&str, &'a NodeRow>) -> Self {
        let request = row.request.as_deref();
        let mut node = Self {
            node_id: &row.node_id,
            path: row.path.clone(),
            kind: row.kind,
            status: row.state.status(),
            attempt: row.attempts,
            input: request.map(|request| NodeInput {
                config: &request.config,
                input,
                upstream: request
                    .upstream
                    .iter()
                    .map(|id| (id.as_str(), rows.get(id.as_str()).and_then(|row| output(row))))
                    .collect(),
            }),
            output: output(row),
            error: None,
            skip_reason: None,
            cost_usd: row.cost,
            reserved_usd: row.state.reserved(),
            cost_known: row.cost_known,
            usage: row.usage.as_ref(),
            reused: false,
            used_fallback: false,
            started_at: row.started_at,
            finished_at: row.finished_at,
            waiting_on: None,
            remote_task_id: row.remote_task.as_ref().map(|task| task.task_id.as_str()),
            remote_cancel: None,
            child_execution_id: None,
        };
        match &row.state {
            NodeState::Pending | NodeState::Running(_) => {}
            NodeState::Waiting(waiting) => node.waiting_on = Some(waiting),
            NodeState::Completed(done) => {
                node.used_fallback = done.replaced.is_some();
                node.error = done.replaced.as_ref();
            }
            NodeState::Failed(failed) => node.error = Some(&failed.failure),
            NodeState::Skipped(reason) => node.skip_reason = Some(reason),
            NodeState::Cancelled { remote_cancel } => node.remote_cancel = *remote_cancel,
        }
        node
    }
}

fn output(row: &NodeRow) -> Option<&Value> {
    match &row.state {
        NodeState::Completed(done) => Some(&done.output),
        _ => None,
    }
}
