//! The secrets of webhooks as they are kept.

use agentchains_ports::{KeptSecret, SecretRef, Webhook};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::credentials::{SecretPolicy, SecretSource, Vault, VaultError};

/// How a secret is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    /// As it is, where the server has no key for secrets.
    Plain(String),
    /// Sealed with that key; in base64.
    Sealed(String),
    /// Elsewhere.
    At(SecretRef),
}

/// Why a secret cannot be had. Completes a sentence about the webhook.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSecret {
    #[error("its secret {0}")]
    Vault(#[from] VaultError),
    #[error("its secret cannot be had: {0}")]
    Place(String),
    #[error("its secret is kept in a form that is not known here")]
    Unknown,
}

/// What a seal is bound to besides the tenant. No stored secret has such a name.
fn name(id: &str) -> String {
    format!("webhook {id}")
}

/// The form in which a secret is kept.
pub(super) fn keep(
    vault: &Vault,
    tenant: &str,
    id: &str,
    secret: &SecretString,
) -> Result<KeptSecret, NoSecret> {
    let kept = match vault.of_tenant(tenant).seal(&name(id), secret) {
        Ok(sealed) => Kept::Sealed(BASE64_STANDARD.encode(sealed)),
        Err(VaultError::NoKey) => Kept::Plain(secret.expose_secret().to_owned()),
        Err(error) => return Err(error.into()),
    };
    to_text(&kept)
}

/// The form in which a secret is kept that is elsewhere.
pub(super) fn refer(place: SecretRef) -> Result<KeptSecret, NoSecret> {
    to_text(&Kept::At(place))
}

fn to_text(kept: &Kept) -> Result<KeptSecret, NoSecret> {
    let text = serde_json::to_string(kept).map_err(|_| NoSecret::Unknown)?;
    Ok(KeptSecret(text))
}

/// The secret of a webhook.
pub(super) async fn open(vault: &Vault, webhook: &Webhook) -> Result<SecretString, NoSecret> {
    let kept = serde_json::from_str(&webhook.secret.0).map_err(|_| NoSecret::Unknown)?;
    let vault = vault.of_tenant(&webhook.tenant);
    match kept {
        Kept::Plain(secret) => Ok(secret.into()),
        Kept::Sealed(sealed) => {
            let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| NoSecret::Unknown)?;
            Ok(vault.unseal(&name(&webhook.id), &sealed)?)
        }
        Kept::At(place) => {
            // Only the settings name places.
            let source = SecretSource::new(Some(vault), SecretPolicy::any());
            let read = source.read(&place).await;
            read.map_err(|error| NoSecret::Place(error.to_string()))
        }
    }
}
