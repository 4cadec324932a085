//! A request with its credential: in a header, in the query, in a cookie.

use agentchains_ports::ApiKeyPlace;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::Full;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded::byte_serialize;

use super::{CredentialError, Hidden, headers::header_name};
use crate::Outbound;

/// A request with its credential.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) request: Request<Full<Bytes>>,
    /// Must not be seen in the reply.
    pub(crate) hidden: Hidden,
    /// The way that it must take, where that is one of its own.
    pub(crate) outbound: Option<Outbound>,
    /// Another one can be had when the agent refuses this.
    pub(crate) token: Option<SecretString>,
}

impl Presented {
    /// A request that presents nothing.
    pub(super) fn new(request: Request<Full<Bytes>>) -> Self {
        Self {
            request,
            hidden: Hidden::default(),
            outbound: None,
            token: None,
        }
    }

    pub(super) fn set(&mut self, name: HeaderName, value: &str) -> Result<(), CredentialError> {
        self.request.headers_mut().insert(name, sensitive(value)?);
        Ok(())
    }

    pub(super) fn bearer(&mut self, token: &SecretString) -> Result<(), CredentialError> {
        self.hidden.add(token.expose_secret());
        self.set(
            header::AUTHORIZATION,
            &format!("Bearer {}", token.expose_secret()),
        )
    }

    pub(super) fn basic(&mut self, username: &str, password: &SecretString) -> Result<(), CredentialError> {
        let pair = format!("{username}:{}", password.expose_secret());
        let encoded = BASE64_STANDARD.encode(pair);
        self.hidden.add(password.expose_secret());
        self.hidden.add(&encoded);
        self.set(header::AUTHORIZATION, &format!("Basic {encoded}"))
    }

    pub(super) fn api_key(
        &mut self,
        name: &str,
        place: ApiKeyPlace,
        key: &SecretString,
    ) -> Result<(), CredentialError> {
        self.hidden.add(key.expose_secret());
        let key = key.expose_secret();
        match place {
            ApiKeyPlace::Header => {
                let name = header_name(name).map_err(CredentialError::permanent)?;
                self.set(name, key)
            }
            ApiKeyPlace::Cookie => self.set(header::COOKIE, &format!("{name}={key}")),
            ApiKeyPlace::Query => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let member = format!("{}={}", encoded(name), encoded(key));
                let uri = with_member(self.request.uri(), &member)
                    .ok_or_else(|| CredentialError::permanent("its key does not fit into its address"))?;
                *self.request.uri_mut() = uri;
                Ok(())
            }
        }
    }
}

/// The address with one more member of its query.
fn with_member(uri: &Uri, member: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let separator = if uri.query().is_some_and(|query| !query.is_empty()) {
        "&"
    } else if uri.query().is_some() {
        ""
    } else {
        "?"
    };
    let path = parts.path_and_query.as_ref().map_or("/", |path| path.as_str());
    parts.path_and_query = Some(format!("{path}{separator}{member}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// A value that libraries do not show in their logs.
pub(super) fn sensitive(value: &str) -> Result<HeaderValue, CredentialError> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| CredentialError::permanent("its credential has characters that no header can have"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_more_member_of_the_query() {
        for (uri, expected) in [
            ("http://a.example", "http://a.example/?k=v"),
            ("http://a.example/x", "http://a.example/x?k=v"),
            ("http://a.example/x?", "http://a.example/x?k=v"),
            ("http://a.example/x?y=1", "http://a.example/x?y=1&k=v"),
        ] {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(with_member(&uri, "k=v").unwrap().to_string(), expected);
        }
    }
}
