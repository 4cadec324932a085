//! Digests, the same wherever they are computed.

use std::fmt::Write;

use agentchains_workflow::Json;
use sha2::{Digest, Sha256};

/// `sha256:` and the SHA-256 (FIPS 180-4) of the value's canonical JSON in hexadecimal.
///
/// # Examples
/// ```
/// use agentchains_machine::hash_of;
/// use agentchains_workflow::Json;
/// use serde_json::json;
///
/// let value: Json = json!({"b": 2, "a": 1}).into();
/// assert_eq!(hash_of(&value), hash_of(&json!({"a": 1, "b": 2}).into()));
/// ```
#[must_use]
pub fn hash_of(value: &Json) -> String {
    format!("sha256:{}", sha256_hex(value.as_str()))
}

/// The SHA-256 (FIPS 180-4) of bytes in hexadecimal.
///
/// # Examples
/// ```
/// use agentchains_machine::sha256_hex;
///
/// assert!(sha256_hex("abc").starts_with("ba7816bf"));
/// ```
#[must_use]
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    let mut text = String::with_capacity(2 * <Sha256 as Digest>::output_size());
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
