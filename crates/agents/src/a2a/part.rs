//! Parts as agents send them, put into the one form that is used here: that of A2A 1.0 (section 4.1.6).

use serde_json::{Map, Value};

use crate::lenient::{take_object, take_text};

/// A part of either version. A file of version 0.3 stands in an object of its own, under other names.
pub(super) fn normalised(part: Value) -> Value {
    let Value::Object(mut part) = part else {
        return part;
    };
    part.remove("kind");
    if part.get("file").is_some_and(Value::is_object) {
        let mut file = take_object(&mut part, "file");
        for (name, of_old) in [
            ("raw", "bytes"),
            ("url", "uri"),
            ("filename", "name"),
            ("mediaType", "mimeType"),
        ] {
            if let Some(text) = take_text(&mut file, of_old) {
                part.insert(name.to_owned(), text.into());
            }
        }
    }
    normalise_raw(&mut part);
    Value::Object(part)
}

/// Brings the alphabet of URLs (RFC 4648, section 5) to that of base64 proper.
fn normalise_raw(part: &mut Map<String, Value>) {
    let Some(Value::String(raw)) = part.get_mut("raw") else {
        return;
    };
    if raw.contains(['-', '_']) {
        *raw = raw.replace('-', "+").replace('_', "/");
        while raw.len() % 4 > 1 {
            raw.push('=');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_of_both_versions_have_one_form() {
        for (part, expected) in [
            (json!({"kind": "text", "text": "a"}), json!({"text": "a"})),
            (json!(7), json!(7)),
            (
                json!({"kind": "file", "file": {"bytes": "aGk=", "name": "a.txt", "mimeType": "text/plain"}}),
                json!({"raw": "aGk=", "filename": "a.txt", "mediaType": "text/plain"}),
            ),
            (
                json!({"file": {"uri": "https://a.example/x", "bytes": null, "name": ""}}),
                json!({"url": "https://a.example/x"}),
            ),
            (json!({"raw": "_-8"}), json!({"raw": "/+8="})),
            (json!({"raw": "_-8="}), json!({"raw": "/+8="})),
            (json!({"raw": "-_-_"}), json!({"raw": "+/+/"})),
        ] {
            assert_eq!(normalised(part.clone()), expected, "{part}");
        }
    }
}
