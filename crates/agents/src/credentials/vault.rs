//! The encrypted store: secrets are sealed with XChaCha20-Poly1305 before a store sees them.
//!
//! Tenant and name are bound into the seal as associated data, so that whoever can write to the database, but has no
//! key, cannot put one secret in the place of another.

use std::{fmt, path::Path, str::FromStr, sync::Arc};

use agentchains_ports::{SealedSecret, SecretStore, StoreError};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, KeyInit, Payload},
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use thiserror::Error;

use super::source::{read_file, usable};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The longest name of a stored secret.
const MAX_NAME_BYTES: usize = 200;

/// Whether a stored secret can have this name: 1 to 200 letters, digits, `-`, `_` and `.`.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.bytes().all(is_part)
}

/// The key that stored secrets are sealed with: 32 bytes, written in base64 (RFC 4648, section 4).
pub struct SecretsKey(SecretBox<[u8; KEY_BYTES]>);

/// A text is no key.
#[derive(Debug, Error)]
pub enum InvalidKey {
    /// The file cannot be read.
    #[error("the file {path:?} {why}")]
    Unreadable {
        /// Which file.
        path: String,
        /// What is wrong with it; completes a sentence.
        why: String,
    },
    /// It is not 32 bytes in base64.
    #[error("a key is 32 bytes in base64, such as `head -c 32 /dev/urandom | base64` makes")]
    Malformed,
}

impl SecretsKey {
    /// Reads a key from a file.
    ///
    /// # Errors
    /// [`InvalidKey`] when there is no such file, or no key in it.
    pub fn from_file(path: &Path) -> Result<Self, InvalidKey> {
        let unreadable = |why| InvalidKey::Unreadable {
            path: path.display().to_string(),
            why,
        };
        read_file(path)
            .and_then(usable)
            .map_err(unreadable)?
            .expose_secret()
            .parse()
    }
}

impl FromStr for SecretsKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut key = SecretBox::new(Box::new([0; KEY_BYTES]));
        let room = secrecy::ExposeSecretMut::expose_secret_mut(&mut key);
        match BASE64_STANDARD.decode_slice(text.trim(), room) {
            Ok(KEY_BYTES) => Ok(Self(key)),
            _ => Err(InvalidKey::Malformed),
        }
    }
}

impl fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretsKey")
    }
}

/// Why a stored secret cannot be had, or not be stored.
#[derive(Debug, Error)]
pub enum VaultError {
    /// There is no key.
    #[error("there is no key for stored secrets; give --secrets-key-file, or AGENTCHAINS_SECRETS_KEY")]
    NoKey,
    /// No secret has that name.
    #[error("is not stored; store it with `agentchains secrets set`")]
    Absent,
    /// It was sealed with another key, or changed since.
    #[error("cannot be opened with this key; use the key that it was stored with, or store it again")]
    Sealed,
    /// No stored secret can have that name.
    #[error("a name has 1 to 200 letters, digits, `-`, `_` and `.`")]
    Name,
    /// The secret is none: empty, too long, or no text.
    #[error("the secret {0}")]
    Unusable(String),
    /// The store failed.
    #[error("cannot be read or written at the moment")]
    Store(#[from] StoreError),
}

/// The stored secrets of one tenant. Without a key they can be listed and deleted, and nothing else.
///
/// ```
/// use std::sync::Arc;
///
/// use agentchains_agents::{SecretsKey, Vault, VaultError};
/// use agentchains_ports::SecretStore;
/// use jiff::Timestamp;
///
/// /// Stores a secret for the agents of a server.
/// async fn store(store: Arc<dyn SecretStore>, key: SecretsKey, token: String) -> Result<(), VaultError> {
///     let vault = Vault::new(store, "default", Some(key));
///     vault.set("SEARCH_TOKEN", token.into(), Timestamp::now()).await
/// }
/// ```
#[derive(Clone)]
pub struct Vault {
    store: Arc<dyn SecretStore>,
    tenant: Arc<str>,
    key: Option<Arc<SecretsKey>>,
}

impl Vault {
    /// The stored secrets of `tenant`.
    #[must_use]
    pub fn new(store: Arc<dyn SecretStore>, tenant: &str, key: Option<SecretsKey>) -> Self {
        Self {
            store,
            tenant: tenant.into(),
            key: key.map(Arc::new),
        }
    }

    /// Those of another tenant, sealed with the same key.
    #[must_use]
    pub fn of_tenant(&self, tenant: &str) -> Self {
        Self {
            store: Arc::clone(&self.store),
            tenant: tenant.into(),
            key: self.key.clone(),
        }
    }

    /// Stores a secret, in the place of an earlier one of its name. A line break at its end does not belong to it.
    ///
    /// # Errors
    /// [`VaultError`] when it was not stored.
    pub async fn set(&self, name: &str, secret: SecretString, now: Timestamp) -> Result<(), VaultError> {
        if !is_secret_name(name) {
            return Err(VaultError::Name);
        }
        let secret = usable(secret).map_err(VaultError::Unusable)?;
        let sealed = SealedSecret {
            name: name.to_owned(),
            sealed: self.seal(name, &secret)?,
            created_at: now,
            updated_at: now,
        };
        Ok(self.store.save_secret(&self.tenant, &sealed).await?)
    }

    /// The secrets as they are stored, by name.
    ///
    /// # Errors
    /// [`VaultError::Store`] when the store could not be read.
    pub async fn list(&self) -> Result<Vec<SealedSecret>, VaultError> {
        Ok(self.store.secrets(&self.tenant).await?)
    }

    /// Removes a secret. False when there was none.
    ///
    /// # Errors
    /// [`VaultError::Store`] when nothing was written.
    pub async fn delete(&self, name: &str) -> Result<bool, VaultError> {
        Ok(self.store.delete_secret(&self.tenant, name).await?)
    }

    /// A secret by its name.
    pub(crate) async fn open(&self, name: &str) -> Result<SecretString, VaultError> {
        // Without a key there is nothing to be read for.
        self.cipher()?;
        let stored = self.store.secret(&self.tenant, name).await?;
        self.unseal(name, &stored.ok_or(VaultError::Absent)?.sealed)
    }

    /// Seals a secret, whoever keeps it.
    pub(crate) fn seal(&self, name: &str, secret: &SecretString) -> Result<Vec<u8>, VaultError> {
        let cipher = self.cipher()?;
        let unsealable = || VaultError::Unusable("cannot be sealed".to_owned());
        let nonce = XNonce::try_generate().map_err(|_| unsealable())?;
        let payload = Payload {
            msg: secret.expose_secret().as_bytes(),
            aad: &self.place(name),
        };
        let ciphertext = cipher.encrypt(&nonce, payload).map_err(|_| unsealable())?;
        Ok([nonce.as_slice(), &ciphertext].concat())
    }

    /// Undoes [`Vault::seal`].
    pub(crate) fn unseal(&self, name: &str, sealed: &[u8]) -> Result<SecretString, VaultError> {
        let cipher = self.cipher()?;
        let (nonce, ciphertext) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(VaultError::Sealed)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &self.place(name),
        };
        let opened = cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| VaultError::Sealed)?;
        String::from_utf8(opened)
            .map(SecretString::from)
            .map_err(|_| VaultError::Sealed)
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305, VaultError> {
        let key = self.key.as_ref().ok_or(VaultError::NoKey)?;
        Ok(XChaCha20Poly1305::new(key.0.expose_secret().into()))
    }

    /// What a seal is bound to. The length keeps `a` and `bc` apart from `ab` and `c`.
    fn place(&self, name: &str) -> Vec<u8> {
        let length = self.tenant.len().to_le_bytes();
        [&length, self.tenant.as_bytes(), name.as_bytes()].concat()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("tenant", &self.tenant)
            .field("has_key", &self.key.is_some())
            .finish_non_exhaustive()
    }
}
