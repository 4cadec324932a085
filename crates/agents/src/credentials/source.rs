//! Where secrets come from: the environment, files, the encrypted store. They are read at each use.

use std::{fs::File, io::Read, path::Path};

use agentchains_ports::SecretRef;
use secrecy::{ExposeSecret, SecretString};

use super::{CredentialError, SecretPolicy, Vault, VaultError, policy::not_allowed};

/// The largest secret, in bytes: room for a chain of certificates.
const MAX_BYTES: u64 = 64 << 10;

/// Variables of the server itself, its keys among them, are nobody's credential.
pub(crate) const OWN_VARIABLES: &str = "AGENTCHAINS_";

/// Reads the secrets that definitions name.
#[derive(Debug, Clone)]
pub(crate) struct SecretSource {
    vault: Option<Vault>,
    /// Where secrets may be read from.
    allowed: SecretPolicy,
    /// The same for agents that are registered.
    registered: SecretPolicy,
}

impl SecretSource {
    /// For agents that the settings declare: knows all of the environment and files, and the secrets of a vault.
    pub(crate) fn new(vault: Option<Vault>, registered: SecretPolicy) -> Self {
        Self {
            vault,
            allowed: SecretPolicy::any(),
            registered,
        }
    }

    /// For agents that a tenant has registered: with its own stored secrets.
    pub(crate) fn of_tenant(&self, tenant: &str) -> Self {
        Self {
            vault: self.vault.as_ref().map(|vault| vault.of_tenant(tenant)),
            allowed: self.registered.clone(),
            registered: self.registered.clone(),
        }
    }

    /// Where registered agents may have their secrets.
    pub(crate) fn registered(&self) -> &SecretPolicy {
        &self.registered
    }

    /// The secret at a place. The error names the place.
    pub(crate) async fn read(&self, place: &SecretRef) -> Result<SecretString, CredentialError> {
        let unusable = |why: String| CredentialError::permanent(format!("{place} {why}"));
        if !self.allowed.allows(place) {
            return Err(unusable(not_allowed()));
        }
        match place {
            SecretRef::Env(name) => variable(name).and_then(usable).map_err(unusable),
            SecretRef::File(path) => {
                let (path, allowed) = (path.clone(), self.allowed.clone());
                let read = tokio::task::spawn_blocking(move || {
                    let path = allowed.resolve(Path::new(&path)).map_err(unreadable)?;
                    read_file(&path.ok_or_else(not_allowed)?)
                });
                let read = read.await;
                let read = read.map_err(|_| CredentialError::transient(format!("{place} cannot be read")))?;
                read.and_then(usable).map_err(unusable)
            }
            SecretRef::Stored(name) => self.stored(name).await,
        }
    }

    /// A secret of the encrypted store.
    pub(crate) async fn stored(&self, name: &str) -> Result<SecretString, CredentialError> {
        let opened = match &self.vault {
            Some(vault) => vault.open(name).await,
            None => Err(VaultError::NoKey),
        };
        opened.map_err(|error| {
            let place = SecretRef::Stored(name.to_owned());
            match error {
                VaultError::NoKey => CredentialError::permanent(format!("{place} cannot be opened: {error}")),
                VaultError::Store(_) => CredentialError::transient(format!("{place} {error}")),
                _ => CredentialError::permanent(format!("{place} {error}")),
            }
        })
    }
}

fn variable(name: &str) -> Result<SecretString, String> {
    if name.starts_with(OWN_VARIABLES) {
        return Err("is the server's own; name another one".to_owned());
    }
    match std::env::var(name) {
        Ok(value) => Ok(value.into()),
        Err(std::env::VarError::NotPresent) => Err("is not set".to_owned()),
        Err(std::env::VarError::NotUnicode(_)) => Err("is not text".to_owned()),
    }
}

fn unreadable(error: std::io::Error) -> String {
    format!("cannot be read: {error}")
}

/// The text of a file. The error completes a sentence about the file.
pub(super) fn read_file(path: &Path) -> Result<SecretString, String> {
    // Opening a pipe would wait for whoever writes to it.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    // One byte more than may be there says that there is more.
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    Ok(text.into())
}

/// The secret without the line break at its end. The error completes a sentence about it.
pub(super) fn usable(secret: SecretString) -> Result<SecretString, String> {
    let text = secret.expose_secret();
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("has more than {MAX_BYTES} bytes"));
    }
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err("is empty".to_owned());
    }
    if line.len() == text.len() {
        return Ok(secret);
    }
    Ok(line.into())
}
