//! The type `agent_call` (section 7).

use serde_json::json;

use crate::{
    decode::{
        Fields,
        scalar::{invalid, text, wrong_type},
    },
    diagnostic::Code,
    document::AgentCall,
    limits,
    report::Report,
    template::{Template, Use},
    tree::At,
};

/// Decodes what only an `agent_call` has.
pub(super) fn decode(fields: &Fields<'_>, uses: &mut Vec<Use>, report: &mut Report) -> Option<AgentCall> {
    let config_at = fields.get("config");
    let agent = agent(fields, config_at.as_ref(), report);
    let config = match config_at {
        None => Some(Template::constant(json!({}))),
        Some(at) if at.value.as_object().is_some() => Template::compile(&at, uses, report),
        Some(at) => {
            wrong_type(&at, "an object", report);
            None
        }
    };
    let (agent_id, inline) = agent?;
    Some(AgentCall {
        agent_id,
        inline,
        config: config?,
    })
}

/// The agent, and whether it is named by its address.
fn agent(fields: &Fields<'_>, config: Option<&At<'_>>, report: &mut Report) -> Option<(String, bool)> {
    if let Some(at) = fields.get("agent_id") {
        let id = text(&at, 1..=limits::MAX_NAME_CHARS, report)?;
        return Some((id, false));
    }
    let endpoint = config.and_then(|config| config.members().find(|(key, _)| *key == "endpoint"));
    let Some((_, at)) = endpoint else {
        report.add(
            Code::MissingField,
            fields.at.missing_spot("agent_id"),
            "`agent_id` or, in the config, `endpoint` is required",
        );
        return None;
    };
    let endpoint = text(&at, 1..=limits::MAX_URL_CHARS, report)?;
    let is_address = ["http://", "https://"]
        .iter()
        .any(|scheme| endpoint.starts_with(scheme));
    if !is_address || endpoint.contains("{{") {
        invalid(
            &at,
            "an endpoint is an http or https address without templates",
            report,
        );
        return None;
    }
    Some((endpoint, true))
}
