//! Table `breakers`.

use agentchains_ports::{AgentKey, BreakerRecord, BreakerSnapshot, StoreError};
use sea_orm::ActiveValue::{NotSet, Set};

use super::{
    agent::{agent_key, key_columns},
    column::{from_json, number, to_json},
};
use crate::entity::breaker;

/// The row of a breaker that has just changed; the database numbers the change.
pub(crate) fn breaker_row(
    agent: &AgentKey,
    snapshot: &BreakerSnapshot,
) -> Result<breaker::ActiveModel, StoreError> {
    let (tenant, agent_id) = key_columns(agent);
    Ok(breaker::ActiveModel {
        change: NotSet,
        tenant: Set(tenant),
        agent_id: Set(agent_id),
        snapshot: Set(to_json("breakers.snapshot", snapshot)?),
    })
}

/// A breaker.
pub(crate) fn breaker_record(model: breaker::Model) -> Result<BreakerRecord, StoreError> {
    Ok(BreakerRecord {
        change: number("breakers.change", model.change)?,
        snapshot: from_json("breakers.snapshot", &model.snapshot)?,
        agent: agent_key(&model.tenant, &model.agent_id),
    })
}
