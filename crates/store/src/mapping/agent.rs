//! Table `agents`.

use agentchains_ports::{AgentRecord, AgentSource, StoreError};

use super::column::{from_json, micros, moment, number, to_json};
use crate::entity::agent;

/// The row of an agent.
pub(crate) fn agent_model(record: &AgentRecord) -> Result<agent::Model, StoreError> {
    Ok(agent::Model {
        agent_id: record.definition.agent_id.clone(),
        definition: to_json("agents.definition", &record.definition)?,
        revision: i64::from(record.revision),
        created_at: micros(record.created_at),
        updated_at: micros(record.updated_at),
    })
}

/// An agent.
pub(crate) fn agent_record(model: agent::Model) -> Result<AgentRecord, StoreError> {
    Ok(AgentRecord {
        definition: from_json("agents.definition", &model.definition)?,
        source: AgentSource::Registry,
        revision: number("agents.revision", model.revision)?,
        created_at: moment("agents.created_at", model.created_at)?,
        updated_at: moment("agents.updated_at", model.updated_at)?,
    })
}
