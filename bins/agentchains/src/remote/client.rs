//! Requests to a server, and what it says no with.

use std::{fmt, process::ExitCode, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, body::Incoming, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as HttpClient, Error as HttpError, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde_json::{Value, json};
use thiserror::Error;
use url::Url;

use super::call::{Call, Shown};
use crate::{
    exit::{CommandError, FAILED, INVALID},
    terminal::printable,
};

/// Items that the server gives at once.
const PART: usize = 200;

/// Why a server did not do what it was asked for.
#[derive(Debug, Error)]
pub(crate) enum RemoteError {
    /// Nothing has such an id.
    #[error("{0:?} is no id")]
    NoId(String),
    /// It cannot be reached.
    #[error("cannot reach {server}; is the server running there? name another one with --server")]
    Unreachable { server: String, source: HttpError },
    /// It broke off.
    #[error("{server} broke off in the middle of its answer; try again")]
    BrokeOff { server: String, source: hyper::Error },
    /// It refused, with a problem (RFC 9457).
    #[error("{}", Told(.0))]
    Refused(Value),
    /// What answered is not the server's API.
    #[error("{server} answers with status {status}, and not as this API does; is the address right?")]
    Stranger { server: String, status: u16 },
}

/// A problem for a person: its detail, and each finding with its place.
struct Told<'a>(&'a Value);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Value| printable(value.as_str().unwrap_or_default());
        f.write_str(&text(&self.0["detail"]))?;
        let findings = self.0["errors"].as_array().into_iter().flatten();
        for finding in findings {
            let hint = text(&finding["hint"]);
            if hint.is_empty() && finding["message"] == self.0["detail"] {
                continue;
            }
            write!(
                f,
                "\n  {}: {}",
                text(&finding["pointer"]),
                text(&finding["message"])
            )?;
            if !hint.is_empty() {
                write!(f, " ({hint})")?;
            }
        }
        if self.0["status"] == 401 {
            f.write_str("\n  give a key with --key, or in AGENTCHAINS_KEY")?;
        }
        Ok(())
    }
}

impl RemoteError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Refused(problem) if matches!(problem["status"].as_u64(), Some(400 | 422)) => INVALID.into(),
            Self::NoId(_) => INVALID.into(),
            _ => FAILED.into(),
        }
    }

    /// Whether the same request may be answered a little later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::BrokeOff { .. } => true,
            Self::Refused(problem) => problem["status"] == 503,
            Self::Stranger { .. } | Self::NoId(_) => false,
        }
    }

    /// As the API tells problems.
    pub(super) fn to_json(&self) -> Value {
        let code = match self {
            Self::Refused(problem) => return problem.clone(),
            Self::NoId(_) => "invalid_value",
            Self::Unreachable { .. } => "server_unreachable",
            Self::BrokeOff { .. } => "answer_incomplete",
            Self::Stranger { .. } => "unexpected_answer",
        };
        json!({
            "type": format!("urn:agentchains:problem:{code}"),
            "title": code.replace('_', " "),
            "detail": self.to_string(),
            "code": code,
        })
    }
}

/// A server, and how it is asked.
pub(crate) struct Client {
    http: HttpClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: Url,
    authorization: Option<header::HeaderValue>,
}

impl Client {
    pub(crate) fn new(server: &str, key: Option<&str>) -> Result<Self, CommandError> {
        let usage = |why: String| CommandError::Usage(format!("--server {server:?} is no address: {why}"));
        let base: Url = server
            .parse()
            .map_err(|error: url::ParseError| usage(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(usage("it begins with http:// or https://".to_owned()));
        }
        let bearer = |key: &str| {
            let mut value = header::HeaderValue::try_from(format!("Bearer {key}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let authorization = match key.map(bearer) {
            Some(None) => return Err(CommandError::Usage("--key holds what no key has".to_owned())),
            authorization => authorization.flatten(),
        };
        Ok(Self {
            http: HttpClient::builder(TokioExecutor::new()).build(connector()?),
            base,
            authorization,
        })
    }

    /// What a call is answered; a list with as many of its parts as it takes.
    pub(super) async fn answer(&self, call: &Call) -> Result<Value, RemoteError> {
        let Shown::List(plural, _) = call.shown else {
            return self.json(call, &[]).await;
        };
        let mut items: Vec<Value> = Vec::new();
        let mut cursor = None;
        loop {
            let missing = call.limit.get().saturating_sub(items.len()).min(PART);
            let mut paging = Vec::new();
            // What is no part of a larger whole is not asked for in parts.
            if call.path.last().is_some_and(|last| last != "explain") {
                paging.push(("limit", missing.max(1).to_string()));
            }
            paging.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let mut part = self.json(call, &paging).await?;
            if let Value::Array(found) = part[plural].take() {
                items.extend(found);
            }
            cursor = part["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() || items.len() >= call.limit.get() {
                return Ok(json!({plural: items, "next_cursor": cursor}));
            }
        }
    }

    async fn json(&self, call: &Call, paging: &[(&'static str, String)]) -> Result<Value, RemoteError> {
        let mut address = self.address(&call.path)?;
        if !call.query.is_empty() || !paging.is_empty() {
            address
                .query_pairs_mut()
                .extend_pairs(call.query.iter().chain(paging));
        }
        let body = call.body.clone().unwrap_or_default();
        let response = self.send(&call.method, &address, &HeaderMap::new(), body).await?;
        let status = response.status().as_u16();
        let bytes = self.read(response).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| self.stranger(status))
    }

    /// The beginning of an answer that is no refusal.
    pub(super) async fn send(
        &self,
        method: &Method,
        address: &Url,
        headers: &HeaderMap,
        body: String,
    ) -> Result<Response<Incoming>, RemoteError> {
        let response = self.exchange(method, address, headers, body.into()).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = self.read(response).await?;
        Err(self.refusal(status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// The beginning of whatever is answered.
    pub(crate) async fn exchange(
        &self,
        method: &Method,
        address: &Url,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, RemoteError> {
        let has_body = !body.is_empty();
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = method.clone();
        if let Ok(uri) = address.as_str().parse() {
            *request.uri_mut() = uri;
        }
        request.headers_mut().extend(headers.clone());
        if has_body {
            let json = header::HeaderValue::from_static("application/json");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        if let Some(authorization) = &self.authorization {
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, authorization.clone());
        }
        let answered = self.http.request(request).await;
        answered.map_err(|source| RemoteError::Unreachable {
            server: self.base.to_string(),
            source,
        })
    }

    /// The body of an answer.
    pub(crate) async fn read(&self, response: Response<Incoming>) -> Result<Bytes, RemoteError> {
        let read = response.into_body().collect().await;
        read.map(Collected::to_bytes)
            .map_err(|source| RemoteError::BrokeOff {
                server: self.base.to_string(),
                source,
            })
    }

    /// What an answer says that is none of success.
    pub(crate) fn refusal(&self, status: StatusCode, problem: Value) -> RemoteError {
        if problem["code"].is_string() {
            return RemoteError::Refused(problem);
        }
        self.stranger(status.as_u16())
    }

    /// An address below the API's.
    pub(super) fn address(&self, path: &[String]) -> Result<Url, RemoteError> {
        // As a part of a path they would mean another place (RFC 3986, section 5.2.4).
        if let Some(id) = path.iter().find(|id| matches!(id.as_str(), "" | "." | "..")) {
            return Err(RemoteError::NoId(id.clone()));
        }
        let mut address = self.below(&["api", "v3", "orchestration"]);
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.extend(path);
        }
        Ok(address)
    }

    /// An address below the server's.
    pub(crate) fn below(&self, path: &[&str]) -> Url {
        let mut address = self.base.clone();
        // An address with a host has segments.
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        address
    }

    fn stranger(&self, status: u16) -> RemoteError {
        RemoteError::Stranger {
            server: self.base.to_string(),
            status,
        }
    }
}

/// Trusts the authorities that Mozilla trusts and those of the operating system.
fn connector() -> Result<HttpsConnector<HttpConnector>, CommandError> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(agentchains_agents::TlsError::from)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .build())
}
