//! Repetition, so that a case about a limit stays short.
//!
//! `{"$repeat": {"times": 3, "of": X}}` as an element of a list stands for three of X, in which the text `$i` is
//! replaced by 0, 1 and 2; anywhere else it stands for the text X, three times over.

use serde_json::Value;

/// Carries out the repetitions in a value.
pub(crate) fn expand(value: &mut Value) {
    match value {
        Value::Array(elements) => {
            let given = std::mem::take(elements);
            for mut element in given {
                match repetition(&element) {
                    Some((times, of)) => elements.extend((0..times).map(|number| numbered(of, number))),
                    None => {
                        expand(&mut element);
                        elements.push(element);
                    }
                }
            }
        }
        Value::Object(members) => members.values_mut().for_each(expand_member),
        _ => {}
    }
}

fn expand_member(value: &mut Value) {
    match repetition(value) {
        Some((times, of)) => *value = of.as_str().unwrap_or_default().repeat(times).into(),
        None => expand(value),
    }
}

fn repetition(value: &Value) -> Option<(usize, &Value)> {
    let repeat = value.get("$repeat")?;
    let times = repeat.get("times")?.as_u64()?;
    Some((usize::try_from(times).ok()?, repeat.get("of")?))
}

fn numbered(value: &Value, number: usize) -> Value {
    match value {
        Value::String(text) => text.replace("$i", &number.to_string()).into(),
        Value::Array(elements) => elements.iter().map(|element| numbered(element, number)).collect(),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), numbered(value, number)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_repetition_in_a_list_is_numbered_and_elsewhere_a_text() {
        let mut value = json!({
            "nodes": [{"id": "a"}, {"$repeat": {"times": 2, "of": {"id": "n$i"}}}],
            "text": {"$repeat": {"times": 3, "of": "xy"}},
        });
        expand(&mut value);
        assert_eq!(
            value,
            json!({"nodes": [{"id": "a"}, {"id": "n0"}, {"id": "n1"}], "text": "xyxyxy"})
        );
    }
}
