//! Agent cards (section 4.4 of A2A), read leniently.

use serde_json::Value;

use super::interface::{Interface, choose};
use crate::{
    error::CallError,
    lenient::{is_true, items, text},
    quote::quote,
};

/// What is needed of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentCard {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) streaming: bool,
    /// Whether the agent takes nothing but text.
    pub(crate) text_only: bool,
    pub(crate) interface: Interface,
    /// What to try when the agent does not speak the version of that.
    pub(crate) older: Option<Interface>,
}

impl AgentCard {
    /// Reads a card and chooses among the interfaces that it offers.
    pub(crate) fn read(card: &Value) -> Result<Self, CallError> {
        if !card.is_object() {
            return Err(CallError::protocol("its agent card is not a JSON object"));
        }
        let capabilities = card.get("capabilities").unwrap_or(&Value::Null);
        let required = items(capabilities, "extensions")
            .iter()
            .find(|extension| is_true(extension, "required"));
        if let Some(extension) = required {
            let uri = quote(text(extension, "uri").unwrap_or_default());
            return Err(CallError::protocol(format!(
                "it requires the extension {uri:?}, which is not known here"
            )));
        }
        let modes = items(card, "defaultInputModes");
        let is_text = |mode: &Value| mode.as_str().is_some_and(|mode| mode.starts_with("text/"));
        let (interface, older) = choose(card)?;
        Ok(Self {
            name: text(card, "name").unwrap_or("unnamed").to_owned(),
            description: text(card, "description").map(str::to_owned),
            streaming: is_true(capabilities, "streaming"),
            text_only: !modes.is_empty() && modes.iter().all(is_text),
            interface,
            older,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_card_that_asks_for_what_is_not_known_here_is_refused() {
        let extension = |required: bool| {
            let capabilities = json!({"extensions": [{"uri": "urn:x", "required": required}]});
            json!({"capabilities": capabilities, "url": "http://a.example/"})
        };
        assert!(AgentCard::read(&extension(false)).is_ok());
        for (card, said) in [(extension(true), "urn:x"), (json!("card"), "not a JSON object")] {
            let error = AgentCard::read(&card).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn empty_and_null_fields_are_absent() {
        let card = json!({
            "name": "", "description": null, "defaultInputModes": [], "capabilities": null,
            "supportedInterfaces": [{"url": "http://a.example/", "protocolBinding": "", "tenant": ""}],
        });
        let card = AgentCard::read(&card).unwrap();
        assert_eq!(
            (card.name.as_str(), card.description, card.text_only),
            ("unnamed", None, false)
        );
        assert_eq!(
            (card.interface.version.as_str(), card.interface.tenant),
            ("1.0", None)
        );
    }

    #[test]
    fn an_agent_takes_text_only_when_all_its_modes_are_text() {
        for (modes, text_only) in [
            (json!(["text/plain"]), true),
            (json!(["text/plain", "text/markdown"]), true),
            (json!(["text/plain", "application/json"]), false),
            (json!(["text"]), false),
        ] {
            let card =
                json!({"url": "http://a.example/", "protocolVersion": "1.0", "defaultInputModes": modes});
            assert_eq!(AgentCard::read(&card).unwrap().text_only, text_only, "{modes}");
        }
    }
}
