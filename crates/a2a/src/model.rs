//! What the protocol speaks of: messages, tasks and what happens to them, in the form of A2A 1.0 (section 4 of its
//! specification). The form of 0.3 is made from this one.

use agentchains_engine::machine::time::rfc3339_millis;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// Something that is said (section 4.1.4).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    pub(crate) message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task_id: Option<String>,
    pub(crate) role: Role,
    pub(crate) parts: Vec<Part>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) metadata: Map<String, Value>,
}

/// Who says it (section 4.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Role {
    #[serde(rename = "ROLE_USER")]
    User,
    #[serde(rename = "ROLE_AGENT")]
    Agent,
}

/// A piece of content (section 4.1.6).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    #[serde(flatten)]
    pub(crate) content: Content,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) media_type: Option<String>,
}

/// What a piece consists of.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Content {
    Text(String),
    /// A file's bytes in base64 (RFC 4648, section 4).
    Raw(String),
    /// Where a file is.
    Url(String),
    Data(Value),
}

/// The state of a task (section 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskState {
    Submitted,
    Working,
    InputRequired,
    AuthRequired,
    Completed,
    Failed,
    Canceled,
    Rejected,
}

/// Where a task stands (section 4.1.2).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TaskStatus {
    pub(crate) state: TaskState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Message>,
    #[serde(with = "rfc3339_millis")]
    pub(crate) timestamp: Timestamp,
}

/// A result (section 4.1.7).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Artifact {
    pub(crate) artifact_id: String,
    pub(crate) name: String,
    pub(crate) parts: Vec<Part>,
}

/// A piece of work (section 4.1.1).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) context_id: String,
    pub(crate) status: TaskStatus,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) artifacts: Vec<Artifact>,
    /// Oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) history: Vec<Message>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) metadata: Map<String, Value>,
}

/// A task came to be in a state (section 4.2.1).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusUpdate {
    pub(crate) task_id: String,
    pub(crate) context_id: String,
    pub(crate) status: TaskStatus,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) metadata: Map<String, Value>,
}

/// A task made a result, or a piece of one (section 4.2.2).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ArtifactUpdate {
    pub(crate) task_id: String,
    pub(crate) context_id: String,
    pub(crate) artifact: Artifact,
    /// Whether the parts come after those that the artifact has; else they take their place.
    pub(crate) append: bool,
    pub(crate) last_chunk: bool,
}

/// What is told of a task as it happens (section 4.2).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Update {
    Status(StatusUpdate),
    Artifact(ArtifactUpdate),
}

impl Message {
    /// What the agent says about a task.
    pub(crate) fn of_agent(message_id: String, task_id: &str, context_id: &str, parts: Vec<Part>) -> Self {
        Self {
            message_id,
            context_id: Some(context_id.to_owned()),
            task_id: Some(task_id.to_owned()),
            role: Role::Agent,
            parts,
            metadata: Map::new(),
        }
    }

    /// Its text parts, one to a line; `None` where there are none.
    pub(crate) fn text(&self) -> Option<String> {
        let texts: Vec<&str> = self.parts.iter().filter_map(Part::as_text).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// Its data parts.
    pub(crate) fn data(&self) -> impl Iterator<Item = &Value> {
        self.parts.iter().filter_map(|part| match &part.content {
            Content::Data(data) => Some(data),
            _ => None,
        })
    }
}

impl Part {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::of(Content::Text(text.into()))
    }

    pub(crate) fn data(data: Value) -> Self {
        Self {
            media_type: Some("application/json".to_owned()),
            ..Self::of(Content::Data(data))
        }
    }

    pub(crate) const fn of(content: Content) -> Self {
        Self {
            content,
            filename: None,
            media_type: None,
        }
    }

    fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl TaskState {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Submitted,
        Self::Working,
        Self::InputRequired,
        Self::AuthRequired,
        Self::Completed,
        Self::Failed,
        Self::Canceled,
        Self::Rejected,
    ];

    /// Whether a task in this state never changes any more.
    pub(crate) const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Canceled | Self::Rejected
        )
    }

    /// Whether nothing happens to a task in this state unless somebody does something about it.
    pub(crate) const fn is_at_rest(self) -> bool {
        self.is_terminal() || matches!(self, Self::InputRequired | Self::AuthRequired)
    }

    /// The word for it in version 1.0.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "TASK_STATE_SUBMITTED",
            Self::Working => "TASK_STATE_WORKING",
            Self::InputRequired => "TASK_STATE_INPUT_REQUIRED",
            Self::AuthRequired => "TASK_STATE_AUTH_REQUIRED",
            Self::Completed => "TASK_STATE_COMPLETED",
            Self::Failed => "TASK_STATE_FAILED",
            Self::Canceled => "TASK_STATE_CANCELED",
            Self::Rejected => "TASK_STATE_REJECTED",
        }
    }
}

impl Serialize for TaskState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Update {
    /// The state that the task came to be in, where that is what is told.
    pub(crate) const fn state(&self) -> Option<TaskState> {
        match self {
            Self::Status(update) => Some(update.status.state),
            Self::Artifact(_) => None,
        }
    }
}
