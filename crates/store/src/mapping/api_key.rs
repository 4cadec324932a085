//! Table `api_keys`.

use agentchains_ports::{ApiKey, StoreError};

use super::column::{micros, moment, moment_or_none, text, word};
use crate::entity::api_key;

/// The row of a key.
pub(crate) fn api_key_model(key: &ApiKey) -> api_key::Model {
    api_key::Model {
        id: key.id.clone(),
        tenant: key.tenant.clone(),
        role: text(key.role),
        name: key.name.clone(),
        hash: key.hash.clone(),
        created_at: micros(key.created_at),
        revoked_at: key.revoked_at.map(micros),
    }
}

/// A key.
pub(crate) fn api_key(model: api_key::Model) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: model.id,
        tenant: model.tenant,
        role: word("api_keys.role", &model.role)?,
        name: model.name,
        hash: model.hash,
        created_at: moment("api_keys.created_at", model.created_at)?,
        revoked_at: moment_or_none("api_keys.revoked_at", model.revoked_at)?,
    })
}
