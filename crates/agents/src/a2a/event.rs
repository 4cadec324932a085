//! What an agent tells in one piece: the answer to a message, or one event of a stream (section 4.2 of A2A).

use serde_json::{Map, Value};

use super::task::{Artifact, MAX_ID_BYTES, Message, Task, TaskState, take_short_text};
use crate::{
    error::CallError,
    lenient::{take_object, take_text},
};

/// A piece of what an agent tells.
#[derive(Debug, PartialEq)]
pub(super) enum Event {
    /// How a task stands.
    Task(Task),
    /// The answer, without a task.
    Message(Message),
    /// A task came to be in a state.
    Status(StatusUpdate),
    /// A task made a result, or a piece of one.
    Artifact(ArtifactUpdate),
}

/// Which task something is about, as far as that is said.
#[derive(Debug, Default, PartialEq)]
pub(super) struct About {
    pub(super) task_id: Option<String>,
    pub(super) context_id: Option<String>,
}

/// A task came to be in a state.
#[derive(Debug, PartialEq)]
pub(super) struct StatusUpdate {
    pub(super) about: About,
    pub(super) state: TaskState,
    pub(super) message: Option<Message>,
    pub(super) since: Option<String>,
    pub(super) metadata: Map<String, Value>,
}

/// A task made a result, or a piece of one.
#[derive(Debug, PartialEq)]
pub(super) struct ArtifactUpdate {
    pub(super) about: About,
    pub(super) artifact: Artifact,
    /// Whether the parts come after those that the artifact has; else they take their place.
    pub(super) appends: bool,
    pub(super) metadata: Map<String, Value>,
}

impl Event {
    /// Reads an event of either version: of 1.0 the one member of an object, of 0.3 an object that names its kind.
    pub(super) fn read(event: Value) -> Result<Self, CallError> {
        let unknown = || CallError::protocol("its reply holds neither a task nor a message");
        let Value::Object(mut event) = event else {
            return Err(unknown());
        };
        let kind = take_text(&mut event, "kind");
        match kind.as_deref() {
            Some("task") => return Task::read(event.into()).map(Self::Task),
            Some("message") => return Ok(Self::Message(Message::read(event))),
            Some("status-update") => return StatusUpdate::read(event).map(Self::Status),
            Some("artifact-update") => return ArtifactUpdate::read(event).map(Self::Artifact),
            _ => {}
        }
        let mut member = |name: &str| Some(take_object(&mut event, name)).filter(|member| !member.is_empty());
        if let Some(task) = member("task") {
            return Task::read(task.into()).map(Self::Task);
        }
        if let Some(update) = member("statusUpdate") {
            return StatusUpdate::read(update).map(Self::Status);
        }
        if let Some(update) = member("artifactUpdate") {
            return ArtifactUpdate::read(update).map(Self::Artifact);
        }
        member("message")
            .map(|message| Self::Message(Message::read(message)))
            .ok_or_else(unknown)
    }
}

impl About {
    fn read(update: &mut Map<String, Value>) -> Result<Self, CallError> {
        let about = Self {
            task_id: take_text(update, "taskId"),
            context_id: take_text(update, "contextId"),
        };
        let mut ids = about.task_id.iter().chain(&about.context_id);
        if ids.any(|id| id.len() > MAX_ID_BYTES) {
            return Err(CallError::protocol(format!(
                "its stream names a task by an id of more than {MAX_ID_BYTES} bytes"
            )));
        }
        Ok(about)
    }
}

impl StatusUpdate {
    fn read(mut update: Map<String, Value>) -> Result<Self, CallError> {
        let mut status = take_object(&mut update, "status");
        let state = take_text(&mut status, "state");
        let state = state.ok_or_else(|| CallError::protocol("its stream has a status without a state"))?;
        Ok(Self {
            about: About::read(&mut update)?,
            state: TaskState::read(&state),
            message: Message::of_status(&mut status),
            since: take_short_text(&mut status, "timestamp"),
            metadata: take_object(&mut update, "metadata"),
        })
    }
}

impl ArtifactUpdate {
    fn read(mut update: Map<String, Value>) -> Result<Self, CallError> {
        Ok(Self {
            about: About::read(&mut update)?,
            artifact: Artifact::read(take_object(&mut update, "artifact")),
            appends: update.get("append") == Some(&Value::Bool(true)),
            metadata: take_object(&mut update, "metadata"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_of_both_versions_are_the_same() {
        let status =
            json!({"state": "TASK_STATE_WORKING", "message": {"messageId": "m", "parts": [{"text": "x"}]}});
        let old_status = json!({"state": "working", "message": {"messageId": "m", "parts": [{"kind": "text", "text": "x"}]}});
        for (event, old) in [
            (
                json!({"task": {"id": "t", "status": status}}),
                json!({"kind": "task", "id": "t", "status": old_status}),
            ),
            (
                json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": status, "metadata": {"a": 1}}}),
                json!({"kind": "status-update", "taskId": "t", "contextId": "c", "status": old_status, "metadata": {"a": 1}, "final": false}),
            ),
            (
                json!({"artifactUpdate": {"taskId": "t", "artifact": {"artifactId": "a", "parts": [{"raw": "aGk="}]}, "append": true}}),
                json!({"kind": "artifact-update", "taskId": "t", "artifact": {"artifactId": "a", "parts": [{"file": {"bytes": "aGk="}}]}, "append": true}),
            ),
            (
                json!({"message": {"messageId": "m"}, "task": null, "statusUpdate": {}}),
                json!({"kind": "message", "messageId": "m"}),
            ),
        ] {
            assert_eq!(
                Event::read(event).unwrap(),
                Event::read(old.clone()).unwrap(),
                "{old}"
            );
        }
    }

    #[test]
    fn what_is_no_event_is_against_the_protocol() {
        for event in [
            json!({}),
            json!([]),
            json!({"task": "t"}),
            json!({"message": null}),
            json!({"statusUpdate": {"taskId": "t"}}),
            json!({"statusUpdate": {"taskId": "x".repeat(1025), "status": {"state": "TASK_STATE_WORKING"}}}),
            json!({"artifactUpdate": {"contextId": "x".repeat(1025)}}),
            json!({"kind": "task", "id": "t"}),
        ] {
            assert!(Event::read(event.clone()).is_err(), "{event}");
        }
    }
}
