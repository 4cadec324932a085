//! Table `breakers`.

use agentchains_ports::{BreakerRecord, BreakerSnapshot, StoreError};
use sea_orm::ActiveValue::{NotSet, Set};

use super::column::{from_json, number, to_json};
use crate::entity::breaker;

/// The row of a breaker that has just changed; the database numbers the change.
pub(crate) fn breaker_row(
    agent_id: &str,
    snapshot: &BreakerSnapshot,
) -> Result<breaker::ActiveModel, StoreError> {
    Ok(breaker::ActiveModel {
        change: NotSet,
        agent_id: Set(agent_id.to_owned()),
        snapshot: Set(to_json("breakers.snapshot", snapshot)?),
    })
}

/// A breaker.
pub(crate) fn breaker_record(model: breaker::Model) -> Result<BreakerRecord, StoreError> {
    Ok(BreakerRecord {
        change: number("breakers.change", model.change)?,
        snapshot: from_json("breakers.snapshot", &model.snapshot)?,
        agent_id: model.agent_id,
    })
}
