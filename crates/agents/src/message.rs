//! The message of an attempt (language reference, section 7, `agent_call`).

use agentchains_machine::{Call, Json};

/// The A2A message that asks for an attempt: a text where the config has a `message`, and the data. An agent that
/// takes only text gets the data as text, and nothing beside it.
pub(crate) fn message(call: &Call, text_only: bool) -> Json {
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
    let parts: Json = if text_only {
        [part("text", data.as_str().into())].into_iter().collect()
    } else {
        let text = config.member("message").filter(|text| text.as_text().is_some());
        let text = text.map(|text| part("text", text));
        let data = [("data", data), ("mediaType", "application/json".into())];
        text.into_iter().chain([data.into_iter().collect()]).collect()
    };
    let message = [
        ("messageId", call.message_id.to_string().as_str().into()),
        ("role", "ROLE_USER".into()),
        ("parts", parts),
    ];
    message.into_iter().collect()
}

fn part(name: &str, value: Json) -> Json {
    [(name, value)].into_iter().collect()
}
