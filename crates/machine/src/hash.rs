//! Digests of JSON values, the same wherever they are computed.

use std::fmt::Write;

use agentchains_workflow::canonical_json;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// `sha256:` and the SHA-256 (FIPS 180-4) of the value's canonical JSON in hexadecimal.
///
/// # Examples
/// ```
/// use agentchains_machine::hash_of;
/// use serde_json::json;
/// assert_eq!(hash_of(&json!({"a": 1, "b": 2})), hash_of(&json!({"b": 2, "a": 1})));
/// ```
#[must_use]
pub fn hash_of(value: &Value) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(canonical_json(value)) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
