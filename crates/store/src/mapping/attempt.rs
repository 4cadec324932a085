//! Table `attempts`.

use agentchains_cost::Usd;
use agentchains_machine::{AttemptRow, MessageId, NodePath};
use agentchains_ports::StoreError;

use super::column::{
    from_json, from_json_or_none, micros, moment, moment_or_none, number, text, to_json, to_json_or_none,
    word,
};
use crate::entity::attempt;

pub(super) fn attempt_model(execution_id: &str, row: &AttemptRow) -> Result<attempt::Model, StoreError> {
    Ok(attempt::Model {
        execution_id: execution_id.to_owned(),
        path: text(&row.path),
        number: i64::from(row.number),
        agent_id: row.agent_id.clone(),
        message_id: text(row.message_id),
        status: text(row.status),
        reserved: row.reserved.nanos(),
        cost: row.cost.nanos(),
        cost_known: row.cost_known,
        lines: to_json("attempts.lines", &row.lines)?,
        price_version: row.price_version.map(i64::from),
        overrun: row.overrun.nanos(),
        usage: to_json_or_none("attempts.usage", row.usage.as_ref())?,
        error: to_json_or_none("attempts.error", row.error.as_ref())?,
        started_at: micros(row.started_at),
        finished_at: row.finished_at.map(micros),
    })
}

/// A line of the ledger.
pub(crate) fn attempt_row(model: attempt::Model) -> Result<AttemptRow, StoreError> {
    Ok(AttemptRow {
        path: NodePath::from(model.path),
        number: number("attempts.number", model.number)?,
        agent_id: model.agent_id,
        message_id: word::<MessageId>("attempts.message_id", &model.message_id)?,
        status: word("attempts.status", &model.status)?,
        reserved: Usd::from_nanos(model.reserved),
        cost: Usd::from_nanos(model.cost),
        cost_known: model.cost_known,
        lines: from_json("attempts.lines", &model.lines)?,
        price_version: model
            .price_version
            .map(|version| number("attempts.price_version", version))
            .transpose()?,
        overrun: Usd::from_nanos(model.overrun),
        usage: from_json_or_none("attempts.usage", model.usage.as_deref())?,
        error: from_json_or_none("attempts.error", model.error.as_deref())?,
        started_at: moment("attempts.started_at", model.started_at)?,
        finished_at: moment_or_none("attempts.finished_at", model.finished_at)?,
    })
}
