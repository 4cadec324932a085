//! Version 0.3, as a translation: requests into the form of 1.0, and answers from it.
//!
//! Its two bindings differ. Over JSON-RPC every object names its kind, and words are small and hyphenated; over HTTP+JSON
//! objects are those of the protocol buffers of that version, in which a message has `content` where others have `parts`.

use agentchains_engine::machine::time::format_millis;
use serde_json::{Map, Value, json};

use crate::model::{
    Artifact, ArtifactUpdate, Content, Message, Part, Role, StatusUpdate, Task, TaskState, TaskStatus,
};

/// Which of the two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON-RPC.
    Kinds,
    /// HTTP+JSON.
    Proto,
}

/// Where the names of a file's parts differ: those of 1.0, of JSON-RPC and of HTTP+JSON.
const FILE: [(&str, &str, &str); 4] = [
    ("raw", "bytes", "fileWithBytes"),
    ("url", "uri", "fileWithUri"),
    ("filename", "name", "name"),
    ("mediaType", "mimeType", "mimeType"),
];

/// Parameters of either form in that of 1.0.
pub(super) fn to_current(mut params: Map<String, Value>) -> Map<String, Value> {
    if let Some(request) = params.remove("request") {
        params.entry("message").or_insert(request);
    }
    if let Some(Value::Object(message)) = params.get_mut("message") {
        current_message(message);
    }
    if let Some(state) = params.get_mut("status")
        && let Some(known) = state.as_str().and_then(current_state)
    {
        *state = known.as_str().into();
    }
    params
}

fn current_message(message: &mut Map<String, Value>) {
    if let Some(content) = message.remove("content") {
        message.entry("parts").or_insert(content);
    }
    if message.get("role").and_then(Value::as_str) == Some("user") {
        message.insert("role".to_owned(), "ROLE_USER".into());
    }
    if let Some(Value::Array(parts)) = message.get_mut("parts") {
        for part in parts {
            current_part(part);
        }
    }
}

fn current_part(part: &mut Value) {
    let Some(object) = part.as_object_mut() else {
        return;
    };
    let kind = object.remove("kind");
    if let Some(Value::Object(mut file)) = object.remove("file") {
        for (name, kinds, proto) in FILE {
            let found = file.remove(kinds).or_else(|| file.remove(proto));
            if let Some(value) = found.filter(|value| !value.is_null()) {
                object.insert(name.to_owned(), value);
            }
        }
    }
    // The protocol buffers wrap data once more.
    if kind.is_none()
        && let Some(Value::Object(wrapped)) = object.get_mut("data")
        && wrapped.len() == 1
        && let Some(data @ Value::Object(_)) = wrapped.remove("data")
    {
        object.insert("data".to_owned(), data);
    }
}

fn current_state(word: &str) -> Option<TaskState> {
    TaskState::ALL
        .into_iter()
        .find(|state| word == Form::Kinds.state(*state) || word == Form::Proto.state(*state))
}

impl Form {
    pub(super) fn task(self, task: &Task) -> Value {
        let mut object = self.named("task");
        object.insert("id".to_owned(), task.id.as_str().into());
        object.insert("contextId".to_owned(), task.context_id.as_str().into());
        object.insert("status".to_owned(), self.status(&task.status));
        if !task.artifacts.is_empty() {
            let artifacts = task.artifacts.iter().map(|artifact| self.artifact(artifact));
            object.insert("artifacts".to_owned(), artifacts.collect());
        }
        if !task.history.is_empty() {
            let history = task.history.iter().map(|message| self.message(message));
            object.insert("history".to_owned(), history.collect());
        }
        with_metadata(object, &task.metadata)
    }

    pub(super) fn message(self, message: &Message) -> Value {
        let mut object = self.named("message");
        object.insert("messageId".to_owned(), message.message_id.as_str().into());
        for (name, id) in [("contextId", &message.context_id), ("taskId", &message.task_id)] {
            if let Some(id) = id {
                object.insert(name.to_owned(), id.as_str().into());
            }
        }
        let (role, parts) = match (self, message.role) {
            (Self::Kinds, Role::User) => ("user", "parts"),
            (Self::Kinds, Role::Agent) => ("agent", "parts"),
            (Self::Proto, Role::User) => ("ROLE_USER", "content"),
            (Self::Proto, Role::Agent) => ("ROLE_AGENT", "content"),
        };
        object.insert("role".to_owned(), role.into());
        object.insert(parts.to_owned(), self.parts(&message.parts));
        with_metadata(object, &message.metadata)
    }

    /// An update says that it is the last one where the task is terminal.
    pub(super) fn status_update(self, update: &StatusUpdate) -> Value {
        let mut object = self.named("status-update");
        object.insert("taskId".to_owned(), update.task_id.as_str().into());
        object.insert("contextId".to_owned(), update.context_id.as_str().into());
        object.insert("status".to_owned(), self.status(&update.status));
        object.insert("final".to_owned(), update.status.state.is_terminal().into());
        with_metadata(object, &update.metadata)
    }

    pub(super) fn artifact_update(self, update: &ArtifactUpdate) -> Value {
        let mut object = self.named("artifact-update");
        object.insert("taskId".to_owned(), update.task_id.as_str().into());
        object.insert("contextId".to_owned(), update.context_id.as_str().into());
        object.insert("artifact".to_owned(), self.artifact(&update.artifact));
        object.insert("append".to_owned(), update.append.into());
        object.insert("lastChunk".to_owned(), update.last_chunk.into());
        object.into()
    }

    fn status(self, status: &TaskStatus) -> Value {
        let mut object = Map::new();
        object.insert("state".to_owned(), self.state(status.state).into());
        object.insert("timestamp".to_owned(), format_millis(status.timestamp).into());
        if let Some(message) = &status.message {
            object.insert("message".to_owned(), self.message(message));
        }
        object.into()
    }

    fn artifact(self, artifact: &Artifact) -> Value {
        json!({
            "artifactId": artifact.artifact_id,
            "name": artifact.name,
            "parts": self.parts(&artifact.parts),
        })
    }

    fn parts(self, parts: &[Part]) -> Value {
        parts.iter().map(|part| self.part(part)).collect()
    }

    fn part(self, part: &Part) -> Value {
        match (self, &part.content) {
            (Self::Kinds, Content::Text(text)) => json!({"kind": "text", "text": text}),
            (Self::Proto, Content::Text(text)) => json!({"text": text}),
            (Self::Kinds, Content::Data(data @ Value::Object(_))) => json!({"kind": "data", "data": data}),
            (Self::Proto, Content::Data(data @ Value::Object(_))) => json!({"data": {"data": data}}),
            // The data of this version are an object; another value goes as its text.
            (_, Content::Data(data)) => self.part(&Part::text(data.to_string())),
            (_, Content::Raw(content)) => self.file(part, FILE[0], content),
            (_, Content::Url(content)) => self.file(part, FILE[1], content),
        }
    }

    fn file(self, part: &Part, (_, kinds, proto): (&str, &str, &str), content: &str) -> Value {
        let mut file = Map::new();
        let place = if self == Self::Kinds { kinds } else { proto };
        file.insert(place.to_owned(), content.into());
        for (name, said) in [("name", &part.filename), ("mimeType", &part.media_type)] {
            if let Some(said) = said {
                file.insert(name.to_owned(), said.as_str().into());
            }
        }
        let mut object = self.named("file");
        object.insert("file".to_owned(), file.into());
        object.into()
    }

    /// The word for a state.
    fn state(self, state: TaskState) -> String {
        match (self, state) {
            (Self::Proto, TaskState::Canceled) => "TASK_STATE_CANCELLED".to_owned(),
            (Self::Proto, _) => state.as_str().to_owned(),
            (Self::Kinds, _) => {
                let word = state.as_str().trim_start_matches("TASK_STATE_");
                word.to_ascii_lowercase().replace('_', "-")
            }
        }
    }

    /// An object that says what it is, where objects do.
    fn named(self, kind: &str) -> Map<String, Value> {
        match self {
            Self::Kinds => Map::from_iter([("kind".to_owned(), kind.into())]),
            Self::Proto => Map::new(),
        }
    }
}

fn with_metadata(mut object: Map<String, Value>, metadata: &Map<String, Value>) -> Value {
    if !metadata.is_empty() {
        object.insert("metadata".to_owned(), metadata.clone().into());
    }
    object.into()
}
