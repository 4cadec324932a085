//! Table `agents`.

use agentchains_ports::{AgentKey, AgentRecord, AgentSource, StoreError};

use super::column::{from_json, micros, moment, number, to_json};
use crate::entity::agent;

/// Whose an agent is, and its id. What all tenants share is nobody's: its tenant is empty, as no tenant's name is.
pub(crate) fn key_columns(agent: &AgentKey) -> (String, String) {
    let tenant = agent.tenant().unwrap_or_default();
    (tenant.to_owned(), agent.agent_id().to_owned())
}

/// The agent of such columns.
pub(crate) fn agent_key(tenant: &str, agent_id: &str) -> AgentKey {
    if tenant.is_empty() {
        AgentKey::shared(agent_id)
    } else {
        AgentKey::of(tenant, agent_id)
    }
}

/// The row of an agent.
pub(crate) fn agent_model(record: &AgentRecord) -> Result<agent::Model, StoreError> {
    let (tenant, agent_id) = key_columns(&record.key);
    Ok(agent::Model {
        tenant,
        agent_id,
        definition: to_json("agents.definition", &record.definition)?,
        revision: i64::from(record.revision),
        created_at: micros(record.created_at),
        updated_at: micros(record.updated_at),
    })
}

/// An agent.
pub(crate) fn agent_record(model: agent::Model) -> Result<AgentRecord, StoreError> {
    Ok(AgentRecord {
        key: agent_key(&model.tenant, &model.agent_id),
        definition: from_json("agents.definition", &model.definition)?,
        source: AgentSource::Registry,
        revision: number("agents.revision", model.revision)?,
        created_at: moment("agents.created_at", model.created_at)?,
        updated_at: moment("agents.updated_at", model.updated_at)?,
    })
}
