//! Which tool is called, and with what.

use agentchains_machine::Call;
use agentchains_ports::McpSettings;
use rmcp::model::CallToolRequestParams;
use serde_json::{Map, Value};

use crate::{failure::Classified, request::not_sent};

/// The call of a tool: the config's `tool`, else that of the settings, with the config's `arguments`, else its other
/// members, else the execution's input.
pub(super) fn params(call: &Call, settings: &McpSettings) -> Result<CallToolRequestParams, Box<Classified>> {
    let mut config = object(call.request.config.to_value()).unwrap_or_default();
    let tool = match config.remove("tool") {
        Some(Value::String(tool)) if !tool.is_empty() => Some(tool),
        _ => settings.tool.clone(),
    };
    let tool = tool.ok_or_else(|| {
        not_sent("was not told which tool to call; name one in the node's config or in the agent's settings")
    })?;
    let arguments = match config.remove("arguments") {
        Some(given) => object(given).ok_or_else(|| {
            not_sent("takes arguments by name only; make `arguments` in the node's config an object")
        })?,
        None if config.is_empty() => object(call.input.to_value()).unwrap_or_default(),
        None => config,
    };
    Ok(CallToolRequestParams::new(tool).with_arguments(arguments))
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}
