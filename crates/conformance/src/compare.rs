//! Comparing JSON that is expected with JSON that came, and saying where they part.

use serde_json::{Map, Value};

/// A text in an expectation that stands for any value at all, as long as there is one.
const ANY: &str = "$any";

/// How much of a value an expectation speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All of it.
    Exact,
    /// Of objects only the members that it names, at every level.
    Part,
    /// A text that holds the expected one.
    Holds,
}

/// What differs, one line each, with the place before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Differences(Vec<String>);

impl Differences {
    pub(crate) fn add(&mut self, at: &str, expected: impl ToString, actual: impl ToString) {
        let (expected, actual) = (expected.to_string(), actual.to_string());
        self.0.push(format!("{at}: expected {expected}, got {actual}"));
    }

    /// Two plain facts.
    pub(crate) fn equal<T: PartialEq + ToString>(&mut self, at: &str, expected: T, actual: T) {
        if expected != actual {
            self.add(at, expected, actual);
        }
    }

    /// Two values, as far as the expectation speaks for the actual one.
    pub(crate) fn compare(&mut self, mode: Mode, at: &str, expected: &Value, actual: &Value) {
        match (expected, actual) {
            (Value::String(any), _) if any == ANY && !actual.is_null() => {}
            (Value::String(part), Value::String(whole)) if mode == Mode::Holds => {
                if !whole.contains(part.as_str()) {
                    self.add(at, format!("a text with {part:?} in it"), actual);
                }
            }
            (Value::Object(expected), Value::Object(actual)) => self.objects(mode, at, expected, actual),
            (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
                for (number, (expected, actual)) in wanted.iter().zip(found).enumerate() {
                    self.compare(mode, &format!("{at}[{number}]"), expected, actual);
                }
            }
            _ if expected == actual => {}
            _ => self.add(at, expected, actual),
        }
    }

    fn objects(&mut self, mode: Mode, at: &str, expected: &Map<String, Value>, actual: &Map<String, Value>) {
        for (name, expected) in expected {
            let at = format!("{at}.{name}");
            match actual.get(name) {
                Some(actual) => self.compare(mode, &at, expected, actual),
                None => self.add(&at, expected, "nothing"),
            }
        }
        if mode == Mode::Exact {
            for (name, surplus) in actual.iter().filter(|(name, _)| !expected.contains_key(*name)) {
                self.add(&format!("{at}.{name}"), "nothing", surplus);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One line for each difference.
    pub(crate) fn into_text(self) -> String {
        self.0.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(mode: Mode, expected: &Value, actual: &Value) -> Vec<String> {
        let mut found = Differences::default();
        found.compare(mode, "x", expected, actual);
        found.0
    }

    #[test]
    fn an_exact_comparison_sees_what_is_missing_and_what_is_too_much() {
        let found = differences(
            Mode::Exact,
            &json!({"a": [1], "b": 2}),
            &json!({"a": [1.5], "c": 3}),
        );
        assert_eq!(
            found,
            [
                "x.a[0]: expected 1, got 1.5",
                "x.b: expected 2, got nothing",
                "x.c: expected nothing, got 3"
            ]
        );
    }

    #[test]
    fn a_part_is_compared_with_what_it_names_at_every_level() {
        let actual = json!({"a": {"b": 1, "c": 2}, "d": 3});
        assert!(differences(Mode::Part, &json!({"a": {"c": 2}}), &actual).is_empty());
        assert_eq!(
            differences(Mode::Part, &json!({"a": {"c": 3}}), &actual),
            ["x.a.c: expected 3, got 2"]
        );
    }

    #[test]
    fn lists_have_the_same_length_in_every_mode() {
        for mode in [Mode::Exact, Mode::Part] {
            assert_eq!(differences(mode, &json!([1]), &json!([1, 2])).len(), 1);
        }
    }

    #[test]
    fn the_placeholder_stands_for_every_value_but_null() {
        assert!(differences(Mode::Exact, &json!({"id": "$any"}), &json!({"id": {"x": 1}})).is_empty());
        assert_eq!(
            differences(Mode::Exact, &json!({"id": "$any"}), &json!({"id": null})).len(),
            1
        );
    }

    #[test]
    fn a_text_is_looked_for_inside_of_another() {
        assert!(differences(Mode::Holds, &json!("search"), &json!("did you mean `search`?")).is_empty());
        assert_eq!(
            differences(Mode::Holds, &json!("search"), &json!("no idea")).len(),
            1
        );
        assert_eq!(differences(Mode::Holds, &json!("search"), &Value::Null).len(), 1);
    }
}
