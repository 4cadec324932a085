//! One text for equal JSON values: what values are kept as, and what hashes are computed from.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// The value as compact JSON with the keys of every object sorted by their characters.
///
/// Independent of the order in which members were written or are held in memory.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    // Writing a value whose keys are texts to memory cannot fail.
    serde_json::to_string(&Canonical(value)).unwrap_or_default()
}

/// Serialises as [`canonical_json`].
pub(crate) struct Canonical<'v>(pub(crate) &'v Value);

impl Serialize for Canonical<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                // Where members are held in this order already, that is one pass.
                sorted.sort_unstable_by_key(|(key, _)| *key);
                serializer.collect_map(sorted.into_iter().map(|(key, member)| (key, Canonical(member))))
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Canonical)),
            scalar => scalar.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_at_every_level() {
        let value = json!({"b": [{"z": 1, "a": 2}], "a": {"y": null, "x": "é\"\n"}});
        assert_eq!(
            canonical_json(&value),
            r#"{"a":{"x":"é\"\n","y":null},"b":[{"a":2,"z":1}]}"#
        );
    }

    #[test]
    fn numbers_keep_their_kind() {
        assert_eq!(
            canonical_json(&json!([1, 1.0, 18_446_744_073_709_551_615_u64, -1])),
            "[1,1.0,18446744073709551615,-1]"
        );
    }
}
