//! Credentials: how an agent is shown who calls it.
//!
//! A definition names secrets by their place. They are read when a request is sent, put into that request and nothing
//! else, kept from hosts that they are not for, and removed from whatever the agent answers. No value of this module
//! shows one in its `Debug`, and no error holds one.

mod error;
mod headers;
mod home;
mod mtls;
mod oauth;
mod policy;
mod presented;
mod redaction;
mod source;
mod validate;
mod vault;

use agentchains_ports::{AgentDefinition, ApiKeyPlace, Auth, SecretRef};
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::{Outbound, net::Endpoint};

use self::{
    headers::{HeaderTemplate, Part},
    home::Home,
    mtls::Identity,
    oauth::{TokenRequest, Tokens},
    presented::Presented,
};

pub(crate) use self::{
    error::CredentialError,
    redaction::{Hidden, Redaction},
    source::SecretSource,
    validate::{check_credentials, check_places},
};
pub use self::{
    policy::{InvalidPlace, SecretPolicy},
    vault::{InvalidKey, SecretsKey, Vault, VaultError},
};

/// What the requests to one agent carry.
#[derive(Debug)]
pub(crate) struct Credentials {
    home: Home,
    scheme: Scheme,
    headers: Vec<HeaderTemplate>,
    secrets: SecretSource,
    outbound: Outbound,
}

/// The credential, with what is kept for it from one request to the next.
#[derive(Debug)]
enum Scheme {
    None,
    Bearer(SecretRef),
    ApiKey {
        name: String,
        place: ApiKeyPlace,
        key: SecretRef,
    },
    Basic {
        username: String,
        password: SecretRef,
    },
    OAuth2 {
        tokens: Box<Tokens>,
        secret: SecretRef,
    },
    Mtls(Box<Identity>),
}

impl Credentials {
    /// The credentials of an agent at an address; `None` where it needs none.
    ///
    /// # Errors
    /// [`CredentialError`] when the definition is one that is not registered.
    pub(crate) fn of(
        definition: &AgentDefinition,
        endpoint: &Endpoint,
        secrets: &SecretSource,
        outbound: &Outbound,
    ) -> Result<Option<Self>, CredentialError> {
        if definition.auth.is_none() && definition.headers.is_empty() {
            return Ok(None);
        }
        let headers = definition
            .headers
            .iter()
            .map(|(name, value)| HeaderTemplate::parse(name, value));
        Ok(Some(Self {
            home: Home::of(&endpoint.uri()),
            scheme: Scheme::of(definition.auth.as_ref(), outbound)?,
            headers: headers
                .collect::<Result<_, _>>()
                .map_err(CredentialError::permanent)?,
            secrets: secrets.clone(),
            outbound: outbound.clone(),
        }))
    }

    /// The request with the credential.
    pub(crate) async fn present(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Presented, CredentialError> {
        self.check(request.uri())?;
        let mut presented = Presented::new(request);
        for header in &self.headers {
            self.add_header(&mut presented, header).await?;
        }
        match &self.scheme {
            Scheme::None => {}
            Scheme::Bearer(token) => presented.bearer(&self.secrets.read(token).await?)?,
            Scheme::ApiKey { name, place, key } => {
                presented.api_key(name, *place, &self.secrets.read(key).await?)?;
            }
            Scheme::Basic { username, password } => {
                presented.basic(username, &self.secrets.read(password).await?)?;
            }
            Scheme::OAuth2 { tokens, secret } => {
                let secret = self.secrets.read(secret).await?;
                presented.hidden.add(secret.expose_secret());
                let token = tokens.get(&secret, deadline).await?;
                presented.bearer(&token)?;
                presented.token = Some(token);
            }
            Scheme::Mtls(identity) => {
                presented.outbound = Some(identity.outbound(&self.secrets, &self.outbound).await?);
            }
        }
        Ok(presented)
    }

    /// Whether it is worth to present the request once more, after the agent has refused what was presented.
    pub(crate) async fn renew(&self, refused: Option<&SecretString>) -> bool {
        match (&self.scheme, refused) {
            (Scheme::OAuth2 { tokens, .. }, Some(refused)) => {
                tokens.forget(refused).await;
                true
            }
            _ => false,
        }
    }

    /// Headers without a secret may be read on the way, but go to their own host only.
    fn check(&self, uri: &Uri) -> Result<(), CredentialError> {
        let has_secret =
            !matches!(self.scheme, Scheme::None) || self.headers.iter().any(HeaderTemplate::has_secret);
        self.home.check_host(uri)?;
        if has_secret {
            home::check_privacy(uri)
        } else {
            Ok(())
        }
    }

    async fn add_header(
        &self,
        presented: &mut Presented,
        header: &HeaderTemplate,
    ) -> Result<(), CredentialError> {
        let mut value = String::new();
        for part in &header.parts {
            match part {
                Part::Text(text) => value.push_str(text),
                Part::Secret(name) => {
                    let secret = self.secrets.stored(name).await?;
                    presented.hidden.add(secret.expose_secret());
                    value.push_str(secret.expose_secret());
                }
            }
        }
        presented.set(header.name.clone(), &value)
    }
}

impl Scheme {
    fn of(auth: Option<&Auth>, outbound: &Outbound) -> Result<Self, CredentialError> {
        Ok(match auth.cloned() {
            None => Self::None,
            Some(Auth::Bearer { token }) => Self::Bearer(token),
            Some(Auth::ApiKey { name, place, key }) => Self::ApiKey { name, place, key },
            Some(Auth::Basic { username, password }) => Self::Basic { username, password },
            Some(Auth::OAuth2ClientCredentials {
                token_url,
                client_id,
                client_secret,
                scopes,
                audience,
            }) => {
                let request = TokenRequest {
                    endpoint: Endpoint::parse(&token_url)
                        .map_err(|error| CredentialError::permanent(error.to_string()))?,
                    client_id,
                    scopes,
                    audience,
                };
                Self::OAuth2 {
                    tokens: Box::new(Tokens::new(outbound.channel(), request)),
                    secret: client_secret,
                }
            }
            Some(Auth::Mtls {
                certificate,
                private_key,
                authority,
            }) => Self::Mtls(Box::new(Identity::new(certificate, private_key, authority))),
        })
    }
}
