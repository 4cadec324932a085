//! Table `secrets`.

use agentchains_ports::{SealedSecret, StoreError};

use super::column::{micros, moment};
use crate::entity::secret;

/// The row of a secret.
pub(crate) fn secret_model(tenant: &str, secret: &SealedSecret) -> secret::Model {
    secret::Model {
        tenant: tenant.to_owned(),
        name: secret.name.clone(),
        sealed: secret.sealed.clone(),
        created_at: micros(secret.created_at),
        updated_at: micros(secret.updated_at),
    }
}

/// A secret, as it was sealed.
pub(crate) fn sealed_secret(model: secret::Model) -> Result<SealedSecret, StoreError> {
    Ok(SealedSecret {
        name: model.name,
        sealed: model.sealed,
        created_at: moment("secrets.created_at", model.created_at)?,
        updated_at: moment("secrets.updated_at", model.updated_at)?,
    })
}
