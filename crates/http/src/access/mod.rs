//! Who asks, and whether they may: every request below a guarded path has a caller before it reaches a handler, and
//! every route names the right that it needs.

mod key;
mod keyring;
mod pace;
mod token;

use std::sync::Arc;

use agentchains_engine::{
    Caller,
    ports::{ApiKey, ApiKeyStore, RateLimit, Rights, Role},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;

use self::{
    key::Presented,
    keyring::Keyring,
    pace::Pace,
    token::{Bearer, Tokens},
};
pub use self::{
    key::{NewApiKey, new_api_key},
    token::{SigningKeys, TokenRules},
};
use crate::{app::Site, problem::Problem};

/// Who may use the server.
#[derive(Clone, Default)]
pub enum Access {
    /// Everybody, as one caller who may do everything.
    #[default]
    Open,
    /// Who shows one of these keys, as what the key says.
    Keys(Arc<dyn ApiKeyStore>),
    /// Who shows one of these keys, or a token of an OpenID provider.
    KeysAndTokens(Arc<dyn ApiKeyStore>, TokenRules),
}

/// What stands at the door.
pub(crate) enum Doorkeeper {
    Open,
    Asks(Box<Checks>),
}

/// What is looked at.
pub(crate) struct Checks {
    keyring: Keyring,
    tokens: Option<Tokens>,
    pace: Option<Pace>,
}

/// A caller, and what they have shown.
#[derive(Clone)]
pub(crate) struct Admitted {
    pub(crate) caller: Arc<Caller>,
    /// What they came in by, where something is needed.
    pass: Option<Pass>,
}

/// What somebody has shown: a key, or a token, which is of use for a time.
#[derive(Clone)]
struct Pass {
    /// Of the key, or the name in the token with its tenant.
    id: Arc<str>,
    expires_at: Option<Timestamp>,
}

impl Doorkeeper {
    pub(crate) fn of(access: Access, limit: Option<RateLimit>) -> Self {
        let (store, rules) = match access {
            Access::Open => return Self::Open,
            Access::Keys(store) => (store, None),
            Access::KeysAndTokens(store, rules) => (store, Some(rules)),
        };
        Self::Asks(Box::new(Checks {
            keyring: Keyring::new(store),
            tokens: rules.map(Tokens::new),
            pace: limit.and_then(Pace::new),
        }))
    }

    /// Whether people have to say who they are, since nobody knows.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// # Errors
    /// 401 where nothing is shown that is of any use; 429 where it was shown too often; 503 where that cannot be said now.
    async fn admit(&self, headers: &HeaderMap, now: Timestamp) -> Result<Admitted, Problem> {
        let Checks {
            keyring,
            tokens,
            pace,
        } = match self {
            Self::Open => return Ok(Admitted::anonymous()),
            Self::Asks(checks) => checks.as_ref(),
        };
        let shown = bearer(headers)
            .ok_or_else(|| unauthenticated("an API key is needed: Authorization: Bearer ac_…"))?;
        let admitted = match (Presented::read(shown), tokens) {
            (None, Some(tokens)) => Admitted::by_token(tokens.judge(shown, now).await?),
            (presented, _) => {
                let key = match presented {
                    Some(presented) => keyring.find(&presented).await?,
                    None => None,
                };
                let unknown = || unauthenticated("the API key is unknown or revoked; ask for another one");
                Admitted::by_key(key.ok_or_else(unknown)?)
            }
        };
        if let (Some(pace), Some(pass)) = (pace, &admitted.pass) {
            pace.take(&pass.id)?;
        }
        Ok(admitted)
    }

    /// Whether what somebody came in by still opens the door. True where that cannot be said now.
    pub(crate) async fn still_admits(&self, admitted: &Admitted, now: Timestamp) -> bool {
        match (self, &admitted.pass) {
            (
                _,
                Some(Pass {
                    expires_at: Some(expires_at),
                    ..
                }),
            ) => now < *expires_at,
            (Self::Asks(checks), Some(pass)) => checks.keyring.is_usable(&pass.id).await,
            _ => true,
        }
    }
}

impl Admitted {
    /// Says in the log who asked for a change, and what came of it; the request's span has the rest.
    fn note(&self, response: &Response) {
        if let Some(Pass { id: key_id, .. }) = &self.pass {
            let Caller { tenant, name, .. } = self.caller.as_ref();
            let status = response.status().as_u16();
            tracing::info!(target: "agentchains::audit", %key_id, %tenant, name, status, "asked for a change");
        }
    }

    fn anonymous() -> Self {
        Self {
            caller: Arc::new(Caller::anonymous()),
            pass: None,
        }
    }

    fn by_key(key: ApiKey) -> Self {
        Self {
            pass: Some(Pass {
                id: key.id.as_str().into(),
                expires_at: None,
            }),
            caller: Arc::new(Caller {
                tenant: key.tenant,
                name: key.name,
                roles: vec![key.role.to_string()],
                rights: key.role.rights(),
            }),
        }
    }

    fn by_token(token: Bearer) -> Self {
        let Bearer { caller, expires_at } = token;
        Self {
            pass: Some(Pass {
                id: format!("{}/{}", caller.tenant, caller.name).into(),
                expires_at: Some(expires_at),
            }),
            caller: Arc::new(caller),
        }
    }
}

/// Gives a request its caller, for handlers here and of the doors beside these routes, or refuses it.
pub(crate) async fn authenticate(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    match site.doorkeeper.admit(request.headers(), site.engine.now()).await {
        Ok(admitted) => {
            request.extensions_mut().insert(Caller::clone(&admitted.caller));
            request.extensions_mut().insert(admitted.clone());
            let is_change = !request.method().is_safe();
            let response = next.run(request).await;
            if is_change {
                admitted.note(&response);
            }
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// Refuses callers who have none of the rights that open a route.
pub(crate) async fn require(State(needed): State<Rights>, request: Request, next: Next) -> Response {
    let admitted = request.extensions().get::<Admitted>();
    let demanded = admitted.map_or_else(
        || Err(Problem::internal()),
        |admitted| demand(&admitted.caller, needed),
    );
    match demanded {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// # Errors
/// 403 where the caller has none of these rights.
pub(crate) fn demand(caller: &Caller, needed: impl Into<Rights>) -> Result<(), Problem> {
    let needed = needed.into();
    if caller.rights.has_any(needed) {
        return Ok(());
    }
    let roles = Role::ALL.into_iter().filter(|role| role.rights().has_any(needed));
    let roles: Vec<&str> = roles.map(Role::as_str).collect();
    let detail = format!("this needs a key with the role {}", roles.join(" or "));
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
}

/// The token of the scheme `Bearer` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}
