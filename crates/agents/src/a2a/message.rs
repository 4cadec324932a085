//! The messages to an agent (language reference, section 7, `agent_call`), in the forms of both versions of A2A.

use agentchains_machine::{AgentAnswer, Call, Json, MessageId, RemoteTask};

use crate::request::data;

/// What an agent is told by a person who answers it without a word: a message has at least one part.
const CONSENT: &str = "ok";

/// A message, before it is written in the form of a version.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: MessageId,
    /// The task that it goes on with.
    task: Option<RemoteTask>,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(Json),
    Data(Json),
}

impl Message {
    /// Asks for an attempt: a text where the config has a `message`, and the data. An agent that takes only text gets
    /// the data as text, and nothing beside it.
    pub(super) fn request(call: &Call, text_only: bool) -> Self {
        let text = call.request.config.member("message");
        let text = text.filter(|text| !text_only && text.as_text().is_some());
        let data = Part::of_data(data(call), text_only);
        Self {
            id: call.message_id,
            task: None,
            parts: text.map(Part::Text).into_iter().chain([data]).collect(),
        }
    }

    /// Answers what a task asks: what a person said as a text, and what they filled in as data.
    pub(super) fn answer(answer: &AgentAnswer, task: &RemoteTask, text_only: bool) -> Self {
        let comment = answer.comment.as_deref().filter(|comment| !comment.is_empty());
        let said = match (comment, &answer.data) {
            (None, None) => Some(CONSENT),
            (comment, _) => comment,
        };
        let text = said.map(|text| Part::Text(text.into()));
        let data = answer
            .data
            .as_ref()
            .map(|data| Part::of_data(data.into(), text_only));
        Self {
            id: answer.message_id,
            task: Some(task.clone()),
            parts: text.into_iter().chain(data).collect(),
        }
    }

    /// The message in the form of version 1.0.
    pub(super) fn to_v1(&self) -> Json {
        let parts = self.parts.iter().map(Part::to_v1).collect();
        self.members("ROLE_USER", parts).collect()
    }

    /// The message in the form of version 0.3.
    pub(super) fn to_v0_3(&self) -> Json {
        let parts = self.parts.iter().map(Part::to_v0_3).collect();
        self.members("user", parts)
            .chain([("kind", "message".into())])
            .collect()
    }

    fn members(&self, role: &'static str, parts: Json) -> impl Iterator<Item = (&'static str, Json)> {
        let task = self.task.as_ref();
        let task_id = task.map(|task| task.task_id.as_str());
        let context_id = task.and_then(|task| task.context_id.as_deref());
        let id = self.id.to_string();
        [
            ("messageId", id.as_str().into()),
            ("role", role.into()),
            ("parts", parts),
        ]
        .into_iter()
        .chain(task_id.map(|id| ("taskId", id.into())))
        .chain(context_id.map(|id| ("contextId", id.into())))
    }
}

impl Part {
    fn of_data(data: Json, text_only: bool) -> Self {
        if text_only {
            return Self::as_text(&data);
        }
        Self::Data(data)
    }

    fn as_text(data: &Json) -> Self {
        Self::Text(data.as_str().into())
    }

    fn to_v1(&self) -> Json {
        match self {
            Self::Text(text) => [("text", text.clone())].into_iter().collect(),
            Self::Data(data) => [("data", data.clone()), ("mediaType", "application/json".into())]
                .into_iter()
                .collect(),
        }
    }

    /// The data of version 0.3 are an object; another value goes as its text.
    fn to_v0_3(&self) -> Json {
        match self {
            Self::Text(text) => [("kind", "text".into()), ("text", text.clone())]
                .into_iter()
                .collect(),
            Self::Data(data) if data.as_str().starts_with('{') => {
                [("kind", "data".into()), ("data", data.clone())]
                    .into_iter()
                    .collect()
            }
            Self::Data(data) => Self::as_text(data).to_v0_3(),
        }
    }
}
