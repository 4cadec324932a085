//! Who asks, and whether they may: every request below a guarded path has a caller before it reaches a handler, and
//! every route names the right that it needs.

mod key;
mod keyring;
mod pace;

use std::sync::Arc;

use agentchains_engine::{
    Caller,
    ports::{ApiKeyStore, RateLimit, Rights, Role},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

pub use self::key::{NewApiKey, new_api_key};
use self::{key::Presented, keyring::Keyring, pace::Pace};
use crate::{app::Site, problem::Problem};

/// Who may use the server.
#[derive(Clone, Default)]
pub enum Access {
    /// Everybody, as one caller who may do everything.
    #[default]
    Open,
    /// Who shows one of these keys, as what the key says.
    Keys(Arc<dyn ApiKeyStore>),
}

/// What stands at the door.
pub(crate) enum Doorkeeper {
    Open,
    Keys { keyring: Keyring, pace: Option<Pace> },
}

/// A caller, and what they have shown.
#[derive(Clone)]
pub(crate) struct Admitted {
    pub(crate) caller: Arc<Caller>,
    /// The key by which they came in, where one is needed.
    key_id: Option<Arc<str>>,
}

impl Doorkeeper {
    pub(crate) fn of(access: Access, limit: Option<RateLimit>) -> Self {
        match access {
            Access::Open => Self::Open,
            Access::Keys(store) => Self::Keys {
                keyring: Keyring::new(store),
                pace: limit.and_then(Pace::new),
            },
        }
    }

    /// Whether people have to say who they are, since nobody knows.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// # Errors
    /// 401 where nothing is shown that is of any use; 429 where it was shown too often; 503 where that cannot be said now.
    async fn admit(&self, headers: &HeaderMap) -> Result<Admitted, Problem> {
        let (keyring, pace) = match self {
            Self::Open => return Ok(Admitted::anonymous()),
            Self::Keys { keyring, pace } => (keyring, pace),
        };
        let shown = bearer(headers)
            .ok_or_else(|| unauthenticated("an API key is needed: Authorization: Bearer ac_…"))?;
        let key = match Presented::read(shown) {
            Some(presented) => keyring.find(&presented).await?,
            None => None,
        };
        let key =
            key.ok_or_else(|| unauthenticated("the API key is unknown or revoked; ask for another one"))?;
        let key_id: Arc<str> = key.id.as_str().into();
        if let Some(pace) = pace {
            pace.take(&key_id)?;
        }
        Ok(Admitted {
            key_id: Some(key_id),
            caller: Arc::new(Caller {
                tenant: key.tenant,
                name: key.name,
                roles: vec![key.role.to_string()],
                rights: key.role.rights(),
            }),
        })
    }

    /// Whether what somebody came in by still opens the door. True where that cannot be said now.
    pub(crate) async fn still_admits(&self, admitted: &Admitted) -> bool {
        match (self, &admitted.key_id) {
            (Self::Keys { keyring, .. }, Some(id)) => keyring.is_usable(id).await,
            _ => true,
        }
    }
}

impl Admitted {
    /// Says in the log who asked for a change, and what came of it; the request's span has the rest.
    fn note(&self, response: &Response) {
        if let Some(key_id) = &self.key_id {
            let Caller { tenant, name, .. } = self.caller.as_ref();
            let status = response.status().as_u16();
            tracing::info!(target: "agentchains::audit", %key_id, %tenant, name, status, "asked for a change");
        }
    }

    fn anonymous() -> Self {
        Self {
            caller: Arc::new(Caller::anonymous()),
            key_id: None,
        }
    }
}

/// Gives a request its caller, for handlers here and of the doors beside these routes, or refuses it.
pub(crate) async fn authenticate(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    match site.doorkeeper.admit(request.headers()).await {
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
