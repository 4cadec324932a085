//! The address of an agent: an absolute `http` or `https` URL that means the same to everyone who reads it.
//!
//! URLs are normalised by the rules of browsers (the WHATWG URL standard), so that an IPv4 address in any of its
//! spellings is seen as one. What only those rules would make sense of is refused.

use std::net::IpAddr;

use http::Uri;
use thiserror::Error;
use url::{Host, Url};

use super::{AddressPolicy, AddressRefused};

/// Where something is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    url: Url,
    uri: Uri,
}

/// Why a text is not the address of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum InvalidEndpoint {
    #[error("an address is at most {MAX_URL_BYTES} bytes long")]
    TooLong,
    #[error("an address has no spaces, control characters and backslashes")]
    Characters,
    #[error("an address begins with http:// or https://")]
    Scheme,
    #[error("an address holds no user name and no password")]
    UserInfo,
    #[error("an address has no part after #")]
    Fragment,
    #[error("an address has a port from 1 to 65535 where it names one")]
    Port,
    #[error("this is not the address of a host")]
    Malformed,
}

/// The longest address that is taken.
const MAX_URL_BYTES: usize = 2048;

/// Where an agent's card is, below its address (RFC 8615; section 8.2 of A2A).
const CARD_PATH: &str = "/.well-known/agent-card.json";

impl Endpoint {
    /// Reads an address.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        if text.len() > MAX_URL_BYTES {
            return Err(InvalidEndpoint::TooLong);
        }
        if text.contains(|character: char| {
            character == '\\' || character.is_whitespace() || character.is_control()
        }) {
            return Err(InvalidEndpoint::Characters);
        }
        let after_scheme = ["http://", "https://"].into_iter().find_map(|scheme| {
            let (start, rest) = text.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        });
        let after_scheme = after_scheme.ok_or(InvalidEndpoint::Scheme)?;
        let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(InvalidEndpoint::UserInfo);
        }
        if authority.is_empty() {
            return Err(InvalidEndpoint::Malformed);
        }
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::InvalidPort => InvalidEndpoint::Port,
            _ => InvalidEndpoint::Malformed,
        })?;
        if url.fragment().is_some() {
            return Err(InvalidEndpoint::Fragment);
        }
        if url.port() == Some(0) {
            return Err(InvalidEndpoint::Port);
        }
        Self::from_url(url)
    }

    fn from_url(url: Url) -> Result<Self, InvalidEndpoint> {
        let uri = url.as_str().parse().map_err(|_| InvalidEndpoint::Malformed)?;
        Ok(Self { url, uri })
    }

    /// Where the card of the agent at this address is. An address that ends in `.json` is the card's own.
    pub(crate) fn card(&self) -> Result<Self, InvalidEndpoint> {
        let path = self.url.path();
        if path.ends_with(".json") {
            return Ok(self.clone());
        }
        let mut url = self.url.clone();
        url.set_path(&format!("{}{CARD_PATH}", path.trim_end_matches('/')));
        Self::from_url(url)
    }

    /// Judges the address when it is given in numbers. One that is given by name is judged when it is connected
    /// to, because names change their meaning.
    pub(crate) fn vet(&self, policy: &AddressPolicy) -> Result<(), AddressRefused> {
        match self.url.host() {
            Some(Host::Ipv4(address)) => policy.vet(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => policy.vet(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }

    /// The address, normalised.
    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Whether it is called over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The address as requests need it.
    pub(crate) fn uri(&self) -> Uri {
        self.uri.clone()
    }

    /// Scheme, host and port: what may be shown of it, as paths and queries may hold secrets.
    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vetted(text: &str) -> Option<bool> {
        Endpoint::parse(text)
            .ok()
            .map(|endpoint| endpoint.vet(&AddressPolicy::default()).is_ok())
    }

    #[test]
    fn every_spelling_of_a_number_is_judged_as_the_address_that_it_is() {
        for text in [
            "http://127.8.8.8:1/",
            "http://0177.0.0.1/",
            "http://0x7f.0x0.0x0.0x1/",
            "http://0x7f.0.00.1/",
            "http://127.0.0.1./",
            "http://\u{ff11}\u{ff12}\u{ff17}.\u{ff10}.\u{ff10}.\u{ff11}/",
            "http://127\u{3002}0\u{3002}0\u{3002}1/",
            "http://%31%32%37.0.0.1/",
            "http://2130706433/",
            "http://[::1]/",
            "http://[::127.0.0.1]/",
            "http://2852039166/latest/",
            "http://0xa9fea9fe/",
            "HTTP://127.1",
        ] {
            assert_eq!(vetted(text), Some(false), "{text}");
        }
    }

    #[test]
    fn names_and_public_numbers_may_be_registered() {
        for text in [
            "http://172.32.0.1/",
            "https://b\u{fc}cher.example/",
            "http://foo.localhost:80/x?y=1",
        ] {
            assert_eq!(vetted(text), Some(true), "{text}");
        }
    }

    #[test]
    fn what_readers_could_disagree_on_is_refused() {
        use InvalidEndpoint::{Characters, Fragment, Malformed, Port, Scheme, TooLong, UserInfo};
        let long = format!("http://a.example/{}", "x".repeat(MAX_URL_BYTES));
        for (text, error) in [
            ("http://127.0.0.1:1\\@agent.example/", Characters),
            ("http:/\\127.0.0.1/", Characters),
            ("http://127.0.0.1 .example/", Characters),
            ("http://a.example/\u{0}", Characters),
            ("http://127.0.0.1:1#.example/", Fragment),
            ("http://user:pass@agent.example/", UserInfo),
            ("http://@agent.example/", UserInfo),
            ("http://[::1/", Malformed),
            ("http:///path", Malformed),
            ("http://agent.example:0/", Port),
            ("http://agent.example:65536/", Port),
            ("http:agent.example", Scheme),
            ("file:///etc/passwd", Scheme),
            ("javascript:alert(1)", Scheme),
            ("jar:http://127.0.0.1!/", Scheme),
            ("//127.0.0.1/", Scheme),
            ("", Scheme),
            (long.as_str(), TooLong),
        ] {
            assert_eq!(Endpoint::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_card_is_below_the_address_unless_the_address_is_the_cards() {
        for (base, card) in [
            ("http://a.example", "http://a.example/.well-known/agent-card.json"),
            (
                "http://a.example/x/",
                "http://a.example/x/.well-known/agent-card.json",
            ),
            (
                "http://a.example/x?key=1",
                "http://a.example/x/.well-known/agent-card.json?key=1",
            ),
            ("http://a.example/cards/b.json", "http://a.example/cards/b.json"),
        ] {
            assert_eq!(Endpoint::parse(base).unwrap().card().unwrap().as_str(), card);
        }
    }

    #[test]
    fn what_is_shown_of_an_address_has_no_path_and_no_query() {
        assert_eq!(
            Endpoint::parse("http://a.example:81/x?key=secret")
                .unwrap()
                .origin(),
            "http://a.example:81"
        );
    }
}
