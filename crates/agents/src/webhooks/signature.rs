//! Signatures of deliveries, as Standard Webhooks (1.0.0) has them: HMAC-SHA256 over id, time and body.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;

/// What a secret in text begins with.
const PREFIX: &str = "whsec_";

/// How many bytes a secret has.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// Bytes of a secret that is made here.
const MADE_BYTES: usize = 32;

/// A key that deliveries are signed with.
pub(super) struct SigningKey(SecretBox<Vec<u8>>);

/// Why a text is no secret; completes a sentence about it.
pub(super) const EXPECTED: &str =
    "must be `whsec_` and 24 to 64 bytes in base64; leave it out to have one made";

impl SigningKey {
    /// The key of a secret in text. None where it is not one.
    pub(super) fn of(secret: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
        LENGTHS
            .contains(&bytes.len())
            .then(|| Self(SecretBox::new(Box::new(bytes))))
    }

    /// The header `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).ok()?;
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        Some(format!("v1,{signature}"))
    }
}

/// A new secret, in text. None where the system has no random numbers.
pub(super) fn made() -> Option<SecretString> {
    let mut bytes = [0; MADE_BYTES];
    getrandom::fill(&mut bytes).ok()?;
    Some(format!("{PREFIX}{}", BASE64_STANDARD.encode(bytes)).into())
}

#[cfg(test)]
mod tests {
    use standardwebhooks::Webhook;

    use super::*;

    #[test]
    fn a_receiver_by_the_standards_own_library_accepts_what_is_signed() {
        let secret = made().unwrap();
        let key = SigningKey::of(secret.expose_secret()).unwrap();
        let receiver = Webhook::new(secret.expose_secret()).unwrap();
        let (id, at, body) = (
            "evt_1",
            1_767_225_600,
            "{\"type\":\"node.completed\",\"data\":\"ä\"}",
        );
        let signature = key.sign(id, at, body).unwrap();
        assert_eq!(receiver.sign(id, at, body.as_bytes()).unwrap(), signature);
        assert_ne!(key.sign("evt_2", at, body).unwrap(), signature);
    }

    #[test]
    fn what_is_too_short_too_long_or_something_else_is_no_secret() {
        let secret = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        for (text, expected) in [
            (secret(24), true),
            (secret(64), true),
            (secret(23), false),
            (secret(65), false),
            (secret(32).replace("whsec_", ""), false),
            (secret(32).replace("whsec_", "whpk_"), false),
            (format!("{}!", secret(32)), false),
            (String::new(), false),
        ] {
            assert_eq!(SigningKey::of(&text).is_some(), expected, "{text}");
        }
    }
}
