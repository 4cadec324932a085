//! The type `agent_call` (section 7).

use serde_json::json;

use crate::{
    decode::{
        Fields,
        scalar::{text, wrong_type},
    },
    document::AgentCall,
    limits,
    report::Report,
    template::{Template, Use},
};

/// Decodes what only an `agent_call` has.
pub(super) fn decode(fields: &Fields<'_>, uses: &mut Vec<Use>, report: &mut Report) -> Option<AgentCall> {
    let agent_id = fields.require("agent_id", report);
    let agent_id = agent_id.and_then(|at| text(&at, 1..=limits::MAX_NAME_CHARS, report));
    let config = match fields.get("config") {
        None => Some(Template::constant(json!({}))),
        Some(at) if at.value.as_object().is_some() => Template::compile(&at, uses, report),
        Some(at) => {
            wrong_type(&at, "an object", report);
            None
        }
    };
    Some(AgentCall {
        agent_id: agent_id?,
        config: config?,
    })
}
