//! The messages to an agent (language reference, section 7, `agent_call`).

use agentchains_machine::{AgentAnswer, Call, Json, MessageId, RemoteTask};

/// What an agent is told by a person who answers it without a word: a message has at least one part.
const CONSENT: &str = "ok";

/// The A2A message that asks for an attempt: a text where the config has a `message`, and the data. An agent that
/// takes only text gets the data as text, and nothing beside it.
pub(crate) fn request(call: &Call, text_only: bool) -> Json {
    let config = &call.request.config;
    let data = [
        ("config", Some(config)),
        ("input", Some(&call.input)),
        ("upstream", Some(&call.upstream)),
        ("item", call.item.as_ref()),
        ("loop", call.loop_context.as_ref()),
    ];
    let data: Json = data
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.clone())))
        .collect();
    let text = config.member("message").filter(|text| text.as_text().is_some());
    let text = text.filter(|_| !text_only).map(text_part);
    let parts = text.into_iter().chain([data_part(data, text_only)]);
    with_parts(call.message_id, parts.collect()).collect()
}

/// The A2A message that answers what a task asks: what a person said as a text, and what they filled in as data.
pub(crate) fn answer(answer: &AgentAnswer, task: &RemoteTask, text_only: bool) -> Json {
    let comment = answer.comment.as_deref().filter(|comment| !comment.is_empty());
    let said = match (comment, &answer.data) {
        (None, None) => Some(CONSENT),
        (comment, _) => comment,
    };
    let text = said.map(|text| text_part(text.into()));
    let data = answer.data.clone().map(|data| data_part(data.into(), text_only));
    let context = task.context_id.as_deref().map(|id| ("contextId", id.into()));
    with_parts(answer.message_id, text.into_iter().chain(data).collect())
        .chain([("taskId", task.task_id.as_str().into())])
        .chain(context)
        .collect()
}

fn with_parts(id: MessageId, parts: Json) -> impl Iterator<Item = (&'static str, Json)> {
    let id = id.to_string().as_str().into();
    [("messageId", id), ("role", "ROLE_USER".into()), ("parts", parts)].into_iter()
}

fn text_part(text: Json) -> Json {
    [("text", text)].into_iter().collect()
}

fn data_part(data: Json, text_only: bool) -> Json {
    if text_only {
        return text_part(data.as_str().into());
    }
    [("data", data), ("mediaType", "application/json".into())]
        .into_iter()
        .collect()
}
