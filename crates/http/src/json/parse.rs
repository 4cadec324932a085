//! Text to JSON: RFC 8259 and nothing else, at most 128 levels deep, no key twice in one object.

use agentchains_engine::workflow::limits::MAX_DEPTH;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{
    errors::not_json,
    problem::{Finding, Problem},
};

/// Parses a body.
///
/// # Errors
/// 400 where the text is no JSON; 422 where it is nested too deep or has a key twice.
pub(crate) fn parse(text: &str) -> Result<Value, Problem> {
    let mut walk = Walk::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // The walk has the limit, which is one level more than the deserializer's own.
    deserializer.disable_recursion_limit();
    let parsed = Node(&mut walk)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match (parsed, walk) {
        (_, Walk { too_deep: true, .. }) => {
            let message = format!("the JSON is nested more than {MAX_DEPTH} levels deep");
            Err(Problem::invalid(vec![Finding::new("too_deep", "", message)]))
        }
        (Err(error), _) => Err(syntax_error(&error)),
        (Ok(value), Walk { duplicates, .. }) if duplicates.is_empty() => Ok(value),
        (Ok(_), Walk { duplicates, .. }) => Err(Problem::invalid(duplicates)),
    }
}

fn syntax_error(error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    // The place is told apart from the sentence.
    let what = message
        .rsplit_once(" at line ")
        .map_or(&*message, |(what, _)| what);
    let mut finding = Finding::new("invalid_json", "", format!("the body is not JSON: {what}"));
    (finding.line, finding.column) = (Some(error.line()), Some(error.column()));
    not_json(vec![finding])
}

/// Appends a reference token to a pointer (RFC 6901, section 3); overlong keys are cut.
pub(super) fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    for character in token.chars().take(200) {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// Duplicate keys that are told apart; further ones do not change the answer.
const MAX_DUPLICATES: usize = 20;

/// Where the parser stands, and what it has found.
#[derive(Default)]
struct Walk {
    path: Vec<String>,
    duplicates: Vec<Finding>,
    too_deep: bool,
}

impl Walk {
    /// Goes into an array or object; not below the limit, so that the parser's recursion is bounded.
    fn enter<E: Error>(&mut self) -> Result<(), E> {
        if self.path.len() == MAX_DEPTH {
            self.too_deep = true;
            return Err(E::custom("too deep"));
        }
        self.path.push(String::new());
        Ok(())
    }

    fn step_to(&mut self, token: String) {
        if let Some(last) = self.path.last_mut() {
            *last = token;
        }
    }

    fn duplicate(&mut self) {
        if self.duplicates.len() == MAX_DUPLICATES {
            return;
        }
        let mut pointer = String::new();
        for token in &self.path {
            push_token(&mut pointer, token);
        }
        let message = "the key is there more than once in its object";
        self.duplicates
            .push(Finding::new("duplicate_key", pointer, message));
    }
}

/// One value of the text.
struct Node<'w>(&'w mut Walk);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let walk = self.0;
        walk.enter()?;
        let mut array = Vec::new();
        loop {
            walk.step_to(array.len().to_string());
            match items.next_element_seed(Node(walk))? {
                Some(item) => array.push(item),
                None => break,
            }
        }
        walk.path.pop();
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let walk = self.0;
        walk.enter()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            walk.step_to(key.clone());
            let value = members.next_value_seed(Node(walk))?;
            if object.insert(key, value).is_some() {
                walk.duplicate();
            }
        }
        walk.path.pop();
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(text: &str) -> Value {
        Value::Object(parse(text).expect_err(text).to_json())
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text = r#"{"a": [null, true, -1, 18446744073709551615, 0.5, "é\n"], "b": {}}"#;
        let value = json!({"a": [null, true, -1, 18_446_744_073_709_551_615_u64, 0.5, "é\n"], "b": {}});
        assert_eq!(parse(text).unwrap(), value);
    }

    #[test]
    fn text_that_is_no_json_is_refused_with_its_place() {
        for text in [
            "",
            " ",
            "{",
            "{}{}",
            "{\"a\":1,}",
            "nul",
            "NaN",
            "\u{feff}{}",
            "'a'",
            "01",
        ] {
            let problem = refused(text);
            assert_eq!(
                (&problem["status"], &problem["code"]),
                (&json!(400), &json!("invalid_json")),
                "{text}"
            );
        }
        let problem = refused("{\n  \"a\" 1}");
        assert_eq!(
            (&problem["errors"][0]["line"], &problem["errors"][0]["column"]),
            (&json!(2), &json!(7))
        );
    }

    #[test]
    fn the_deepest_allowed_nesting_is_read_and_one_level_more_is_not() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        for text in [nested(MAX_DEPTH + 1), "{\"a\":".repeat(100_000)] {
            let problem = refused(&text);
            assert_eq!(
                (&problem["status"], &problem["code"]),
                (&json!(422), &json!("too_deep"))
            );
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_however_it_is_spelled() {
        let problem = refused(r#"{"a": [{"b/c": 1, "b\u002fc": 2}]}"#);
        assert_eq!(problem["code"], "duplicate_key");
        assert_eq!(problem["errors"][0]["pointer"], "/a/0/b~1c");
    }
}
