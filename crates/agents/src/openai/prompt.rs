//! What a model is asked: the body of the request.

use std::collections::BTreeMap;

use agentchains_machine::{Call, Json};
use agentchains_ports::OpenAiSettings;
use serde_json::json;

use crate::{
    failure::Classified,
    request::{data, not_sent},
};

/// Members of a config that are passed on as they are. Tools, streams and several choices are not among them: nobody
/// is there to run the first, to read the second or to choose.
const PASSED_ON: [&str; 9] = [
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "presence_penalty",
    "reasoning_effort",
    "seed",
    "stop",
    "temperature",
    "top_p",
];

/// The body of the request for one completion.
pub(super) fn body(call: &Call, settings: &OpenAiSettings) -> Result<Json, Box<Classified>> {
    let config = call.request.config.members().unwrap_or_default();
    let model = text(&config, "model").or_else(|| settings.model.clone());
    let model = model.ok_or_else(|| {
        not_sent("was not told which model to use; name one in the node's config or in the agent's settings")
    })?;
    let mut body: BTreeMap<&str, Json> = BTreeMap::from([
        ("model", model.as_str().into()),
        ("messages", messages(call, &config, settings)),
    ]);
    if !config.contains_key("max_completion_tokens")
        && let Some(most) = settings.max_tokens
    {
        body.insert("max_tokens", most.get().into());
    }
    if let Some(temperature) = settings.temperature {
        body.insert("temperature", json!(temperature).into());
    }
    for name in PASSED_ON {
        if let Some(value) = config.get(name) {
            body.insert(name, value.clone());
        }
    }
    let asked = config.get("response_format").map(response_format);
    if let Some(format) = asked.or_else(|| call.output_schema.as_ref().map(schema_format)) {
        body.insert("response_format", format);
    }
    Ok(body.into_iter().collect())
}

/// The config's own messages, else what the system is told and the prompt. Without a prompt, the data are the prompt.
fn messages(call: &Call, config: &BTreeMap<String, Json>, settings: &OpenAiSettings) -> Json {
    if let Some(messages) = config.get("messages").filter(|given| given.items().is_some()) {
        return messages.clone();
    }
    let system = text(config, "system").or_else(|| settings.system.clone());
    let prompt = text(config, "prompt").or_else(|| text(config, "message"));
    let prompt = prompt.unwrap_or_else(|| data(call).to_string());
    let system = system.map(|system| message("system", &system));
    system.into_iter().chain([message("user", &prompt)]).collect()
}

fn message(role: &str, content: &str) -> Json {
    [("role", role.into()), ("content", content.into())]
        .into_iter()
        .collect()
}

/// A format may be given by its name alone: `"json_object"`.
fn response_format(given: &Json) -> Json {
    match given.as_text() {
        Some(name) => json!({"type": name}).into(),
        None => given.clone(),
    }
}

/// The format that an output of this schema is asked for with.
fn schema_format(schema: &Json) -> Json {
    let named = [("name", "output".into()), ("schema", schema.clone())];
    let format = [
        ("type", "json_schema".into()),
        ("json_schema", named.into_iter().collect()),
    ];
    format.into_iter().collect()
}

/// A member that is a text and not empty.
fn text(config: &BTreeMap<String, Json>, name: &str) -> Option<String> {
    let text = config.get(name)?.as_text()?;
    (!text.is_empty()).then(|| text.into_owned())
}
