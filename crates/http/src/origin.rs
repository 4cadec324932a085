//! Which web pages may use the server: the same-origin policy, seen from the server's side.
//!
//! A browser sends `Origin` (RFC 6454) with WebSocket handshakes and with requests that change something, and
//! lets any page make them. So both are refused unless the page is one of the server's own or is allowed by
//! name. The list is explicit: comparing `Origin` with `Host` would let in a page whose name resolves to this
//! machine. Programs other than browsers send no `Origin` and are not concerned.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{app::Site, problem::Problem};

/// The origins that may use the server.
#[derive(Debug, Clone)]
pub(crate) struct Origins {
    own: Vec<String>,
    others: Vec<String>,
}

impl Origins {
    pub(crate) fn new(own: Vec<String>, others: &[String]) -> Self {
        let normal = |origin: &String| origin.trim_end_matches('/').to_ascii_lowercase();
        Self {
            own,
            others: others.iter().map(normal).collect(),
        }
    }

    /// Refuses a request that a page of another origin makes.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(());
        };
        if is_among(&self.own, origin) || is_among(&self.others, origin) {
            return Ok(());
        }
        let shown = String::from_utf8_lossy(origin.as_bytes());
        let shown: String = shown.chars().take(200).collect();
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            format!("pages of the origin {shown:?} may not use this server; allow it in its settings"),
        ))
    }

    /// Refuses a request for a host that is not this server's: a page whose name was made to resolve to this machine
    /// (DNS rebinding) sends its own name, and no `Origin` with what it merely reads.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        // What the request itself names counts more than the header (RFC 9112, section 3.2.2; RFC 9113, section 8.3.1).
        let authority = match (uri.authority(), headers.get(header::HOST)) {
            (Some(authority), _) => Some(authority.clone()),
            (None, Some(host)) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
            (None, None) => return Ok(()),
        };
        let name = authority
            .as_ref()
            .map(|authority| authority.host().to_ascii_lowercase());
        if name.is_some_and(|name| is_address_or_localhost(&name) || self.is_host_of_origin(&name)) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "host_not_allowed",
            "this server does not go by the name in Host; add the origin of that name to its allowed origins",
        ))
    }

    fn is_host_of_origin(&self, name: &str) -> bool {
        let host_of = |origin: &String| Some(origin.parse::<Uri>().ok()?.host()?.to_ascii_lowercase());
        self.others.iter().filter_map(host_of).any(|host| host == name)
    }

    /// The headers that let pages of the other allowed origins read answers; `None` where there are no such.
    pub(crate) fn cors(&self) -> Option<CorsLayer> {
        if self.others.is_empty() {
            return None;
        }
        let others = self.others.clone();
        let allowed = AllowOrigin::predicate(move |origin, _| is_among(&others, origin));
        let layer = CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::IF_MATCH,
                header::HeaderName::from_static("a2a-extensions"),
                header::HeaderName::from_static("a2a-version"),
                header::HeaderName::from_static("idempotency-key"),
                header::HeaderName::from_static("last-event-id"),
                header::HeaderName::from_static("mcp-protocol-version"),
                header::HeaderName::from_static("mcp-session-id"),
                header::HeaderName::from_static("x-request-id"),
            ])
            .expose_headers([
                header::ETAG,
                header::LOCATION,
                header::RETRY_AFTER,
                header::HeaderName::from_static("x-request-id"),
            ]);
        Some(layer)
    }
}

/// A name that resolves to nothing but this machine, or an address, which no name server has a say in.
fn is_address_or_localhost(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<IpAddr>().is_ok()
}

fn is_among(origins: &[String], origin: &HeaderValue) -> bool {
    origins
        .iter()
        .any(|known| origin.as_bytes().eq_ignore_ascii_case(known.as_bytes()))
}

/// The origins of pages that a server at this address serves itself.
pub(crate) fn own_origins(address: SocketAddr, has_tls: bool) -> Vec<String> {
    let ip = address.ip();
    let mut hosts = vec![match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }];
    if ip.is_loopback() || ip.is_unspecified() {
        hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
    }
    let (scheme, own_port) = if has_tls { ("https", 443) } else { ("http", 80) };
    let origin = |host: &String| match address.port() {
        // Browsers leave out the scheme's own port.
        port if port == own_port => format!("{scheme}://{host}"),
        port => format!("{scheme}://{host}:{port}"),
    };
    hosts.iter().map(origin).collect()
}

/// Refuses requests for another host, and requests that change something and come from a page of another origin.
pub(crate) async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    if let Err(problem) = site.origins.check_host(request.uri(), request.headers()) {
        return problem.into_response();
    }
    if !request.method().is_safe()
        && let Err(problem) = site.origins.check(request.headers())
    {
        return problem.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_loopback_has_the_names_of_loopback() {
        let own = own_origins("127.0.0.1:7420".parse().unwrap(), false);
        assert!(own.contains(&"http://localhost:7420".to_owned()), "{own:?}");
        for (address, has_tls, origin) in [
            ("10.1.2.3:80", false, "http://10.1.2.3"),
            ("10.1.2.3:80", true, "https://10.1.2.3:80"),
            ("10.1.2.3:443", true, "https://10.1.2.3"),
            ("[2001:db8::1]:81", false, "http://[2001:db8::1]:81"),
        ] {
            assert_eq!(own_origins(address.parse().unwrap(), has_tls), [origin]);
        }
    }

    #[test]
    fn only_addresses_localhost_and_hosts_of_allowed_origins_pass() {
        let origins = Origins::new(Vec::new(), &["https://Dash.example/".into()]);
        for (host, passes) in [
            ("127.0.0.1:7420", true),
            ("[::1]:7420", true),
            ("LOCALHOST", true),
            ("dash.example", true),
            ("evil.example:7420", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            assert_eq!(
                origins.check_host(&Uri::default(), &headers).is_ok(),
                passes,
                "{host:?}"
            );
            let uri: Uri = format!("http://{host}/").parse().unwrap_or_default();
            if uri.authority().is_some() {
                assert_eq!(
                    origins.check_host(&uri, &HeaderMap::new()).is_ok(),
                    passes,
                    "{host:?}"
                );
            }
        }
        assert!(origins.check_host(&Uri::default(), &HeaderMap::new()).is_ok());
    }

    #[test]
    fn only_listed_origins_and_programs_without_one_pass() {
        let origins = Origins::new(
            vec!["http://localhost:1".into()],
            &["https://Dash.example/".into()],
        );
        for (origin, passes) in [
            (None, true),
            (Some("http://localhost:1"), true),
            (Some("https://dash.example"), true),
            (Some("http://localhost:2"), false),
            (Some("https://dash.example.evil"), false),
            (Some("null"), false),
            (Some(""), false),
        ] {
            let headers = origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin)));
            let headers = HeaderMap::from_iter(headers);
            assert_eq!(origins.check(&headers).is_ok(), passes, "{origin:?}");
        }
    }
}
