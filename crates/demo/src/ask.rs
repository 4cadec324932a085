//! What an agent is asked, read from the parts of a message.

use serde_json::{Map, Value};

/// What a caller wants: free text, and the structured data that workflow engines send along.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ask {
    /// The text parts, one per line.
    pub(crate) text: String,
    /// Settings of this call.
    pub(crate) config: Map<String, Value>,
    /// What the whole run was started with.
    pub(crate) input: Value,
    /// What earlier steps produced, by their name.
    pub(crate) upstream: Map<String, Value>,
}

/// The most of a query that is taken up in answers, in bytes.
const QUERY_LIMIT_BYTES: usize = 500;

impl Ask {
    /// Reads the parts: texts are joined, and the first data part that is an object gives `config`, `input` and
    /// `upstream`.
    pub(crate) fn from_parts(parts: &[Value]) -> Self {
        let texts: Vec<&str> = parts
            .iter()
            .filter_map(|part| part.get("text")?.as_str())
            .collect();
        let data = parts.iter().find_map(|part| part.get("data")?.as_object());
        let object = |name: &str| data?.get(name)?.as_object().cloned();
        Self {
            text: texts.join("\n"),
            config: object("config").unwrap_or_default(),
            input: data
                .and_then(|data| data.get("input"))
                .cloned()
                .unwrap_or_default(),
            upstream: object("upstream").unwrap_or_default(),
        }
    }

    /// What it is about: `config.query`, `config.message`, the text, `input.topic`, or the whole input.
    pub(crate) fn query(&self) -> String {
        let config = |name: &str| self.config.get(name).and_then(Value::as_str);
        let topic = self.input.get("topic").and_then(Value::as_str);
        let candidates = [
            config("query"),
            config("message"),
            Some(self.text.as_str()),
            topic,
            self.input.as_str(),
        ];
        let found = candidates
            .into_iter()
            .flatten()
            .map(str::trim)
            .find(|candidate| !candidate.is_empty());
        let query = match found {
            Some(text) => text.to_owned(),
            None if self.input.is_null() => "nothing in particular".to_owned(),
            None => self.input.to_string(),
        };
        query[..query.floor_char_boundary(QUERY_LIMIT_BYTES)].to_owned()
    }

    /// A number that stands for what is asked: the same for the same question (64-bit FNV-1a).
    pub(crate) fn fingerprint(&self) -> u64 {
        let config = Value::Object(self.config.clone()).to_string();
        let upstream = Value::Object(self.upstream.clone()).to_string();
        fnv1a(&[&self.text, &config, &self.input.to_string(), &upstream])
    }

    /// How much there is to read, in characters.
    pub(crate) fn length(&self) -> usize {
        let data: [usize; 2] = [
            self.input.to_string().len(),
            Value::Object(self.upstream.clone()).to_string().len(),
        ];
        self.text.len() + self.query().len() + data.iter().sum::<usize>()
    }
}

/// The 64-bit FNV-1a hash of some texts.
pub(crate) fn fnv1a(texts: &[&str]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let separated = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    separated.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query(parts: Value) -> String {
        Ask::from_parts(parts.as_array().unwrap()).query()
    }

    #[test]
    fn the_query_is_the_most_specific_thing_that_was_said() {
        for (parts, expected) in [
            (json!([{"data": {"config": {"query": "a", "message": "b"}}}]), "a"),
            (
                json!([{"text": "b"}, {"data": {"config": {"message": "b"}, "input": {"topic": "d"}}}]),
                "b",
            ),
            (json!([{"text": "c"}, {"data": {"input": {"topic": "d"}}}]), "c"),
            (
                json!([{"data": {"config": {"query": " "}, "input": {"topic": "d"}}}]),
                "d",
            ),
            (json!([{"data": {"input": "e"}}]), "e"),
            (json!([{"data": {"input": {"x": 1}}}]), r#"{"x":1}"#),
            (json!([{"url": "https://example.com"}]), "nothing in particular"),
        ] {
            assert_eq!(query(parts), expected);
        }
    }

    #[test]
    fn a_long_query_is_cut_at_a_character() {
        assert_eq!(query(json!([{"text": "ä".repeat(300)}])).len(), QUERY_LIMIT_BYTES);
    }
}
