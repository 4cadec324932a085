//! The agent card (section 4.4 of the specification), served at the well-known path.

use serde_json::{Value, json};

use crate::skills::Skill;

/// Where the card is.
pub(crate) const CARD_PATH: &str = "/.well-known/agent-card.json";

/// Where JSON-RPC is spoken.
pub(crate) const RPC_PATH: &str = "/a2a";

/// The version of the protocol that is spoken.
pub(crate) const VERSION: &str = "1.0";

/// The card of an agent whose base address is `base`.
pub(crate) fn card(skill: &Skill, base: &str) -> Value {
    json!({
        "name": skill.name,
        "description": skill.description,
        "version": env!("CARGO_PKG_VERSION"),
        "supportedInterfaces": [
            {"url": format!("{base}{RPC_PATH}"), "protocolBinding": "JSONRPC", "protocolVersion": VERSION}
        ],
        "capabilities": {"streaming": false, "pushNotifications": false, "extendedAgentCard": false},
        "defaultInputModes": ["application/json", "text/plain"],
        "defaultOutputModes": ["application/json"],
        "skills": [{
            "id": skill.id,
            "name": skill.name,
            "description": skill.description,
            "tags": ["demo"],
        }],
    })
}
