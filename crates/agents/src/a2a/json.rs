//! Reading replies as JSON, by the limit of depth that holds for what is in them.

use serde::Deserialize as _;
use serde_json::{Deserializer, Value};

use crate::{error::CallError, net::unreadable};

/// How deep a value may be nested (language reference, section 10).
pub(super) const MAX_DEPTH: usize = 128;

/// How many levels around a value are the protocol's: over JSON-RPC an artifact's data stand at the eighth, and some
/// agents wrap them once more.
const ENVELOPE_DEPTH: usize = 12;

/// Reads a reply. What is nested deeper than any reply with a value that can be kept is refused before it is read.
pub(super) fn read(text: &[u8]) -> Result<Value, CallError> {
    if is_deeper(text, MAX_DEPTH + ENVELOPE_DEPTH) {
        return Err(too_deep());
    }
    let mut deserializer = Deserializer::from_slice(text);
    deserializer.disable_recursion_limit();
    let read = Value::deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| match error.is_eof() {
        true if text.trim_ascii().is_empty() => {
            CallError::protocol("its reply is empty where JSON is expected")
        }
        true => CallError::CutOff,
        false => unreadable(&error),
    })
}

/// What is nested too deep.
pub(super) fn too_deep() -> CallError {
    CallError::protocol(format!("its reply is nested more than {MAX_DEPTH} levels deep"))
}

/// Whether brackets are nested deeper than this. What is no JSON may be misjudged; it is refused anyway.
fn is_deeper(text: &[u8], limit: usize) -> bool {
    let (mut depth, mut is_in_text, mut is_escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_text => is_escaped = true,
            b'"' => is_in_text = !is_in_text,
            _ if is_in_text => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_what_is_outside_of_texts() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for (text, is_deep) in [
            (nested(2), false),
            (nested(3), true),
            (format!("[{},{}]", nested(1), nested(1)), false),
            (r#"["[[[", {"\"[[[": "\\"}]"#.to_owned(), false),
            (r#"["\\", [[]]]"#.to_owned(), true),
            ("]]]".to_owned(), false),
        ] {
            assert_eq!(is_deeper(text.as_bytes(), 2), is_deep, "{text}");
        }
    }

    #[test]
    fn a_reply_that_ends_too_early_is_told_from_one_that_is_wrong() {
        for (text, is_cut_off) in [
            ("{\"a\": [1, ", true),
            ("\"a", true),
            ("", false),
            (" \n", false),
            ("{]", false),
            ("{} {}", false),
            ("nope", false),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert_eq!(matches!(error, CallError::CutOff), is_cut_off, "{text}");
        }
        assert_eq!(read(b" {\"a\": 1} ").unwrap(), serde_json::json!({"a": 1}));
    }
}
