//! Where and how an agent is called: the choice among the interfaces that its card offers (section 8.3 of A2A).

use serde_json::Value;

use crate::{
    error::CallError,
    lenient::{items, text},
    net::Endpoint,
    quote::quote,
};

/// One way to call an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) endpoint: Endpoint,
    pub(crate) dialect: Dialect,
    /// The version as the card states it.
    pub(crate) version: String,
    /// Sent with each request, when the card asks for it.
    pub(crate) tenant: Option<String>,
}

/// A version of the protocol in a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Version 1.x over JSON-RPC.
    JsonRpc,
    /// Version 1.x over HTTP+JSON.
    Rest,
    /// Version 0.3 over JSON-RPC.
    JsonRpc0_3,
}

/// One way to call an agent, as a card offers it.
struct Offer<'a> {
    url: &'a str,
    binding: &'a str,
    /// Absent where the card does not say.
    version: Option<&'a str>,
    tenant: Option<&'a str>,
}

/// The most interfaces of a card that are looked at.
const MAX_OFFERS: usize = 32;

/// The binding where a card names none.
const DEFAULT_BINDING: &str = "JSONRPC";

/// The version of a card in the form of 1.0 that names none.
const DEFAULT_VERSION: &str = "1.0";

/// The version of a card in the form of 0.3 that names none.
const DEFAULT_OLD_VERSION: &str = "0.3.0";

/// Chooses among the interfaces of a card, version 1.x before 0.3 and else in the card's order. The second is what to
/// try when the agent turns out not to speak the version of the first: its interface of version 0.3, and where the card
/// names no version the same interface, taken for such a one.
pub(super) fn choose(card: &Value) -> Result<(Interface, Option<Interface>), CallError> {
    let (current, old) = (current_offers(card), old_offers(card));
    let spoken = |old: bool| {
        move |offer: &&Offer<'_>| {
            offer
                .dialect()
                .is_some_and(|dialect| (dialect == Dialect::JsonRpc0_3) == old)
        }
    };
    let all = || current.iter().chain(&old);
    let older = all().find(spoken(true));
    let Some(first) = all().find(spoken(false)).or(older) else {
        return Err(not_spoken(all()));
    };
    let interface = first.interface()?;
    let older = match older {
        Some(offer) => offer.interface().ok(),
        None if first.version.is_none() => Some(interface.clone()),
        None => None,
    };
    let older = older
        .filter(|_| interface.dialect != Dialect::JsonRpc0_3)
        .map(|older| Interface {
            dialect: Dialect::JsonRpc0_3,
            ..older
        });
    Ok((interface, older))
}

/// What a card of version 1.0 offers, in its order of preference.
fn current_offers(card: &Value) -> Vec<Offer<'_>> {
    let offers = items(card, "supportedInterfaces").iter().map(|interface| Offer {
        url: text(interface, "url").unwrap_or_default(),
        binding: text(interface, "protocolBinding").unwrap_or(DEFAULT_BINDING),
        version: text(interface, "protocolVersion"),
        tenant: text(interface, "tenant"),
    });
    offers.take(MAX_OFFERS).collect()
}

/// What a card of version 0.3 offers, or one that has the fields of both: one interface at the top, further ones beside
/// it.
fn old_offers(card: &Value) -> Vec<Offer<'_>> {
    let version = Some(text(card, "protocolVersion").unwrap_or(DEFAULT_OLD_VERSION));
    let offer = |url, binding: Option<_>| Offer {
        url,
        binding: binding.unwrap_or(DEFAULT_BINDING),
        version,
        tenant: None,
    };
    let main = text(card, "url").map(|url| offer(url, text(card, "preferredTransport")));
    let additional = items(card, "additionalInterfaces")
        .iter()
        .filter_map(|interface| Some(offer(text(interface, "url")?, text(interface, "transport"))));
    main.into_iter().chain(additional).take(MAX_OFFERS).collect()
}

fn not_spoken<'a>(offers: impl Iterator<Item = &'a Offer<'a>>) -> CallError {
    let list: Vec<_> = offers
        .map(|offer| format!("{} {}", offer.binding, offer.stated_version()))
        .collect();
    let offered = match list.is_empty() {
        true => "no interface".to_owned(),
        false => quote(&list.join(", ")),
    };
    CallError::protocol(format!(
        "its card offers {offered}; spoken here are JSONRPC 1.x, HTTP+JSON 1.x and JSONRPC 0.3"
    ))
}

impl Offer<'_> {
    fn stated_version(&self) -> &str {
        self.version.unwrap_or(DEFAULT_VERSION)
    }

    /// `None` where it is not spoken here.
    fn dialect(&self) -> Option<Dialect> {
        let is_version = |version: &str| {
            let rest = self.stated_version().strip_prefix(version);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let is_json_rpc = self.binding.eq_ignore_ascii_case("JSONRPC");
        let is_rest = self.binding.eq_ignore_ascii_case("HTTP+JSON");
        match (is_version("1"), is_version("0.3")) {
            (true, _) if is_json_rpc => Some(Dialect::JsonRpc),
            (true, _) if is_rest => Some(Dialect::Rest),
            (_, true) if is_json_rpc => Some(Dialect::JsonRpc0_3),
            _ => None,
        }
    }

    fn interface(&self) -> Result<Interface, CallError> {
        let endpoint = Endpoint::parse(self.url).map_err(|error| {
            CallError::protocol(format!("its card has an address that cannot be used: {error}"))
        })?;
        let unspoken = || not_spoken(std::iter::once(self));
        Ok(Interface {
            endpoint,
            dialect: self.dialect().ok_or_else(unspoken)?,
            version: self.stated_version().to_owned(),
            tenant: self.tenant.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offer(path: &str, binding: &str, version: &str) -> Value {
        json!({"url": format!("http://a.example/{path}"), "protocolBinding": binding, "protocolVersion": version})
    }

    /// The path and the dialect of what is chosen, and of what is tried after it.
    type Way = (String, Dialect);

    fn chosen(card: &Value) -> Result<(Way, Option<Way>), String> {
        let way = |interface: Interface| {
            let path = interface.endpoint.uri().path().trim_start_matches('/').to_owned();
            (path, interface.dialect)
        };
        choose(card)
            .map(|(first, older)| (way(first), older.map(way)))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn version_1_comes_before_0_3_and_else_the_cards_order_holds() {
        use Dialect::{JsonRpc, JsonRpc0_3, Rest};
        let old = json!({"url": "http://a.example/top", "protocolVersion": "0.3.0"});
        let hybrid = json!({
            "supportedInterfaces": [offer("rpc", "JSONRPC", "1.0")], "url": "http://a.example/top",
            "preferredTransport": "JSONRPC", "protocolVersion": "0.3.0",
        });
        let beside = json!({
            "url": "http://a.example/grpc", "preferredTransport": "GRPC",
            "additionalInterfaces": [{"url": "http://a.example/rpc", "transport": "JSONRPC"}, {"transport": "JSONRPC"}],
        });
        for (card, first, older) in [
            (
                json!({"supportedInterfaces": [
                    offer("old", "JSONRPC", "0.3"), offer("grpc", "GRPC", "1.0"),
                    offer("rest", "http+json", "1.0"), offer("rpc", "JSONRPC", "1.1"),
                ]}),
                ("rest", Rest),
                Some(("old", JsonRpc0_3)),
            ),
            (
                json!({"supportedInterfaces": [offer("rpc", "JSONRPC", "1"), offer("rest", "HTTP+JSON", "1.0.1")]}),
                ("rpc", JsonRpc),
                None,
            ),
            (
                json!({"supportedInterfaces": [offer("new", "JSONRPC", "10.0"), offer("x", "HTTP+JSON", "0.3"), offer("old", "JSONRPC", "0.3.0")]}),
                ("old", JsonRpc0_3),
                None,
            ),
            (
                json!({"supportedInterfaces": [{"url": "http://a.example/x", "protocolBinding": ""}]}),
                ("x", JsonRpc),
                Some(("x", JsonRpc0_3)),
            ),
            (old, ("top", JsonRpc0_3), None),
            (hybrid, ("rpc", JsonRpc), Some(("top", JsonRpc0_3))),
            (beside, ("rpc", JsonRpc0_3), None),
        ] {
            let way = |(path, dialect): (&str, Dialect)| (path.to_owned(), dialect);
            assert_eq!(chosen(&card), Ok((way(first), older.map(way))), "{card}");
        }
    }

    #[test]
    fn a_card_without_such_an_interface_is_refused_with_what_it_offers() {
        let file =
            json!({"url": "file:///etc/passwd", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"});
        for (card, said) in [
            (
                json!({"supportedInterfaces": [offer("", "GRPC", "1.0")]}),
                "offers GRPC 1.0;",
            ),
            (
                json!({"url": "http://a.example/", "protocolVersion": "0.2.6"}),
                "offers JSONRPC 0.2.6;",
            ),
            (json!({"name": "x"}), "offers no interface;"),
            (json!({"supportedInterfaces": [file]}), "cannot be used"),
        ] {
            let error = chosen(&card).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
