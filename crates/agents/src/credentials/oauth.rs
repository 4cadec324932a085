//! Tokens for the client's own credentials (RFC 6749, section 4.4): fetched through the same way out as calls, kept
//! until shortly before they expire, one fetch at a time.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};
use url::form_urlencoded::{Serializer, byte_serialize};

use super::{CredentialError, home::check_privacy};
use crate::{
    error::CallError,
    net::{Channel, Endpoint, TransportError},
};

/// The largest answer of an authorisation server that is read.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// How long an authorisation server may take.
const FETCH_LIMIT: Duration = Duration::from_secs(30);

/// How long a token is good for that does not say it.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);

/// The longest that a token is kept, whatever it says.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The most by which a token is given up before it expires: it has to reach the agent.
const MARGIN: Duration = Duration::from_secs(30);

/// What errors of an authorisation server are called (RFC 6749, section 5.2): nothing else of its answers is shown.
const ERRORS: &[&str] = &[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// What a token is asked for with, but for the secret.
#[derive(Debug)]
pub(crate) struct TokenRequest {
    pub(crate) endpoint: Endpoint,
    pub(crate) client_id: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) audience: Option<String>,
}

/// The tokens of one agent.
pub(crate) struct Tokens {
    channel: Channel,
    request: TokenRequest,
    /// Held by who fetches a token, so that others wait for the same one.
    kept: Mutex<Option<Token>>,
    /// Whether the server takes the client's credentials in the body only.
    in_body: AtomicBool,
}

#[derive(Debug, Clone)]
struct Token {
    value: SecretString,
    until: Instant,
}

impl Tokens {
    pub(crate) fn new(channel: Channel, request: TokenRequest) -> Self {
        Self {
            channel,
            request,
            kept: Mutex::default(),
            in_body: AtomicBool::new(false),
        }
    }

    /// A token that is still good; `secret` is the client's.
    pub(crate) async fn get(
        &self,
        secret: &SecretString,
        deadline: Instant,
    ) -> Result<SecretString, CredentialError> {
        check_privacy(&self.request.endpoint.uri())?;
        let deadline = deadline.min(Instant::now() + FETCH_LIMIT);
        let mut kept = timeout_at(deadline, self.kept.lock())
            .await
            .map_err(|_| self.trouble("did not answer in time"))?;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.value.clone());
        }
        // A fetch is an exchange, and exchanges fetch tokens: one of the futures must not be part of the other.
        let token = Box::pin(self.fetch(secret, deadline)).await?;
        Ok(kept.insert(token).value.clone())
    }

    /// Forgets a token that an agent has refused, unless another one is kept by now.
    pub(crate) async fn forget(&self, refused: &SecretString) {
        let mut kept = self.kept.lock().await;
        if kept
            .as_ref()
            .is_some_and(|token| token.value.expose_secret() == refused.expose_secret())
        {
            *kept = None;
        }
    }

    /// Asks for a token: as the RFC wants all servers to take it, and where that is refused, with the client's
    /// credentials in the body, which some servers want instead (section 2.3.1).
    async fn fetch(&self, secret: &SecretString, deadline: Instant) -> Result<Token, CredentialError> {
        let in_body = self.in_body.load(Ordering::Relaxed);
        let first = self.ask(secret, in_body, deadline).await;
        let refused = |status| matches!(status, StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST);
        let answer = match first {
            Err(CallError::Status { status, .. }) if !in_body && refused(status) => {
                let second = self.ask(secret, true, deadline).await;
                self.in_body.store(second.is_ok(), Ordering::Relaxed);
                // What is said of the first way is what the server's documentation is about.
                second.or(first)
            }
            first => first,
        };
        let answer = answer.map_err(|error| self.explain(&error))?;
        self.token(&answer)
            .ok_or_else(|| CredentialError::permanent(format!("{} gave no bearer token", self.name())))
    }

    async fn ask(&self, secret: &SecretString, in_body: bool, deadline: Instant) -> Result<Value, CallError> {
        let mut request = Request::new(Full::new(self.form(secret, in_body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.request.endpoint.uri();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form_type);
        if !in_body {
            headers.insert(header::AUTHORIZATION, self.basic(secret)?);
        }
        let reply = self.channel.exchange(request, MAX_ANSWER_BYTES, deadline).await?;
        serde_json::from_slice(&reply.body).map_err(|_| CallError::protocol("what it answered is not JSON"))
    }

    fn form(&self, secret: &SecretString, in_body: bool) -> Bytes {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !self.request.scopes.is_empty() {
            form.append_pair("scope", &self.request.scopes.join(" "));
        }
        if let Some(audience) = &self.request.audience {
            form.append_pair("audience", audience);
        }
        if in_body {
            form.append_pair("client_id", &self.request.client_id);
            form.append_pair("client_secret", secret.expose_secret());
        }
        form.finish().into()
    }

    fn basic(&self, secret: &SecretString) -> Result<HeaderValue, CredentialError> {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let (id, secret) = (encoded(&self.request.client_id), encoded(secret.expose_secret()));
        super::presented::sensitive(&format!(
            "Basic {}",
            BASE64_STANDARD.encode(format!("{id}:{secret}"))
        ))
    }

    fn token(&self, answer: &Value) -> Option<Token> {
        let value = answer
            .get("access_token")?
            .as_str()
            .filter(|token| !token.is_empty())?;
        let kind = answer
            .get("token_type")
            .and_then(Value::as_str)
            .unwrap_or("bearer");
        if !kind.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let lifetime = match answer.get("expires_in") {
            Some(Value::Number(seconds)) => seconds.as_f64(),
            Some(Value::String(seconds)) => seconds.parse().ok(),
            _ => None,
        };
        let lifetime = lifetime
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .unwrap_or(DEFAULT_LIFETIME)
            .min(MAX_LIFETIME);
        Some(Token {
            value: value.into(),
            until: Instant::now() + lifetime.saturating_sub(MARGIN.min(lifetime / 10)),
        })
    }

    fn explain(&self, error: &CallError) -> CredentialError {
        match error {
            CallError::Credential(error) => error.clone(),
            CallError::Status { status, excerpt, .. } => {
                let code = serde_json::from_str::<Value>(excerpt).ok().and_then(|answer| {
                    let code = answer.get("error")?.as_str()?;
                    ERRORS.iter().find(|known| **known == code)
                });
                let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
                let what = format!(
                    "{} answered with HTTP status {}{code}",
                    self.name(),
                    status.as_u16()
                );
                if error.is_transient() {
                    CredentialError::transient(what)
                } else {
                    CredentialError::permanent(format!("{what}; check client_id and client_secret"))
                }
            }
            CallError::Transport(TransportError::Refused(refused)) => {
                CredentialError::address_refused(&self.name(), *refused)
            }
            error if error.is_transient() => self.trouble(&error.to_string()),
            error => CredentialError::permanent(format!("{} cannot be used: {error}", self.name())),
        }
    }

    fn trouble(&self, what: &str) -> CredentialError {
        CredentialError::transient(format!("{} gave no token: {what}", self.name()))
    }

    fn name(&self) -> String {
        format!("the token server at {}", self.request.endpoint.origin())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
