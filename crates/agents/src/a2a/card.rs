//! Agent cards (section 4.4 of A2A), read leniently: where and how an agent is called.

use serde_json::Value;

use crate::{
    error::CallError,
    lenient::{is_true, items, text},
    net::Endpoint,
    quote::quote,
};

/// What is needed of a card.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AgentCard {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) streaming: bool,
    /// Whether the agent takes nothing but text.
    pub(crate) text_only: bool,
    pub(crate) interface: Interface,
}

/// Where an agent speaks JSON-RPC of A2A 1.x.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) endpoint: Endpoint,
    pub(crate) version: String,
    /// Sent with each request, when the card asks for it.
    pub(crate) tenant: Option<String>,
}

/// One way to call an agent, as a card offers it.
struct Offer<'a> {
    url: &'a str,
    binding: &'a str,
    version: &'a str,
    tenant: Option<&'a str>,
}

/// The most interfaces of a card that are looked at.
const MAX_OFFERS: usize = 32;

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
        Ok(Self {
            name: text(card, "name").unwrap_or("unnamed").to_owned(),
            description: text(card, "description").map(str::to_owned),
            streaming: is_true(capabilities, "streaming"),
            text_only: !modes.is_empty() && modes.iter().all(is_text),
            interface: choose(&offers(card))?,
        })
    }
}

/// What a card offers, in its order. Cards of version 0.3 name one interface at the top and further ones beside it.
fn offers(card: &Value) -> Vec<Offer<'_>> {
    let supported = items(card, "supportedInterfaces").iter().map(|interface| Offer {
        url: text(interface, "url").unwrap_or_default(),
        binding: text(interface, "protocolBinding").unwrap_or("JSONRPC"),
        version: text(interface, "protocolVersion").unwrap_or("1.0"),
        tenant: text(interface, "tenant"),
    });
    let supported: Vec<_> = supported.take(MAX_OFFERS).collect();
    if !supported.is_empty() {
        return supported;
    }
    let version = text(card, "protocolVersion").unwrap_or("0.3.0");
    let old = |url, binding| Offer {
        url,
        binding,
        version,
        tenant: None,
    };
    let main = text(card, "url").map(|url| old(url, text(card, "preferredTransport").unwrap_or("JSONRPC")));
    let additional = items(card, "additionalInterfaces")
        .iter()
        .filter_map(|interface| {
            Some(old(
                text(interface, "url")?,
                text(interface, "transport").unwrap_or("JSONRPC"),
            ))
        });
    main.into_iter().chain(additional).take(MAX_OFFERS).collect()
}

fn choose(offers: &[Offer<'_>]) -> Result<Interface, CallError> {
    let spoken =
        |offer: &&Offer<'_>| offer.binding.eq_ignore_ascii_case("JSONRPC") && is_version_1(offer.version);
    let Some(offer) = offers.iter().find(spoken) else {
        let list: Vec<_> = offers
            .iter()
            .map(|offer| format!("{} {}", offer.binding, offer.version))
            .collect();
        let offered = if list.is_empty() {
            "no interface".to_owned()
        } else {
            quote(&list.join(", "))
        };
        return Err(CallError::protocol(format!(
            "its card offers {offered}; only JSONRPC 1.x is spoken here"
        )));
    };
    let endpoint = Endpoint::parse(offer.url).map_err(|error| {
        CallError::protocol(format!("its card has an address that cannot be used: {error}"))
    })?;
    Ok(Interface {
        endpoint,
        version: offer.version.to_owned(),
        tenant: offer.tenant.map(str::to_owned),
    })
}

fn is_version_1(version: &str) -> bool {
    version == "1" || version.starts_with("1.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chosen(card: &Value) -> Result<(String, String), String> {
        AgentCard::read(card)
            .map(|card| {
                (
                    card.interface.endpoint.as_str().to_owned(),
                    card.interface.version,
                )
            })
            .map_err(|error| error.to_string())
    }

    fn interface(url: &str, binding: &str, version: &str) -> Value {
        json!({"url": url, "protocolBinding": binding, "protocolVersion": version})
    }

    #[test]
    fn the_first_json_rpc_interface_of_version_1_is_chosen() {
        let card = json!({"supportedInterfaces": [
            interface("http://a.example/old", "JSONRPC", "0.3"),
            interface("http://a.example/grpc", "GRPC", "1.0"),
            interface("http://a.example/rest", "HTTP+JSON", "1.0"),
            interface("http://a.example/rpc", "JSONRPC", "1.1"),
            interface("http://a.example/rpc2", "JSONRPC", "1.0"),
        ], "url": "http://a.example/top", "protocolVersion": "0.3.0"});
        assert_eq!(
            chosen(&card),
            Ok(("http://a.example/rpc".to_owned(), "1.1".to_owned()))
        );
    }

    #[test]
    fn a_card_without_such_an_interface_is_refused_with_what_it_offers() {
        let old =
            json!({"url": "http://a.example/", "additionalInterfaces": [{"url": "x", "transport": "GRPC"}]});
        for (card, said) in [
            (
                json!({"supportedInterfaces": [interface("http://a.example/", "GRPC", "1.0")]}),
                "offers GRPC 1.0;",
            ),
            (old, "offers JSONRPC 0.3.0, GRPC 0.3.0;"),
            (json!({"name": "x"}), "offers no interface;"),
            (
                json!({"supportedInterfaces": [interface("file:///etc/passwd", "JSONRPC", "1.0")]}),
                "cannot be used",
            ),
            (
                json!({"capabilities": {"extensions": [{"uri": "urn:x", "required": true}]}}),
                "urn:x",
            ),
            (json!("card"), "not a JSON object"),
        ] {
            let error = chosen(&card).unwrap_err();
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
