//! JSON to types, with a stable code, a pointer and, where a name is close, a hint for whatever does not fit.
//!
//! serde_json's own errors for this are sentences without a place; here serde's error constructors are kept
//! apart, so that nothing has to be read out of a sentence. What serde names in words of Rust is said in those of
//! JSON, here for every type.

use std::fmt;

use serde::{
    Deserializer,
    de::{self, DeserializeSeed, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

use super::parse::push_token;
use crate::{hint::did_you_mean, problem::Finding};

/// A value that does not fit, and the way to it, innermost token first.
#[derive(Debug)]
pub(super) struct Mismatch {
    code: &'static str,
    path: Vec<String>,
    message: String,
    hint: Option<String>,
}

impl Mismatch {
    fn new(code: &'static str, message: String) -> Self {
        Self {
            code,
            path: Vec::new(),
            message,
            hint: None,
        }
    }

    fn at(mut self, token: impl ToString) -> Self {
        self.path.push(token.to_string());
        self
    }
}

impl From<Mismatch> for Finding {
    fn from(mismatch: Mismatch) -> Self {
        let mut pointer = String::new();
        for token in mismatch.path.iter().rev() {
            push_token(&mut pointer, token);
        }
        let mut finding = Self::new(mismatch.code, pointer, mismatch.message);
        finding.hint = mismatch.hint;
        finding
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("invalid_value", message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(
            "wrong_type",
            format!("expected {}, found {}", in_words(expected), kind(&found)),
        )
    }

    /// An unexpected `Other` is the name of a member: a type all of whose members were read says by it which one does
    /// not go with the others.
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let mismatch = Self::new("invalid_value", format!("expected {}", in_words(expected)));
        match found {
            Unexpected::Other(member) => mismatch.at(member),
            _ => mismatch,
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let mut mismatch = Self::new(
            "invalid_value",
            format!("expected one of {}", expected.join(", ")),
        );
        mismatch.hint = did_you_mean(variant, expected);
        mismatch
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let message = match expected {
            [] => "there are no fields here".to_owned(),
            fields => format!("there is no such field here; there are {}", fields.join(", ")),
        };
        let mut mismatch = Self::new("unknown_field", message);
        mismatch.hint = did_you_mean(field, expected);
        mismatch
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("missing_field", format!("`{field}` is required")).at(field)
    }
}

fn wrong_type(found: &Value, expected: &str) -> Mismatch {
    let found = match found {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(number) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(value) => Unexpected::Str(value),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    de::Error::invalid_type(found, &expected)
}

/// What serde expects, in words of JSON.
fn in_words(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "a nonzero u32" => format!("a whole number from 1 to {}", u32::MAX),
        "f64" => "a number".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "an object".to_owned(),
        _ => expected,
    }
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Unit => "null",
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Float(value) if value.fract() != 0.0 => "a number that is not whole",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) => "a string",
        Unexpected::Seq => "an array",
        Unexpected::Map => "an object",
        _ => "something else",
    }
}

/// A value that is to be read as a type.
pub(super) struct At(pub(super) Value);

impl<'de> Deserializer<'de> for At {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (.., value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Value::String(value) => visitor.visit_string(value),
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter().enumerate())),
            Value::Object(members) => visitor.visit_map(Members {
                members: members.into_iter(),
                next: None,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::String(variant) => visitor.visit_enum(variant.into_deserializer()),
            other => Err(wrong_type(&other, "a string")),
        }
    }

    /// Refuses arrays, which derived types would take as their fields in order.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Object(_) => self.deserialize_any(visitor),
            other => Err(wrong_type(&other, "an object")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map identifier ignored_any
    }
}

struct Items(std::iter::Enumerate<std::vec::IntoIter<Value>>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some((index, item)) = self.0.next() else {
            return Ok(None);
        };
        seed.deserialize(At(item))
            .map(Some)
            .map_err(|mismatch| mismatch.at(index))
    }
}

struct Members {
    members: <Map<String, Value> as IntoIterator>::IntoIter,
    next: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Members {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        self.next = self.members.next();
        let Some((key, _)) = &self.next else {
            return Ok(None);
        };
        let read: Result<_, Mismatch> = seed.deserialize(key.as_str().into_deserializer());
        read.map(Some).map_err(|mismatch| mismatch.at(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        // serde asks for a value only after its key.
        let (key, value) = self.next.take().unwrap_or_default();
        seed.deserialize(At(value)).map_err(|mismatch| mismatch.at(key))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Order {
        id: u32,
        size: Option<Size>,
        #[serde(default)]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Size {
        Small,
        Large,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Line {
        count: NonZeroU32,
    }

    #[test]
    fn what_is_expected_is_said_in_words_of_json() {
        for (order, message) in [
            (json!({"id": -1}), "expected a whole number from 0 to 4294967295"),
            (
                json!({"id": 1.5}),
                "expected a whole number from 0 to 4294967295, found a number that is not whole",
            ),
            (
                json!({"id": 1, "lines": [{"count": 0}]}),
                "expected a whole number from 1 to 4294967295",
            ),
            (
                json!({"id": 1, "lines": {}}),
                "expected an array, found an object",
            ),
            (
                json!({"id": 1, "lines": [true]}),
                "expected an object, found a boolean",
            ),
        ] {
            let finding = Finding::from(Order::deserialize(At(order)).unwrap_err());
            assert_eq!(finding.message, message);
        }
    }

    #[test]
    fn a_member_that_does_not_go_with_the_others_is_pointed_at() {
        let refused: Mismatch = de::Error::invalid_value(Unexpected::Other("most"), &"at least `least`");
        let finding = Finding::from(refused.at("range"));
        assert_eq!(
            (finding.pointer.as_str(), finding.message.as_str()),
            ("/range/most", "expected at least `least`")
        );
    }

    fn check(value: Value, code: &str, pointer: &str, hint: Option<&str>) {
        let finding = Finding::from(Order::deserialize(At(value)).unwrap_err());
        assert_eq!(
            (finding.code, &*finding.pointer, finding.hint.as_deref()),
            (code, pointer, hint)
        );
    }

    #[test]
    fn what_fits_is_read() {
        let order =
            Order::deserialize(At(json!({"id": 1, "size": "large", "lines": [{"count": 2}]}))).unwrap();
        let lines = vec![Line {
            count: NonZeroU32::new(2).unwrap(),
        }];
        assert_eq!(
            order,
            Order {
                id: 1,
                size: Some(Size::Large),
                lines
            }
        );
        assert_eq!(
            Order::deserialize(At(json!({"id": 1, "size": null})))
                .unwrap()
                .size,
            None
        );
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        check(json!([]), "wrong_type", "", None);
        check(json!({}), "missing_field", "/id", None);
        check(json!({"id": "1"}), "wrong_type", "/id", None);
        check(json!({"id": -1}), "invalid_value", "/id", None);
        check(
            json!({"id": 1, "sise": "large"}),
            "unknown_field",
            "/sise",
            Some("did you mean `size`?"),
        );
        check(
            json!({"id": 1, "size": "larg"}),
            "invalid_value",
            "/size",
            Some("did you mean `large`?"),
        );
        check(
            json!({"id": 1, "size": {"large": 1}}),
            "wrong_type",
            "/size",
            None,
        );
        check(
            json!({"id": 1, "lines": [{"count": 1}, {"count": 0}]}),
            "invalid_value",
            "/lines/1/count",
            None,
        );
        check(
            json!({"id": 1, "lines": [{}]}),
            "missing_field",
            "/lines/0/count",
            None,
        );
    }
}
