//! Table `nodes`.

use std::{mem::swap, sync::Arc};

use agentchains_cost::Usd;
use agentchains_machine::{NodePath, NodeRequest, NodeRow, NodeState, Waiting};
use agentchains_ports::StoreError;

use super::column::{
    corrupt, from_json, from_json_or_none, micros, moment_or_none, number, text, to_json, to_json_or_none,
    word,
};
use crate::entity::node;

pub(super) fn node_model(execution_id: &str, row: &NodeRow) -> Result<node::Model, StoreError> {
    let mut state = row.state.clone();
    let mut amounts = Amounts::default();
    amounts.swap(&mut state);
    Ok(node::Model {
        execution_id: execution_id.to_owned(),
        path: text(&row.path),
        node_id: row.node_id.clone(),
        kind: text(row.kind),
        position: i64::from(row.position),
        status: text(row.state.status()),
        state: to_json("nodes.state", &state)?,
        attempts: i64::from(row.attempts),
        attempts_before: i64::from(row.attempts_before),
        iteration: i64::from(row.iteration),
        request: to_json_or_none("nodes.request", row.request.as_deref())?,
        remote_task: to_json_or_none("nodes.remote_task", row.remote_task.as_ref())?,
        cost: row.cost.nanos(),
        cost_known: row.cost_known,
        overrun: row.overrun.nanos(),
        reserved: amounts.reserved.nanos(),
        child_spent: amounts.child_spent.nanos(),
        child_max_budget: amounts.child_max_budget.map(Usd::nanos),
        usage: to_json_or_none("nodes.usage", row.usage.as_ref())?,
        reused: row.reused,
        child_execution_id: row.child_execution_id.map(text),
        wake_at: row.state.due_at().map(micros),
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
    let mut amounts = Amounts {
        reserved: Usd::from_nanos(model.reserved),
        child_spent: Usd::from_nanos(model.child_spent),
        child_max_budget: model.child_max_budget.map(Usd::from_nanos),
    };
    amounts.swap(&mut state);
    Ok(NodeRow {
        path: NodePath::from(model.path),
        node_id: model.node_id,
        kind: word("nodes.type", &model.kind)?,
        position: number("nodes.position", model.position)?,
        state,
        attempts: number("nodes.attempts", model.attempts)?,
        attempts_before: number("nodes.attempts_before", model.attempts_before)?,
        iteration: number("nodes.iteration", model.iteration)?,
        request: from_json_or_none::<NodeRequest>("nodes.request", model.request.as_deref())?.map(Arc::new),
        remote_task: from_json_or_none("nodes.remote_task", model.remote_task.as_deref())?,
        cost: Usd::from_nanos(model.cost),
        cost_known: model.cost_known,
        overrun: Usd::from_nanos(model.overrun),
        usage: from_json_or_none("nodes.usage", model.usage.as_deref())?,
        reused: model.reused,
        child_execution_id: model
            .child_execution_id
            .map(|id| word("nodes.child_execution_id", &id))
            .transpose()?,
        started_at: moment_or_none("nodes.started_at", model.started_at)?,
        finished_at: moment_or_none("nodes.finished_at", model.finished_at)?,
    })
}

/// The amounts of a state. They are in their columns only: as numbers in JSON, large ones would be rounded.
#[derive(Default)]
struct Amounts {
    reserved: Usd,
    child_spent: Usd,
    child_max_budget: Option<Usd>,
}

impl Amounts {
    /// Exchanges them with those that the state holds: into the columns, and back.
    fn swap(&mut self, state: &mut NodeState) {
        match state {
            NodeState::Running(attempt) | NodeState::Waiting(Waiting::Held { attempt, .. }) => {
                swap(&mut self.reserved, &mut attempt.reserved);
            }
            NodeState::Child(child) => {
                swap(&mut self.child_spent, &mut child.spent);
                swap(&mut self.child_max_budget, &mut child.max_budget);
            }
            _ => {}
        }
    }
}
