//! Reading JSON of strangers: what is absent, null, empty or of another type than it should be is the same,
//! and what is unknown is ignored.

use serde_json::{Map, Value};

/// Takes an object out of an object; an empty one when there is none.
pub(crate) fn take_object(object: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match object.remove(name) {
        Some(Value::Object(taken)) => taken,
        _ => Map::new(),
    }
}

/// Takes an array out of an object; an empty one when there is none.
pub(crate) fn take_array(object: &mut Map<String, Value>, name: &str) -> Vec<Value> {
    match object.remove(name) {
        Some(Value::Array(taken)) => taken,
        _ => Vec::new(),
    }
}

/// Takes a text that is not empty out of an object.
pub(crate) fn take_text(object: &mut Map<String, Value>, name: &str) -> Option<String> {
    match object.remove(name) {
        Some(Value::String(taken)) if !taken.is_empty() => Some(taken),
        _ => None,
    }
}

/// A text of an object that is not empty.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// The items of an array of an object.
pub(crate) fn items<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether a field of an object is true.
pub(crate) fn is_true(object: &Value, name: &str) -> bool {
    object.get(name) == Some(&Value::Bool(true))
}
