//! What an agent asks before it goes on: a task that waits for input or for an authorisation (sections 4.1.3 and 7.6
//! of A2A).

use agentchains_machine::{AgentQuestion, Json, hash_of};
use serde_json::Value;

use super::task::{Message, Task, TaskState};
use crate::output::presentable;

/// The types of JSON Schema (draft 2020-12, validation, section 6.1.1).
const SCHEMA_TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// What tells the question that a task shows from the task's other questions; `None` where it asks nothing.
///
/// That is the id of the message. Where there is none, the time since when it asks; an agent that says neither asks
/// something else when its words differ.
pub(crate) fn question_id(task: &Task) -> Option<String> {
    if !matches!(task.state, TaskState::InputRequired | TaskState::AuthRequired) {
        return None;
    }
    let id = task.message.as_ref().and_then(|message| message.id.as_ref());
    let said = || {
        let parts = task.message.as_ref().map(|message| message.parts.clone());
        hash_of(&Json::from(Value::Array(parts.unwrap_or_default())))
    };
    Some(id.or(task.since.as_ref()).cloned().unwrap_or_else(said))
}

/// What a task asks that waits for somebody.
pub(crate) fn question(task: Task) -> AgentQuestion {
    let id = question_id(&task);
    let mut message = task.message.unwrap_or_default();
    message.parts = presentable(message.parts);
    AgentQuestion {
        id,
        message: words(task.state, &message),
        form: message
            .parts
            .iter()
            .filter_map(|part| part.get("data"))
            .find(|data| is_schema(data))
            .cloned(),
        shown: Value::Array(message.parts).into(),
        may_move_on: task.state == TaskState::AuthRequired,
    }
}

fn words(state: TaskState, message: &Message) -> String {
    let said = message.text();
    match (state, said.is_empty()) {
        (TaskState::AuthRequired, true) => {
            "The agent asks for an authorisation and does not say for what; look at its log.".to_owned()
        }
        (TaskState::AuthRequired, false) => format!("The agent asks for an authorisation: {said}"),
        (_, true) => "The agent asks for input and does not say for which; look at its log.".to_owned(),
        (_, false) => said,
    }
}

/// Whether a data part describes what is wanted. The protocol gives such parts no mark of their own.
fn is_schema(data: &Value) -> bool {
    let is_type = |word: &Value| word.as_str().is_some_and(|word| SCHEMA_TYPES.contains(&word));
    data.get("$schema").is_some_and(Value::is_string)
        || data.get("properties").is_some_and(Value::is_object)
        || data.get("type").is_some_and(is_type)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asks(state: &str, status: Value) -> AgentQuestion {
        question(task(state, status))
    }

    fn task(state: &str, mut status: Value) -> Task {
        status["state"] = format!("TASK_STATE_{state}").into();
        Task::read(json!({"id": "t", "status": status})).unwrap()
    }

    #[test]
    fn a_question_is_what_the_agent_says_with_all_that_it_sent() {
        let form = json!({"type": "object", "properties": {"amount": {"type": "number"}}});
        let parts =
            json!([{"text": "Which\nsum?"}, {"data": {"sum": 2.0}}, {"data": form}, {"text": "In EUR?"}, 7]);
        let asked = asks(
            "INPUT_REQUIRED",
            json!({"message": {"messageId": "m", "parts": parts}}),
        );
        assert_eq!(asked.message, "Which\nsum? In EUR?");
        let shown =
            json!([{"text": "Which\nsum?"}, {"data": {"sum": 2}}, {"data": form}, {"text": "In EUR?"}]);
        assert_eq!((asked.shown, asked.form), (shown.into(), Some(form)));
    }

    #[test]
    fn a_question_without_words_says_what_kind_it_is() {
        let parts = json!({"message": {"parts": [{"text": "Sign in."}]}});
        for (state, status, expected) in [
            (
                "INPUT_REQUIRED",
                json!({}),
                "The agent asks for input and does not say",
            ),
            (
                "AUTH_REQUIRED",
                json!({}),
                "The agent asks for an authorisation and does not say",
            ),
            (
                "AUTH_REQUIRED",
                parts,
                "The agent asks for an authorisation: Sign in.",
            ),
        ] {
            let asked = asks(state, status);
            assert!(asked.message.starts_with(expected), "{}", asked.message);
        }
        assert_eq!(asks("INPUT_REQUIRED", json!({})).shown, json!([]));
    }

    #[test]
    fn a_form_is_data_that_describes_data() {
        for (data, expected) in [
            (
                json!({"$schema": "https://json-schema.org/draft/2020-12/schema"}),
                true,
            ),
            (json!({"properties": {}}), true),
            (json!({"type": "string"}), true),
            (json!({"type": "invoice"}), false),
            (json!({"properties": 7}), false),
            (json!([]), false),
            (json!(true), false),
        ] {
            assert_eq!(is_schema(&data), expected, "{data}");
        }
    }

    #[test]
    fn questions_differ_by_message_then_by_time_then_by_words() {
        let id = |message: Option<&str>, since: Option<&str>, text: &str| {
            let message = json!({"messageId": message, "parts": [{"text": text}]});
            question_id(&task(
                "INPUT_REQUIRED",
                json!({"message": message, "timestamp": since}),
            ))
            .unwrap()
        };
        assert_eq!(id(Some("m"), Some("9:00"), "x"), "m");
        assert_eq!(id(None, Some("9:00"), "x"), "9:00");
        assert_eq!(id(None, None, "x"), id(None, None, "x"));
        assert_ne!(id(None, None, "x"), id(None, None, "y"));
        assert_eq!(question_id(&task("WORKING", json!({}))), None);
    }
}
