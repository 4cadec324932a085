//! Tasks and messages as agents send them (section 4.1 of A2A), read leniently.

use agentchains_machine::RemoteTask;
use serde_json::{Map, Value};

use super::part::normalised;
use crate::{
    error::CallError,
    lenient::{take_array, take_object, take_text},
};

/// A task.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) context_id: Option<String>,
    pub(crate) state: TaskState,
    /// What the agent says about the state.
    pub(crate) message: Option<Message>,
    /// When it came to be in that state, in the agent's own words.
    pub(crate) since: Option<String>,
    pub(crate) artifacts: Vec<Artifact>,
    /// The ids of the messages that belong to it, as far as they were asked for.
    pub(crate) history: Vec<String>,
    pub(crate) metadata: Map<String, Value>,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TaskState {
    /// Submitted, working, or in a state that is not known here.
    #[default]
    Live,
    Completed,
    Failed,
    Canceled,
    Rejected,
    InputRequired,
    AuthRequired,
}

/// A message: parts with metadata.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Message {
    /// Its id, unless it is too long to be kept.
    pub(crate) id: Option<String>,
    pub(crate) parts: Vec<Value>,
    pub(crate) metadata: Map<String, Value>,
}

/// A result of a task.
#[derive(Debug, PartialEq, Default)]
pub(crate) struct Artifact {
    pub(crate) id: Option<String>,
    pub(crate) parts: Vec<Value>,
    pub(crate) metadata: Map<String, Value>,
    /// How many bytes the pieces had that it was put together from.
    pub(crate) bytes: usize,
}

/// The longest id of a task or a context that is taken, in bytes: they are stored and sent back.
pub(super) const MAX_ID_BYTES: usize = 1024;

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
        let artifacts = take_array(&mut task, "artifacts").into_iter();
        let history = take_array(&mut task, "history").into_iter();
        Ok(Self {
            id,
            context_id,
            state: TaskState::read(&state),
            message: Message::of_status(&mut status),
            since: take_short_text(&mut status, "timestamp"),
            artifacts: artifacts.filter_map(into_object).map(Artifact::read).collect(),
            history: history
                .filter_map(|message| take_short_text(&mut into_object(message)?, "messageId"))
                .collect(),
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
    /// Reads a state by its name in version 1.0 or 0.3, which has no prefix, small letters and hyphens.
    pub(crate) fn read(state: &str) -> Self {
        match state.strip_prefix("TASK_STATE_").unwrap_or(state) {
            "COMPLETED" | "completed" => Self::Completed,
            "FAILED" | "failed" => Self::Failed,
            "CANCELED" | "canceled" => Self::Canceled,
            "REJECTED" | "rejected" => Self::Rejected,
            "INPUT_REQUIRED" | "input-required" => Self::InputRequired,
            "AUTH_REQUIRED" | "auth-required" => Self::AuthRequired,
            _ => Self::Live,
        }
    }

    /// Whether a task in this state never changes any more.
    pub(crate) const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Canceled | Self::Rejected
        )
    }
}

impl Message {
    pub(crate) fn read(mut message: Map<String, Value>) -> Self {
        Self {
            id: take_short_text(&mut message, "messageId"),
            parts: take_parts(&mut message),
            metadata: take_object(&mut message, "metadata"),
        }
    }

    /// What the agent says about a state.
    pub(crate) fn of_status(status: &mut Map<String, Value>) -> Option<Self> {
        let message = take_object(status, "message");
        (!message.is_empty()).then(|| Self::read(message))
    }

    /// Its texts, joined.
    pub(crate) fn text(&self) -> String {
        text_of(&self.parts)
    }
}

impl Artifact {
    pub(crate) fn read(mut artifact: Map<String, Value>) -> Self {
        Self {
            id: take_short_text(&mut artifact, "artifactId"),
            parts: take_parts(&mut artifact),
            metadata: take_object(&mut artifact, "metadata"),
            bytes: 0,
        }
    }

    /// Its texts, joined.
    pub(crate) fn text(&self) -> String {
        text_of(&self.parts)
    }
}

fn take_parts(object: &mut Map<String, Value>) -> Vec<Value> {
    take_array(object, "parts").into_iter().map(normalised).collect()
}

fn text_of(parts: &[Value]) -> String {
    let texts: Vec<_> = parts
        .iter()
        .filter_map(|part| part.get("text")?.as_str())
        .collect();
    texts.join(" ")
}

/// A text that may be kept: one that is too long is as good as none.
pub(super) fn take_short_text(object: &mut Map<String, Value>, name: &str) -> Option<String> {
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
    fn states_are_read_by_the_names_of_both_versions_and_unknown_ones_are_live() {
        for (state, expected) in [
            ("TASK_STATE_COMPLETED", TaskState::Completed),
            ("TASK_STATE_INPUT_REQUIRED", TaskState::InputRequired),
            ("completed", TaskState::Completed),
            ("auth-required", TaskState::AuthRequired),
            ("submitted", TaskState::Live),
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
}
