//! Table `nodes`.

use std::{borrow::Cow, sync::Arc};

use agentchains_cost::Usd;
use agentchains_machine::{Attempt, NodePath, NodeRequest, NodeRow, NodeState};
use agentchains_ports::StoreError;

use super::column::{
    corrupt, from_json, from_json_or_none, micros, moment_or_none, text, to_json, to_json_or_none, word,
};
use crate::entity::node;

pub(super) fn node_model(execution_id: &str, row: &NodeRow) -> Result<node::Model, StoreError> {
    Ok(node::Model {
        execution_id: execution_id.to_owned(),
        path: text(&row.path),
        node_id: row.node_id.clone(),
        kind: text(row.kind),
        position: row.position,
        status: text(row.state.status()),
        state: to_json("nodes.state", &*without_reservation(&row.state))?,
        attempts: row.attempts,
        request: to_json_or_none("nodes.request", row.request.as_deref())?,
        remote_task: to_json_or_none("nodes.remote_task", row.remote_task.as_ref())?,
        cost: row.cost.nanos(),
        cost_known: row.cost_known,
        reserved: row.state.reserved().nanos(),
        usage: to_json_or_none("nodes.usage", row.usage.as_ref())?,
        wake_at: wake_at(&row.state),
        started_at: row.started_at.map(micros),
        finished_at: row.finished_at.map(micros),
    })
}

/// A node. Its status is compared with what `state` says, so that checks by SQL can trust it.
pub(crate) fn node_row(model: node::Model) -> Result<NodeRow, StoreError> {
    let mut state: NodeState = from_json("nodes.state", &model.state)?;
    if state.status().as_str() != model.status {
        let problem = format!("{:?} is not what `state` says", model.status);
        return Err(corrupt("nodes.status", problem));
    }
    if let NodeState::Running(attempt) = &mut state {
        attempt.reserved = Usd::from_nanos(model.reserved);
    }
    Ok(NodeRow {
        path: NodePath::from(model.path),
        node_id: model.node_id,
        kind: word("nodes.type", &model.kind)?,
        position: model.position,
        state,
        attempts: model.attempts,
        request: from_json_or_none::<NodeRequest>("nodes.request", model.request.as_deref())?.map(Arc::new),
        remote_task: from_json_or_none("nodes.remote_task", model.remote_task.as_deref())?,
        cost: Usd::from_nanos(model.cost),
        cost_known: model.cost_known,
        usage: from_json_or_none("nodes.usage", model.usage.as_deref())?,
        started_at: moment_or_none("nodes.started_at", model.started_at)?,
        finished_at: moment_or_none("nodes.finished_at", model.finished_at)?,
    })
}

/// The state as it is written: the reservation is in its column only, where no large amount is rounded.
fn without_reservation(state: &NodeState) -> Cow<'_, NodeState> {
    match state {
        NodeState::Running(attempt) => Cow::Owned(NodeState::Running(Attempt {
            reserved: Usd::ZERO,
            ..attempt.clone()
        })),
        other => Cow::Borrowed(other),
    }
}

fn wake_at(state: &NodeState) -> Option<i64> {
    match state {
        NodeState::Running(attempt) => Some(micros(attempt.deadline)),
        NodeState::Waiting(waiting) => waiting.due_at().map(micros),
        _ => None,
    }
}
