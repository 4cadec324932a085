//! Tokens of an OpenID provider: JSON Web Tokens (RFC 7519), signed with one of the keys that the provider publishes.

use std::{
    fmt, io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use agentchains_engine::{
    Caller,
    ports::{Rights, Role},
};
use async_trait::async_trait;
use axum::http::StatusCode;
use jiff::Timestamp;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, JwkSet},
};
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use super::unauthenticated;
use crate::problem::Problem;

/// How a token may be signed: with a key of which the provider publishes one half only. A secret that both know would let
/// this server make tokens, and `none` everybody (RFC 8725, sections 3.1 and 3.2).
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// How often the provider is asked for its keys at the most, where tokens name one that is not known.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// How long keys are trusted without asking again: one that the provider takes back is of no use after this time.
const TRUSTED: Duration = Duration::from_secs(300);

/// How long the provider may take to give its keys.
const ASK_LIMIT: Duration = Duration::from_secs(5);

/// How long nobody asks a provider that has just failed to answer.
const PAUSE: Duration = Duration::from_secs(2);

/// How far the clocks of server and provider may be apart.
const LEEWAY: Duration = Duration::from_secs(60);

/// What a token may have of characters.
const MAX_CHARS: usize = 16 << 10;

/// Reads the keys that an OpenID provider publishes.
#[async_trait]
pub trait SigningKeys: Send + Sync + 'static {
    /// The JWK Set (RFC 7517, section 5), as it is now.
    ///
    /// # Errors
    /// When it cannot be had.
    async fn fetch(&self) -> io::Result<Vec<u8>>;
}

/// Whose tokens are taken, and what their claims mean.
#[derive(Clone)]
pub struct TokenRules {
    /// The claim `iss`: who makes the tokens.
    pub issuer: String,
    /// The claim `aud`: whom the tokens are for.
    pub audience: String,
    /// Where a role stands, or a list of them: a claim's name, or a pointer into the claims (RFC 6901).
    pub role_claim: String,
    /// Where the tenant stands.
    pub tenant_claim: String,
    /// Where the name stands, by which people are known as approvers and in records. It must be one that people cannot
    /// choose for themselves: `sub`, or an address that the provider has verified.
    pub name_claim: String,
    /// Reads the keys that tokens are signed with.
    pub keys: Arc<dyn SigningKeys>,
}

impl fmt::Debug for TokenRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRules")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// Who a token is about, and until when.
pub(super) struct Bearer {
    pub(super) caller: Caller,
    pub(super) expires_at: Timestamp,
}

/// Judges tokens.
pub(crate) struct Tokens {
    rules: TokenRules,
    known: RwLock<Option<Known>>,
    /// Held by who asks the provider, so that only one does; when that last was in vain.
    asking: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Known {
    keys: Arc<JwkSet>,
    asked_at: Instant,
}

impl Tokens {
    pub(super) fn new(rules: TokenRules) -> Self {
        Self {
            rules,
            known: RwLock::default(),
            asking: Mutex::default(),
        }
    }

    /// # Errors
    /// 401 where the token is of no use; 503 where that cannot be said now.
    pub(super) async fn judge(&self, token: &str, now: Timestamp) -> Result<Bearer, Problem> {
        if token.len() > MAX_CHARS {
            return Err(unauthenticated("the token is too long"));
        }
        let head = decode_header(token).map_err(|_| {
            unauthenticated("this is neither an API key nor a token; send Authorization: Bearer …")
        })?;
        if !ALGORITHMS.contains(&head.alg) {
            return Err(unauthenticated("the token is signed in a way that is not taken"));
        }
        let key = self.key(head.kid.as_deref()).await?;
        let mut validation = Validation::new(head.alg);
        validation.set_issuer(&[&self.rules.issuer]);
        validation.set_audience(&[&self.rules.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Time is an argument here.
        validation.validate_exp = false;
        let signed_with = DecodingKey::from_jwk(&key)
            .map_err(|_| unauthenticated("the token is signed with a key of an unknown kind"))?;
        let claims = decode::<Value>(token, &signed_with, &validation)
            .map_err(|error| unauthenticated(&format!("the token is not valid: {error}")))?
            .claims;
        self.bearer(&claims, now)
    }

    /// Who the claims are about.
    fn bearer(&self, claims: &Value, now: Timestamp) -> Result<Bearer, Problem> {
        let expires_at = validity(claims, now)?;
        let text = |place: &str| {
            claim(claims, place)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let required = |what: &str, place: &str| {
            let missing = || unauthenticated(&format!("the token has no {what} in {place:?}"));
            text(place).map(str::to_owned).ok_or_else(missing)
        };
        let tenant = required("tenant", &self.rules.tenant_claim)?;
        let name = required("name", &self.rules.name_claim)?;
        let roles: Vec<Role> = match claim(claims, &self.rules.role_claim) {
            Some(Value::String(role)) => role.parse().into_iter().collect(),
            Some(Value::Array(roles)) => {
                let words = roles.iter().filter_map(Value::as_str);
                words.filter_map(|word| word.parse().ok()).collect()
            }
            _ => Vec::new(),
        };
        if roles.is_empty() {
            let said = format!("the token has none of the roles in {:?}", self.rules.role_claim);
            return Err(unauthenticated(&said));
        }
        let rights = roles
            .iter()
            .fold(Rights::NONE, |rights, role| rights.and(role.rights()));
        Ok(Bearer {
            caller: Caller {
                tenant,
                name,
                roles: roles.iter().map(Role::to_string).collect(),
                rights,
            },
            expires_at,
        })
    }

    /// The key that a token names; the only one where it names none.
    async fn key(&self, kid: Option<&str>) -> Result<Jwk, Problem> {
        let unknown = || unauthenticated("the token is signed with a key that its issuer does not publish");
        if let Some(key) = self.known(TRUSTED).and_then(|keys| named(&keys, kid)) {
            return Ok(key);
        }
        let mut failed_at = self.asking.lock().await;
        // Somebody else has asked while this one waited, or a moment ago.
        if let Some(keys) = self.known(ASK_EVERY) {
            return named(&keys, kid).ok_or_else(unknown);
        }
        if failed_at.is_some_and(|failed_at| failed_at.elapsed() < PAUSE) {
            return Err(unavailable());
        }
        let fetched = tokio::time::timeout(ASK_LIMIT, self.rules.keys.fetch()).await;
        let fetched = fetched.unwrap_or_else(|late| Err(late.into()));
        match fetched.and_then(|bytes| serde_json::from_slice::<JwkSet>(&bytes).map_err(io::Error::other)) {
            Ok(keys) => {
                let keys = Arc::new(keys);
                let known = Known {
                    keys: Arc::clone(&keys),
                    asked_at: Instant::now(),
                };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
                *failed_at = None;
                named(&keys, kid).ok_or_else(unknown)
            }
            Err(error) => {
                tracing::warn!(%error, issuer = self.rules.issuer, "the keys of tokens cannot be read");
                *failed_at = Some(Instant::now());
                Err(unavailable())
            }
        }
    }

    fn known(&self, age: Duration) -> Option<Arc<JwkSet>> {
        let known = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
        (known.asked_at.elapsed() < age).then_some(known.keys)
    }
}

/// Until when a token is valid, if it is.
fn validity(claims: &Value, now: Timestamp) -> Result<Timestamp, Problem> {
    let expired = || unauthenticated("the token has expired; ask its issuer for another one");
    let expires_at = seconds(&claims["exp"]).ok_or_else(expired)?;
    let expires_at = expires_at.saturating_add(LEEWAY).unwrap_or(Timestamp::MAX);
    if expires_at <= now {
        return Err(expired());
    }
    let begins = claims
        .get("nbf")
        .map(|begins| seconds(begins).unwrap_or(Timestamp::MAX));
    let latest = now.saturating_add(LEEWAY).unwrap_or(Timestamp::MAX);
    if begins.is_some_and(|begins| begins > latest) {
        return Err(unauthenticated("the token is not valid yet"));
    }
    Ok(expires_at)
}

/// A moment as claims have it (RFC 7519, section 2, NumericDate).
fn seconds(value: &Value) -> Option<Timestamp> {
    let whole = value.as_i64().or_else(|| {
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are meant")]
        value.as_f64().map(|seconds| seconds as i64)
    })?;
    Timestamp::from_second(whole).ok()
}

fn unavailable() -> Problem {
    let detail = "the keys that tokens are signed with cannot be read; try again later";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "issuer_unavailable", detail).retry_after(5)
}

fn named(keys: &JwkSet, kid: Option<&str>) -> Option<Jwk> {
    match (kid, &keys.keys[..]) {
        (Some(kid), _) => keys.find(kid).cloned(),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}

fn claim<'a>(claims: &'a Value, place: &str) -> Option<&'a Value> {
    if place.starts_with('/') {
        claims.pointer(place)
    } else {
        claims.get(place)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;

    /// Publishes a key whose name is how often it was asked.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl SigningKeys for Counting {
        async fn fetch(&self) -> io::Result<Vec<u8>> {
            let asked = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": asked.to_string(), "x": "AA"});
            Ok(json!({ "keys": [key] }).to_string().into_bytes())
        }
    }

    /// Never answers.
    #[derive(Default)]
    struct Silent(AtomicUsize);

    #[async_trait]
    impl SigningKeys for Silent {
        async fn fetch(&self) -> io::Result<Vec<u8>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::future::pending().await
        }
    }

    fn tokens(keys: Arc<dyn SigningKeys>) -> Tokens {
        Tokens::new(TokenRules {
            issuer: String::new(),
            audience: String::new(),
            role_claim: String::new(),
            tenant_claim: String::new(),
            name_claim: String::new(),
            keys,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_asked_for_again_when_they_are_old_or_unknown_but_not_all_the_time() {
        let keys = Arc::new(Counting::default());
        let tokens = tokens(Arc::clone(&keys) as Arc<dyn SigningKeys>);
        for (wait, kid, is_known, asked) in [
            (Duration::ZERO, Some("1"), true, 1),
            (Duration::ZERO, None, true, 1),
            (Duration::ZERO, Some("2"), false, 1),
            (ASK_EVERY, Some("2"), true, 2),
            (Duration::ZERO, Some("1"), false, 2),
            (TRUSTED - Duration::from_secs(1), Some("2"), true, 2),
            (Duration::from_secs(1), Some("2"), false, 3),
            (Duration::ZERO, Some("3"), true, 3),
        ] {
            tokio::time::advance(wait).await;
            assert_eq!(tokens.key(kid).await.is_ok(), is_known, "{kid:?}");
            assert_eq!(keys.0.load(Ordering::Relaxed), asked, "{kid:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_does_not_answer_is_given_up_and_left_alone_for_a_while() {
        let keys = Arc::new(Silent::default());
        let tokens = tokens(Arc::clone(&keys) as Arc<dyn SigningKeys>);
        for (wait, asked) in [(Duration::ZERO, 1), (Duration::from_secs(1), 1), (PAUSE, 2)] {
            tokio::time::advance(wait).await;
            let began = Instant::now();
            assert!(tokens.key(Some("1")).await.is_err());
            assert!(began.elapsed() <= ASK_LIMIT + Duration::from_millis(1));
            assert_eq!(keys.0.load(Ordering::Relaxed), asked);
        }
    }
}
