//! Where secrets come from: the environment, files, the encrypted store. They are read at each use.

use std::{fs::File, io::Read, path::Path};

use agentchains_ports::SecretRef;
use secrecy::{ExposeSecret, SecretString};

use super::{CredentialError, Vault, VaultError};

/// The largest secret, in bytes: room for a chain of certificates.
const MAX_BYTES: u64 = 64 << 10;

/// Variables of the server itself, its keys among them, are nobody's credential.
pub(crate) const OWN_VARIABLES: &str = "AGENTCHAINS_";

/// Reads the secrets that definitions name.
#[derive(Debug, Clone, Default)]
pub(crate) struct SecretSource {
    vault: Option<Vault>,
}

impl SecretSource {
    /// Knows those of a vault besides the environment and files.
    pub(crate) fn new(vault: Option<Vault>) -> Self {
        Self { vault }
    }

    /// The same, with the stored secrets of that tenant.
    pub(crate) fn of_tenant(&self, tenant: &str) -> Self {
        Self {
            vault: self.vault.as_ref().map(|vault| vault.of_tenant(tenant)),
        }
    }

    /// The secret at a place. The error names the place.
    pub(crate) async fn read(&self, place: &SecretRef) -> Result<SecretString, CredentialError> {
        let unusable = |why: String| CredentialError::permanent(format!("{place} {why}"));
        match place {
            SecretRef::Env(name) => variable(name).and_then(usable).map_err(unusable),
            SecretRef::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || read_file(Path::new(&path))).await;
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

/// The text of a file. The error completes a sentence about the file.
pub(super) fn read_file(path: &Path) -> Result<SecretString, String> {
    let said = |error: std::io::Error| format!("cannot be read: {error}");
    // Opening a pipe would wait for whoever writes to it.
    if !path.metadata().map_err(said)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(said)?;
    // One byte more than may be there says that there is more.
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(said)?;
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
