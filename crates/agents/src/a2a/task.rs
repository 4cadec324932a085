//! Tasks and messages as agents send them (section 4.1 of A2A), read leniently.

use agentchains_machine::RemoteTask;
use serde_json::{Map, Value};

use crate::{
    error::CallError,
    lenient::{take_array, take_object, take_text},
};

/// A task.
#[derive(Debug, PartialEq)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) context_id: Option<String>,
    pub(crate) state: TaskState,
    /// What the agent says about the state.
    pub(crate) message: Option<Message>,
    /// When it came to be in that state, in the agent's own words.
    pub(crate) since: Option<String>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) metadata: Map<String, Value>,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// Submitted, working, or in a state that is not known here.
    Live,
    Completed,
    Failed,
    Canceled,
    Rejected,
    InputRequired,
    AuthRequired,
}

/// A message, or an artifact: parts with metadata.
#[derive(Debug, PartialEq, Default)]
pub(crate) struct Message {
    /// The id of a message, unless it is too long to be kept.
    pub(crate) id: Option<String>,
    pub(crate) parts: Vec<Value>,
    pub(crate) metadata: Map<String, Value>,
}

/// A result of a task.
pub(crate) type Artifact = Message;

/// What an agent answers to a message.
#[derive(Debug, PartialEq)]
pub(crate) enum Sent {
    /// It works on a task.
    Task(Task),
    /// That is its answer.
    Message(Message),
}

/// The longest id of a task or a context that is taken, in bytes: they are stored and sent back.
const MAX_ID_BYTES: usize = 1024;

impl Sent {
    /// Reads the result of `SendMessage`.
    pub(crate) fn read(result: Value) -> Result<Self, CallError> {
        let Value::Object(mut result) = result else {
            return Err(CallError::protocol(
                "its reply holds neither a task nor a message",
            ));
        };
        match (result.remove("task"), result.remove("message")) {
            (Some(task @ Value::Object(_)), _) => Task::read(task).map(Self::Task),
            (_, Some(Value::Object(message))) => Ok(Self::Message(Message::read(message))),
            _ => Err(CallError::protocol(
                "its reply holds neither a task nor a message",
            )),
        }
    }
}

impl Task {
    /// Reads a task.
    pub(crate) fn read(task: Value) -> Result<Self, CallError> {
        let Value::Object(mut task) = task else {
            return Err(CallError::protocol(
                "its reply holds a task that is not an object",
            ));
        };
        let id = take_text(&mut task, "id").ok_or_else(|| CallError::protocol("its task has no id"))?;
        let context_id = take_text(&mut task, "contextId");
        if id.len() > MAX_ID_BYTES || context_id.as_ref().is_some_and(|id| id.len() > MAX_ID_BYTES) {
            return Err(CallError::protocol(format!(
                "its task has an id of more than {MAX_ID_BYTES} bytes"
            )));
        }
        let mut status = take_object(&mut task, "status");
        let state =
            take_text(&mut status, "state").ok_or_else(|| CallError::protocol("its task has no state"))?;
        let message = take_object(&mut status, "message");
        let artifacts = take_array(&mut task, "artifacts").into_iter();
        Ok(Self {
            id,
            context_id,
            state: TaskState::read(&state),
            message: (!message.is_empty()).then(|| Message::read(message)),
            since: take_short_text(&mut status, "timestamp"),
            artifacts: artifacts.filter_map(into_object).map(Message::read).collect(),
            metadata: take_object(&mut task, "metadata"),
        })
    }

    /// The task, if it is the one with this id: the state of another is not that of ours.
    pub(crate) fn of(self, id: &str) -> Result<Self, CallError> {
        if self.id == id {
            return Ok(self);
        }
        Err(CallError::protocol(
            "its reply is about another task than the one that was asked for",
        ))
    }

    /// What is remembered of it.
    pub(crate) fn remote(&self) -> RemoteTask {
        RemoteTask {
            task_id: self.id.clone(),
            context_id: self.context_id.clone(),
        }
    }
}

impl TaskState {
    fn read(state: &str) -> Self {
        match state.strip_prefix("TASK_STATE_").unwrap_or(state) {
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            "CANCELED" => Self::Canceled,
            "REJECTED" => Self::Rejected,
            "INPUT_REQUIRED" => Self::InputRequired,
            "AUTH_REQUIRED" => Self::AuthRequired,
            _ => Self::Live,
        }
    }
}

impl Message {
    fn read(mut message: Map<String, Value>) -> Self {
        Self {
            id: take_short_text(&mut message, "messageId"),
            parts: take_array(&mut message, "parts"),
            metadata: take_object(&mut message, "metadata"),
        }
    }

    /// Its texts, joined.
    pub(crate) fn text(&self) -> String {
        let texts: Vec<_> = self
            .parts
            .iter()
            .filter_map(|part| part.get("text")?.as_str())
            .collect();
        texts.join(" ")
    }
}

/// A text that may be kept: one that is too long is as good as none.
fn take_short_text(object: &mut Map<String, Value>, name: &str) -> Option<String> {
    take_text(object, name).filter(|text| text.len() <= MAX_ID_BYTES)
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_states_are_live() {
        for (state, expected) in [
            ("TASK_STATE_COMPLETED", TaskState::Completed),
            ("TASK_STATE_INPUT_REQUIRED", TaskState::InputRequired),
            ("TASK_STATE_WORKING", TaskState::Live),
            ("TASK_STATE_UNSPECIFIED", TaskState::Live),
            ("TASK_STATE_THINKING_HARD", TaskState::Live),
        ] {
            let task = Task::read(json!({"id": "t", "status": {"state": state}})).unwrap();
            assert_eq!(task.state, expected, "{state}");
        }
    }

    #[test]
    fn a_task_needs_an_id_of_reasonable_length_and_a_state() {
        for task in [
            json!(null),
            json!({"status": {"state": "TASK_STATE_WORKING"}}),
            json!({"id": 7, "status": {"state": "TASK_STATE_WORKING"}}),
            json!({"id": "x".repeat(1025), "status": {"state": "TASK_STATE_WORKING"}}),
            json!({"id": "t"}),
            json!({"id": "t", "status": "TASK_STATE_WORKING"}),
        ] {
            assert!(Task::read(task).is_err());
        }
    }

    #[test]
    fn what_is_empty_null_or_odd_in_a_task_is_absent() {
        let task = json!({
            "id": "t", "contextId": "", "artifacts": [null, {"parts": null}], "metadata": "", "history": 7,
            "status": {"state": "TASK_STATE_COMPLETED", "message": {}, "timestamp": "9".repeat(1025)},
        });
        let task = Task::read(task).unwrap();
        assert_eq!(
            (task.context_id, task.message, task.since, task.metadata),
            (None, None, None, Map::new())
        );
        assert_eq!(task.artifacts, [Artifact::default()]);
    }

    #[test]
    fn an_answer_is_a_task_or_a_message() {
        let message = json!({"message": {"messageId": "m", "parts": [{"text": "hi"}]}, "task": null});
        let Ok(Sent::Message(message)) = Sent::read(message) else {
            panic!("it is a message")
        };
        assert_eq!(message.text(), "hi");
        for answer in [
            json!({}),
            json!([]),
            json!({"task": "t"}),
            json!({"message": null}),
        ] {
            assert!(Sent::read(answer).is_err());
        }
    }
}
