//! Tables `executions`, `execution_inputs` and `execution_labels`.

use agentchains_cost::Usd;
use agentchains_machine::{Changes, ExecutionRow, NodePath, Parent};
use agentchains_ports::{Fence, StoreError};

use super::column::{
    corrupt, count, from_json, from_json_or_none, from_variant, micros, moment, moment_or_none, number, text,
    to_json, to_json_or_none, to_variant, word,
};
use crate::entity::{execution, execution_input, execution_label};

pub(super) fn execution_model(row: &ExecutionRow, fence: Fence) -> Result<execution::Model, StoreError> {
    let parent = row.parent.as_ref();
    Ok(execution::Model {
        id: text(row.id),
        tenant: row.tenant.clone(),
        workflow_id: text(row.workflow_id),
        workflow_version: i64::from(row.workflow_version),
        status: text(row.status),
        pause_reason: row.pause_reason.map(text),
        ending: to_json_or_none("executions.ending", row.ending.as_ref())?,
        output: row.output.as_ref().map(text),
        error: to_json_or_none("executions.error", row.error.as_ref())?,
        max_budget: row.max_budget.map(Usd::nanos),
        on_budget: to_variant("executions.on_budget", &row.on_budget)?,
        spent: row.spent.nanos(),
        reserved: row.reserved.nanos(),
        cost_known: row.cost_known,
        labels: to_json("executions.labels", &row.labels)?,
        initiated_by: row.initiated_by.clone(),
        parent_execution_id: parent.map(|parent| text(parent.execution_id)),
        root_execution_id: text(row.root()),
        parent_path: parent.map(|parent| text(&parent.path)),
        depth: i64::from(row.depth()),
        parent_waits: parent.is_some_and(|parent| parent.waits),
        parent_budgets: to_json_or_none("executions.parent_budgets", parent.map(|parent| &parent.budgets))?,
        parent_holds: parent.is_some_and(|parent| parent.holds),
        forked_from: row.forked_from.map(text),
        created_at: micros(row.created_at),
        started_at: row.started_at.map(micros),
        finished_at: row.finished_at.map(micros),
        deadline: row.deadline.map(micros),
        wake_at: row.wake_at.map(micros),
        last_seq: count("executions.last_seq", row.last_seq)?,
        in_flight: i64::from(row.in_flight),
        children: i64::from(row.children),
        nodes_total: i64::from(row.nodes_total),
        nodes_settled: i64::from(row.nodes_settled),
        is_driven: row.is_driven,
        recoveries: i64::from(row.recoveries),
        revision: count("executions.revision", fence.revision)?,
        lease_epoch: count("executions.lease_epoch", fence.epoch)?,
    })
}

/// What an execution was started with, which is written once.
pub(crate) fn input_model(changes: &Changes) -> Result<execution_input::Model, StoreError> {
    Ok(execution_input::Model {
        execution_id: text(changes.execution.id),
        input: text(&changes.execution.input),
    })
}

/// The index of an execution's labels, which is written once.
pub(crate) fn label_models(changes: &Changes) -> Vec<execution_label::Model> {
    let label = |(name, value): (&String, &String)| execution_label::Model {
        execution_id: text(changes.execution.id),
        name: name.clone(),
        value: value.clone(),
    };
    changes.execution.labels.iter().map(label).collect()
}

/// An execution with its fence.
pub(crate) fn execution_row(
    (model, input): (execution::Model, Option<execution_input::Model>),
) -> Result<(ExecutionRow, Fence), StoreError> {
    let input = input.ok_or_else(|| corrupt("execution_inputs", "an execution has no input"))?;
    let fence = Fence {
        epoch: number("executions.lease_epoch", model.lease_epoch)?,
        revision: number("executions.revision", model.revision)?,
    };
    let parent = parent(&model)?;
    let row = ExecutionRow {
        id: word("executions.id", &model.id)?,
        tenant: model.tenant,
        workflow_id: word("executions.workflow_id", &model.workflow_id)?,
        workflow_version: number("executions.workflow_version", model.workflow_version)?,
        status: word("executions.status", &model.status)?,
        pause_reason: model
            .pause_reason
            .map(|reason| word("executions.pause_reason", &reason))
            .transpose()?,
        ending: from_json_or_none("executions.ending", model.ending.as_deref())?,
        input: from_json("execution_inputs.input", &input.input)?,
        output: from_json_or_none("executions.output", model.output.as_deref())?,
        error: from_json_or_none("executions.error", model.error.as_deref())?,
        max_budget: model.max_budget.map(Usd::from_nanos),
        on_budget: from_variant("executions.on_budget", &model.on_budget)?,
        spent: Usd::from_nanos(model.spent),
        reserved: Usd::from_nanos(model.reserved),
        cost_known: model.cost_known,
        labels: from_json("executions.labels", &model.labels)?,
        initiated_by: model.initiated_by,
        parent,
        forked_from: model
            .forked_from
            .map(|id| word("executions.forked_from", &id))
            .transpose()?,
        created_at: moment("executions.created_at", model.created_at)?,
        started_at: moment_or_none("executions.started_at", model.started_at)?,
        finished_at: moment_or_none("executions.finished_at", model.finished_at)?,
        deadline: moment_or_none("executions.deadline", model.deadline)?,
        wake_at: moment_or_none("executions.wake_at", model.wake_at)?,
        last_seq: number("executions.last_seq", model.last_seq)?,
        in_flight: number("executions.in_flight", model.in_flight)?,
        children: number("executions.children", model.children)?,
        nodes_total: number("executions.nodes_total", model.nodes_total)?,
        nodes_settled: number("executions.nodes_settled", model.nodes_settled)?,
        is_driven: model.is_driven,
        recoveries: number("executions.recoveries", model.recoveries)?,
    };
    Ok((row, fence))
}

/// Where an execution hangs in its tree. Whatever is not below another one is the top of its own.
fn parent(model: &execution::Model) -> Result<Option<Parent>, StoreError> {
    let root_execution_id = word("executions.root_execution_id", &model.root_execution_id)?;
    let Some(execution_id) = &model.parent_execution_id else {
        if model.root_execution_id != model.id {
            return Err(corrupt(
                "executions.root_execution_id",
                "it is another one's, without a parent",
            ));
        }
        return Ok(None);
    };
    let path = model.parent_path.clone();
    Ok(Some(Parent {
        execution_id: word("executions.parent_execution_id", execution_id)?,
        root_execution_id,
        path: path
            .map(NodePath::from)
            .ok_or_else(|| corrupt("executions.parent_path", "a child has none"))?,
        depth: number("executions.depth", model.depth)?,
        waits: model.parent_waits,
        budgets: from_json_or_none("executions.parent_budgets", model.parent_budgets.as_deref())?
            .ok_or_else(|| corrupt("executions.parent_budgets", "a child has none"))?,
        holds: model.parent_holds,
    }))
}
