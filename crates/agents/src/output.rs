//! Reducing the answer of an agent to one JSON value (language reference, section 7, `agent_call`).
//!
//! Owns the rules for parts, in the form that A2A gives them, and for what encodings of others do to values.

use serde_json::{Map, Number, Value, json};

/// A file's content up to this size, as base64 text, stays in the output; of a larger one only its description does.
const INLINE_BYTES: usize = 16 * 1024;

/// Doubles beyond this do not hold every whole number.
const MAX_EXACT_DOUBLE: f64 = 9_007_199_254_740_992.0;

/// The output of an agent that answered with these parts.
///
/// One data part is its value. One text part that is a JSON object or array is that; any other one text part is
/// `{"text": …}`. Anything else is `{"parts": […]}`, and no part at all is null.
pub(crate) fn reduce(mut parts: Vec<Value>) -> Value {
    let mut output = match parts.len() {
        0 => Value::Null,
        1 => single(parts.remove(0)),
        _ => json!({"parts": parts.into_iter().map(shown).collect::<Vec<_>>()}),
    };
    tidy(&mut output);
    output
}

/// Parts as they are shown to a person, as far as they are parts at all.
pub(crate) fn presentable(parts: Vec<Value>) -> Vec<Value> {
    let parts = parts.into_iter().filter(Value::is_object).map(shown);
    parts
        .map(|mut part| {
            tidy(&mut part);
            part
        })
        .collect()
}

fn single(mut part: Value) -> Value {
    if let Some(data) = part.get_mut("data") {
        return data.take();
    }
    match part.get("text").and_then(Value::as_str) {
        Some(text) => structured(text).unwrap_or_else(|| json!({"text": text})),
        None => json!({"parts": [shown(part)]}),
    }
}

/// The object or array that a text is.
fn structured(text: &str) -> Option<Value> {
    let value: Value = text
        .trim_start()
        .starts_with(['{', '['])
        .then(|| serde_json::from_str(text).ok())??;
    Some(value)
}

/// A part as it stands in `{"parts": […]}`: in the form of A2A, files as references.
fn shown(part: Value) -> Value {
    let Value::Object(mut part) = part else {
        return Value::Null;
    };
    let mut kept = Map::new();
    for name in ["text", "data", "url", "filename", "mediaType"] {
        if let Some(value) = part.remove(name).filter(|value| applies(name, value)) {
            kept.insert(name.to_owned(), value);
        }
    }
    if let Some(Value::String(raw)) = part.remove("raw") {
        if raw.len() <= INLINE_BYTES {
            kept.insert("raw".to_owned(), Value::String(raw));
        } else {
            kept.insert("omitted".to_owned(), json!(true));
            // Four characters of base64 stand for three bytes (RFC 4648).
            kept.insert(
                "size_bytes".to_owned(),
                json!(raw.trim_end_matches('=').len() * 3 / 4),
            );
        }
    }
    Value::Object(kept)
}

/// Some agents write every field that they know, empty where it does not apply.
fn applies(name: &str, value: &Value) -> bool {
    match name {
        "data" => true,
        "text" => value.is_string(),
        _ => value.as_str().is_some_and(|text| !text.is_empty()),
    }
}

/// Puts right what encodings of others do to values, down to the last: whole numbers that became doubles, and
/// U+0000, which databases refuse. What a parser accepted is not deep enough to overflow the stack.
pub(crate) fn tidy(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *number = whole.into();
            }
        }
        Value::String(text) if text.contains('\0') => text.retain(|character| character != '\0'),
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(object) => {
            if object.keys().any(|name| name.contains('\0')) {
                let renamed = std::mem::take(object)
                    .into_iter()
                    .map(|(name, value)| (name.replace('\0', ""), value));
                *object = renamed.collect();
            }
            object.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the double is whole and within the range of an i64"
)]
fn whole(number: &Number) -> Option<i64> {
    let double = number.as_f64().filter(|_| number.is_f64())?;
    (double.fract() == 0.0 && double.abs() <= MAX_EXACT_DOUBLE).then_some(double as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parts: Value, expected: Value) {
        let Value::Array(parts) = parts else {
            panic!("parts are an array")
        };
        assert_eq!(reduce(parts), expected);
    }

    #[test]
    fn one_part_becomes_the_value_that_it_holds() {
        check(json!([{"data": {"a": 1}}]), json!({"a": 1}));
        check(json!([{"data": null}]), json!(null));
        check(json!([{"text": " {\"a\": 1}\n"}]), json!({"a": 1}));
        check(json!([{"text": "[1]"}]), json!([1]));
        check(json!([{"text": "1"}]), json!({"text": "1"}));
        check(json!([{"text": "{not json"}]), json!({"text": "{not json"}));
        check(json!([]), json!(null));
    }

    #[test]
    fn several_parts_stay_parts_and_lose_what_is_empty() {
        check(
            json!([
                {"text": "a", "filename": "", "mediaType": "text/plain", "metadata": {}},
                {"data": "", "mediaType": ""},
                {"url": "https://example.com/r.pdf", "filename": "r.pdf"},
                7,
            ]),
            json!({"parts": [
                {"text": "a", "mediaType": "text/plain"},
                {"data": ""},
                {"url": "https://example.com/r.pdf", "filename": "r.pdf"},
                null,
            ]}),
        );
    }

    #[test]
    fn the_content_of_a_large_file_is_left_out() {
        check(
            json!([{"raw": "aGk=", "filename": "a"}]),
            json!({"parts": [{"raw": "aGk=", "filename": "a"}]}),
        );
        let large = "A".repeat(40_000);
        check(
            json!([{"raw": large, "filename": "b"}]),
            json!({"parts": [{"filename": "b", "omitted": true, "size_bytes": 30_000}]}),
        );
    }

    #[test]
    fn whole_doubles_become_integers_and_others_stay() {
        let text = r#"[{"data": [120.0, -0.0, 0.5, 1e15, 1e300, 9007199254740993, {"n": 2.0}]}]"#;
        let expected = r#"[120, 0, 0.5, 1000000000000000, 1e300, 9007199254740993, {"n": 2}]"#;
        check(
            serde_json::from_str(text).unwrap(),
            serde_json::from_str(expected).unwrap(),
        );
    }

    #[test]
    fn the_null_character_is_removed() {
        check(json!([{"data": {"a\0": "x\0y"}}]), json!({"a": "xy"}));
    }
}
