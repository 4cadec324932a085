//! The message of an attempt (language reference, section 7, `agent_call`).

use agentchains_machine::Call;
use serde_json::{Value, json};

/// The A2A message that asks for an attempt: a text where the config has a `message`, and the data. An agent that
/// takes only text gets the data as text, and nothing beside it.
pub(crate) fn message(call: &Call, text_only: bool) -> Value {
    let config = &call.request.config;
    let mut data = json!({"config": config, "input": call.input, "upstream": call.upstream});
    for (name, value) in [("item", &call.item), ("loop", &call.loop_context)] {
        if let Some(value) = value {
            data[name] = Value::clone(value);
        }
    }
    let mut parts = Vec::with_capacity(2);
    if text_only {
        parts.push(json!({"text": data.to_string()}));
    } else {
        if let Some(text) = config.get("message").and_then(Value::as_str) {
            parts.push(json!({"text": text}));
        }
        parts.push(json!({"data": data, "mediaType": "application/json"}));
    }
    json!({"messageId": call.message_id.to_string(), "role": "ROLE_USER", "parts": parts})
}
