//! Values without fields of their own.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::limits;

/// A type with this schema, under this name.
macro_rules! scalar {
    ($(#[doc = $documentation:literal])+ $name:ident = $schema:tt) => {
        $(#[doc = $documentation])+
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                concat!("Workflow", stringify!($name)).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = json_schema!($schema);
                schema.insert("description".into(), concat!($($documentation),+).trim().into());
                schema
            }
        }
    };
}

scalar! {
    /// A number of seconds, or a text such as `"250ms"`, `"30s"`, `"5m"`, `"2h"`, `"1d"`.
    Duration = {"anyOf": [
        {"type": "number", "minimum": 0, "maximum": limits::MAX_DURATION.as_secs()},
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$"},
    ]}
}

scalar! {
    /// USD: a number, or the same as a text, with at most 9 decimals.
    Amount = {"anyOf": [
        {"type": "number", "minimum": 0, "maximum": limits::MAX_USD},
        {"type": "string"},
    ]}
}

scalar! {
    /// An expression over the execution's data: `$.nodes.search.output.score > 0.8`.
    Expression = {"type": "string", "minLength": 1, "maxLength": limits::MAX_EXPRESSION_BYTES}
}

scalar! {
    /// A template that renders to an array, or an array.
    Items = {"type": ["string", "array"]}
}

scalar! {
    /// A JSON Schema (2020-12) that refers to nothing outside of itself.
    ValueSchema = {"type": ["object", "boolean"]}
}

scalar! {
    /// Any JSON, in whose texts `{{ … }}` stands for data of the execution.
    Any = {}
}

/// Takes `null` from the fields of an object: one that is not given is left out.
pub(super) fn never_null(schema: &mut Schema) {
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    for field in fields.into_iter().flat_map(|fields| fields.values_mut()) {
        let Some(field) = field.as_object_mut() else {
            continue;
        };
        if let Some(Value::Array(types)) = field.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_mut_slice() {
                field["type"] = only.take();
            }
        }
        if let Some(Value::Array(forms)) = field.get_mut("anyOf") {
            forms.retain(|form| *form != json!({"type": "null"}));
            if let [Value::Object(only)] = forms.as_mut_slice() {
                let only = std::mem::take(only);
                field.remove("anyOf");
                field.extend(only);
            }
        }
    }
}
