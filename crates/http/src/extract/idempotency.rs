//! `Idempotency-Key`: the client's name for one request, so that sending it again does nothing twice.

use std::time::Duration;

use agentchains_engine::{machine::hash_of, ports::Idempotency};
use axum::{
    extract::FromRequestParts,
    http::{Method, StatusCode, Uri, request::Parts},
};
use jiff::Timestamp;
use serde_json::json;

use crate::problem::Problem;

/// How long a key is remembered.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Characters of the longest key.
const MAX_CHARS: usize = 255;

/// The key of a request, if it has one, and what it is the key of.
#[derive(Debug)]
pub(crate) struct IdempotencyKey {
    key: Option<String>,
    method: Method,
    uri: Uri,
}

impl IdempotencyKey {
    /// The key with a digest of what is asked. Query parameters are not part of it: they say how to answer.
    pub(crate) fn of(self, body: &str, now: Timestamp) -> Option<Idempotency> {
        let asked = json!([self.method.as_str(), self.uri.path(), body]);
        Some(Idempotency {
            key: self.key?,
            fingerprint: hash_of(&asked.into()),
            expires_at: now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX),
        })
    }
}

impl IdempotencyKey {
    /// A digest of the key alone, for what is kept beside the thing that the request was about.
    pub(crate) fn digest(&self) -> Option<String> {
        self.key.as_ref().map(|key| hash_of(&key.as_str().into()))
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let key = match (values.next(), values.next()) {
            (None, _) => None,
            (Some(value), None) => Some(
                value
                    .to_str()
                    .ok()
                    .filter(|key| is_key(key))
                    .ok_or_else(refused)?,
            ),
            (Some(_), Some(_)) => return Err(refused()),
        };
        Ok(Self {
            key: key.map(str::to_owned),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
        })
    }
}

fn is_key(key: &str) -> bool {
    (1..=MAX_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn refused() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid_idempotency_key",
        format!("Idempotency-Key must be given once, with 1 to {MAX_CHARS} visible ASCII characters"),
    )
}
