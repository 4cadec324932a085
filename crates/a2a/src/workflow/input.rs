//! From the parts of a message to the input of an execution, and back.
//!
//! A data part by itself is the input as it is; of the one that an engine sends for a node, its config is. Text by itself becomes what the workflow's `input_schema` has room for
//! ([`TextInput`]). Anything else becomes `{"text", "data", "files"}`, as far as there is such: text joined by line
//! breaks, the one value or a list of them, and a list of files as `{"raw" | "url", "filename"?, "mediaType"?}`.

use serde_json::{Map, Value};

use crate::{
    error::{A2aError, Reason},
    model::{Content, Message, Part},
};

/// What a node of a workflow asks an agent with (language reference, section 7, `agent_call`): always the first three.
const NODE_DATA: [&str; 5] = ["config", "input", "upstream", "item", "loop"];

/// The member for text where no schema says otherwise.
const TEXT: &str = "text";

/// What becomes of a message that is nothing but text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextInput {
    /// It is the input.
    Whole,
    /// It is this member of the input.
    Member(String),
}

impl TextInput {
    /// Where a schema has room for text: it wants a string; or it wants one property, which is a string; or it wants
    /// none, so that `text` may be given. `None` where it has none.
    pub(super) fn of(schema: Option<&Value>) -> Option<Self> {
        let Some(schema) = schema else {
            return Some(Self::Member(TEXT.to_owned()));
        };
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => return Some(Self::Whole),
            Some("object") | None => {}
            Some(_) => return None,
        }
        let properties = schema.get("properties");
        let is_text = |name: &str| {
            let property = properties.and_then(|properties| properties.get(name));
            property.map(|property| property.get("type").and_then(Value::as_str) == Some("string"))
        };
        let required = schema.get("required").and_then(Value::as_array);
        match required.map_or(&[][..], Vec::as_slice) {
            [Value::String(only)] if is_text(only) == Some(true) => Some(Self::Member(only.clone())),
            [] if is_text(TEXT).unwrap_or_else(|| takes_any_property(schema)) => {
                Some(Self::Member(TEXT.to_owned()))
            }
            _ => None,
        }
    }

    fn input(&self, text: String) -> Value {
        match self {
            Self::Whole => text.into(),
            Self::Member(name) => Map::from_iter([(name.clone(), text.into())]).into(),
        }
    }

    /// The text that was made into this input, where one was.
    fn text<'i>(&self, input: &'i Value) -> Option<&'i str> {
        match self {
            Self::Whole => input.as_str(),
            Self::Member(name) => {
                let object = input.as_object().filter(|object| object.len() == 1)?;
                object.get(name)?.as_str()
            }
        }
    }
}

fn takes_any_property(schema: &Value) -> bool {
    schema.get("additionalProperties") != Some(&Value::Bool(false))
}

/// The input that a message is.
///
/// # Errors
/// When it is text, and the workflow has no room for that.
pub(super) fn input_of(message: &Message, text_input: Option<&TextInput>) -> Result<Value, A2aError> {
    let mut data: Vec<Value> = message.data().cloned().collect();
    let files: Vec<Value> = message.parts.iter().filter_map(file).collect();
    if let ([data], true) = (data.as_mut_slice(), files.is_empty())
        && is_node_data(data)
    {
        return Ok(data["config"].take());
    }
    match (message.text(), data.len(), files.is_empty()) {
        (None, 1, true) => Ok(data.remove(0)),
        (Some(text), 0, true) => text_input
            .map(|taken| taken.input(text))
            .ok_or_else(no_room_for_text),
        (text, _, _) => {
            let data = match data.len() {
                0 => None,
                1 => Some(data.remove(0)),
                _ => Some(data.into()),
            };
            let files = (!files.is_empty()).then(|| files.into());
            let members = [(TEXT, text.map(Value::from)), ("data", data), ("files", files)];
            let given = members
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)));
            Ok(given.collect::<Map<_, _>>().into())
        }
    }
}

/// Whether this is what another engine sends. Its text beside it, where there is any, stands in the config too.
fn is_node_data(data: &Value) -> bool {
    data.as_object().is_some_and(|data| {
        NODE_DATA[..3].iter().all(|name| data.contains_key(*name))
            && data.keys().all(|name| NODE_DATA.contains(&name.as_str()))
    })
}

fn no_room_for_text() -> A2aError {
    A2aError::new(
        Reason::ContentTypeNotSupported,
        "the input_schema of this workflow has no place for text alone; send a data part that fits it",
    )
}

fn file(part: &Part) -> Option<Value> {
    let (place, content) = match &part.content {
        Content::Raw(content) => ("raw", content),
        Content::Url(content) => ("url", content),
        Content::Text(_) | Content::Data(_) => return None,
    };
    let members = [
        (place, Some(content)),
        ("filename", part.filename.as_ref()),
        ("mediaType", part.media_type.as_ref()),
    ];
    let given = members.into_iter();
    let given = given.filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?.as_str()))));
    Some(given.collect::<Map<_, _>>().into())
}

/// The parts of a message that would be this input.
pub(super) fn parts_of(input: Value, text_input: Option<&TextInput>) -> Vec<Part> {
    let text = text_input.and_then(|taken| taken.text(&input));
    vec![match text {
        Some(text) => Part::text(text),
        None => Part::data(input),
    }]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Role;

    fn message(parts: Vec<Part>) -> Message {
        Message {
            message_id: "m".to_owned(),
            context_id: None,
            task_id: None,
            role: Role::User,
            parts,
            metadata: Map::new(),
        }
    }

    #[test]
    fn text_goes_where_the_schema_has_room_for_it() {
        let text = json!({"type": "string"});
        for (schema, input) in [
            (json!(null), Some(json!({"text": "hi"}))),
            (json!({"type": "string", "minLength": 1}), Some(json!("hi"))),
            (
                json!({"type": "object", "required": ["topic"], "properties": {"topic": text, "depth": {}}}),
                Some(json!({"topic": "hi"})),
            ),
            (json!({"required": ["topic"]}), None),
            (
                json!({"required": ["n"], "properties": {"n": {"type": "number"}}}),
                None,
            ),
            (
                json!({"required": ["a", "b"], "properties": {"a": text, "b": text}}),
                None,
            ),
            (json!({"type": "object"}), Some(json!({"text": "hi"}))),
            (
                json!({"properties": {"text": text}, "additionalProperties": false}),
                Some(json!({"text": "hi"})),
            ),
            (json!({"properties": {"text": {"type": "number"}}}), None),
            (
                json!({"properties": {"a": text}, "additionalProperties": false}),
                None,
            ),
            (json!({"type": "array"}), None),
        ] {
            let taken = TextInput::of((!schema.is_null()).then_some(&schema));
            let made = input_of(&message(vec![Part::text("hi")]), taken.as_ref());
            match input {
                Some(input) => {
                    assert_eq!(made, Ok(input.clone()), "{schema}");
                    assert_eq!(parts_of(input, taken.as_ref()), [Part::text("hi")], "{schema}");
                }
                None => assert_eq!(
                    made.map_err(|error| error.reason),
                    Err(Reason::ContentTypeNotSupported)
                ),
            }
        }
    }

    #[test]
    fn a_message_becomes_an_input_without_losing_a_part() {
        let file = Part {
            filename: Some("a.csv".to_owned()),
            media_type: Some("text/csv".to_owned()),
            content: Content::Raw("YQ==".to_owned()),
        };
        let link = Part::of(Content::Url("https://a.example/x".to_owned()));
        for (parts, input) in [
            (vec![Part::data(json!([1]))], json!([1])),
            (
                vec![Part::data(
                    json!({"config": {"n": 1}, "input": {}, "upstream": {}, "item": 2}),
                )],
                json!({"n": 1}),
            ),
            (
                vec![
                    Part::text("a"),
                    Part::data(json!({"config": {"message": "a"}, "input": 1, "upstream": {}})),
                ],
                json!({"message": "a"}),
            ),
            (
                vec![Part::data(json!({"config": 1, "input": 2}))],
                json!({"config": 1, "input": 2}),
            ),
            (
                vec![Part::data(
                    json!({"config": 1, "input": 2, "upstream": 3, "more": 4}),
                )],
                json!({"config": 1, "input": 2, "upstream": 3, "more": 4}),
            ),
            (vec![Part::text("a"), Part::text("b")], json!({"text": "a\nb"})),
            (
                vec![Part::text("a"), Part::data(json!({"n": 1}))],
                json!({"text": "a", "data": {"n": 1}}),
            ),
            (
                vec![Part::data(json!(1)), Part::data(json!(2))],
                json!({"data": [1, 2]}),
            ),
            (
                vec![file, link],
                json!({"files": [
                    {"raw": "YQ==", "filename": "a.csv", "mediaType": "text/csv"}, {"url": "https://a.example/x"}
                ]}),
            ),
        ] {
            assert_eq!(input_of(&message(parts), TextInput::of(None).as_ref()), Ok(input));
        }
    }
}
