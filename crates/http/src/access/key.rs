//! API keys: `ac_<id>_<secret>`, of which the server keeps everything but the secret.

use agentchains_engine::ports::{ApiKey, Role};
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;

/// What keys begin with, so that they are recognised where they should not be.
const PREFIX: &str = "ac_";

/// What the keys of the hashes are for (BLAKE3, section 2.3).
const CONTEXT: &str = "AgentChains 2026-11-23 secrets of API keys";

const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;

/// A key that was just made.
#[derive(Debug)]
pub struct NewApiKey {
    /// What is stored.
    pub record: ApiKey,
    /// The key itself. It cannot be found out again.
    pub key: String,
}

/// Makes a key from what the operating system has of randomness.
///
/// # Errors
/// What the operating system says when it has none.
///
/// ```
/// use agentchains_engine::ports::Role;
/// use agentchains_http::new_api_key;
///
/// let new = new_api_key("acme", Role::Runner, "nightly", jiff::Timestamp::UNIX_EPOCH)?;
/// assert!(new.key.starts_with(&format!("ac_{}_", new.record.id)));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn new_api_key(tenant: &str, role: Role, name: &str, now: Timestamp) -> std::io::Result<NewApiKey> {
    let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
    getrandom::fill(&mut id).map_err(std::io::Error::other)?;
    getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
    let (id, secret) = (hex(&id), hex(&secret));
    Ok(NewApiKey {
        key: format!("{PREFIX}{id}_{secret}"),
        record: ApiKey {
            hash: hash(&id, &secret),
            id,
            tenant: tenant.to_owned(),
            role,
            name: name.to_owned(),
            created_at: now,
            revoked_at: None,
        },
    })
}

/// What somebody shows as a key.
pub(super) struct Presented<'a> {
    pub(super) id: &'a str,
    secret: &'a str,
}

impl<'a> Presented<'a> {
    /// `None` where it is no key at all.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = |text: &str, bytes: usize| {
            text.len() == 2 * bytes && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        (is_hex(id, ID_BYTES) && is_hex(secret, SECRET_BYTES)).then_some(Self { id, secret })
    }

    /// Whether it is that key, whatever has become of it. How long this takes says nothing about the secret.
    pub(super) fn is(&self, key: &ApiKey) -> bool {
        let shown = hash(self.id, self.secret);
        self.id == key.id && bool::from(shown.as_bytes().ct_eq(key.hash.as_bytes()))
    }
}

/// A hash under a key of its own for each id, so that a hash is of no use under another.
fn hash(id: &str, secret: &str) -> String {
    let key = blake3::derive_key(CONTEXT, id.as_bytes());
    blake3::keyed_hash(&key, secret.as_bytes()).to_hex().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> NewApiKey {
        new_api_key("acme", Role::Viewer, "me", Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_key_is_recognised_by_its_secret_alone() {
        let (one, other) = (made(), made());
        let presented = Presented::read(&one.key).unwrap();
        assert_eq!(presented.id, one.record.id);
        assert!(presented.is(&one.record));
        assert!(!presented.is(&other.record));
        let forged = format!("ac_{}_{}", one.record.id, "0".repeat(2 * SECRET_BYTES));
        assert!(!Presented::read(&forged).unwrap().is(&one.record));
        let stolen = ApiKey {
            hash: one.record.hash.clone(),
            ..other.record
        };
        let (_, secret) = one.key.rsplit_once('_').unwrap();
        let shown = format!("ac_{}_{secret}", stolen.id);
        assert!(
            !Presented::read(&shown).unwrap().is(&stolen),
            "a hash belongs to its id"
        );
    }

    #[test]
    fn what_is_stored_does_not_hold_the_secret() {
        let new = made();
        let (_, secret) = new.key.rsplit_once('_').unwrap();
        assert!(!format!("{:?}", new.record).contains(secret));
    }

    #[test]
    fn only_keys_are_read() {
        let key = made().key;
        for text in [
            "",
            "ac_",
            "ac__",
            &key[3..],
            &key[..key.len() - 1],
            &key.to_uppercase(),
            &format!("{key}0"),
            &format!("{key}é"),
        ] {
            assert!(Presented::read(text).is_none(), "{text:?}");
        }
    }
}
