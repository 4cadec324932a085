//! One text for equal JSON values: what hashes are computed from.

use serde_json::Value;

/// The value as compact JSON with the keys of every object sorted by their characters.
///
/// Independent of the order in which members were written or are held in memory.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by(|a, b| a.0.cmp(b.0));
            write_all(out, '{', '}', sorted, |out, (key, member)| {
                write_scalar(&Value::from(key.as_str()), out);
                out.push(':');
                write(member, out);
            });
        }
        Value::Array(items) => write_all(out, '[', ']', items, |out, item| write(item, out)),
        scalar => write_scalar(scalar, out),
    }
}

fn write_scalar(value: &Value, out: &mut String) {
    out.push_str(&value.to_string());
}

fn write_all<T>(
    out: &mut String,
    open: char,
    close: char,
    items: impl IntoIterator<Item = T>,
    write_one: impl Fn(&mut String, T),
) {
    out.push(open);
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_one(out, item);
    }
    out.push(close);
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
