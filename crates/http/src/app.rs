//! What the routes serve, how, and what all handlers share.

use std::{sync::Arc, time::Duration};

use agentchains_engine::{
    Caller, Engine,
    ports::{AgentDirectory, RateLimit, WebhookDirectory},
};
use axum::{Router, extract::FromRequestParts, http::request::Parts};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Access, ServerTls,
    access::{Admitted, Doorkeeper},
    origin::Origins,
    problem::Problem,
};

/// Renders metrics as text in the format of Prometheus.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What is served.
#[derive(Clone)]
pub struct App {
    /// Runs the workflows.
    pub engine: Engine,
    /// Knows the agents.
    pub agents: Arc<dyn AgentDirectory>,
    /// Knows the webhooks; without it there are no such paths.
    pub webhooks: Option<Arc<dyn WebhookDirectory>>,
    /// What `/metrics` answers with; without it there is no such path.
    pub metrics: Option<RenderMetrics>,
    /// Further doors, beside the API: each of their requests has its [`Caller`] among its extensions.
    pub doors: Vec<Router>,
    /// Who may use it.
    pub access: Access,
    /// The certificate that is shown; without one connections are not encrypted.
    pub tls: Option<ServerTls>,
    /// How it is served.
    pub options: ServerOptions,
}

/// How the server treats connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerOptions {
    /// Connections at once, WebSockets included; further ones wait to be accepted.
    pub max_connections: usize,
    /// How long a connection may take to send a request's head, and how long it may be idle between requests.
    pub header_timeout: Duration,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// How long connections may take to end once the server is told to stop; then they are cut.
    pub drain: Duration,
    /// Requests that are being answered at once; further ones are refused with 503. Streams and WebSockets do not count once
    /// they are open.
    pub max_requests: usize,
    /// How often each key may ask, where keys are needed.
    pub rate_limit: Option<RateLimit>,
    /// Origins (RFC 6454) of web pages that may use the server, besides its own; such as
    /// `https://dashboard.example`.
    pub allowed_origins: Vec<String>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
            drain: Duration::from_secs(10),
            max_requests: 4096,
            rate_limit: None,
            allowed_origins: Vec::new(),
        }
    }
}

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Site(Arc<Shared>);

/// What a handler has: the server, and who asks.
#[derive(Clone)]
pub(crate) struct Api {
    site: Site,
    admitted: Admitted,
}

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) agents: Arc<dyn AgentDirectory>,
    pub(crate) webhooks: Option<Arc<dyn WebhookDirectory>>,
    pub(crate) metrics: Option<RenderMetrics>,
    pub(crate) options: ServerOptions,
    pub(crate) origins: Origins,
    pub(crate) doorkeeper: Doorkeeper,
    /// Room for further requests.
    pub(crate) room: Semaphore,
    /// Cancelled when the server is to end.
    pub(crate) stop: CancellationToken,
    /// Requests and WebSockets under way.
    pub(crate) tasks: TaskTracker,
}

impl Site {
    pub(crate) fn new(app: App, own_origins: Vec<String>, stop: CancellationToken) -> Self {
        Self(Arc::new(Shared {
            engine: app.engine,
            agents: app.agents,
            webhooks: app.webhooks,
            metrics: app.metrics,
            doorkeeper: Doorkeeper::of(app.access, app.options.rate_limit),
            origins: Origins::new(own_origins, &app.options.allowed_origins),
            room: Semaphore::new(app.options.max_requests),
            options: app.options,
            stop,
            tasks: TaskTracker::new(),
        }))
    }
}

impl Shared {
    pub(crate) fn is_draining(&self) -> bool {
        self.stop.is_cancelled() || self.engine.is_draining()
    }
}

impl Api {
    /// Who asks.
    pub(crate) fn caller(&self) -> &Caller {
        &self.admitted.caller
    }

    /// Whose rows the caller sees.
    pub(crate) fn tenant(&self) -> &str {
        &self.caller().tenant
    }

    /// Whether the caller would be let in once more.
    pub(crate) async fn still_admits_caller(&self) -> bool {
        self.doorkeeper
            .still_admits(&self.admitted, self.engine.now())
            .await
    }
}

impl FromRequestParts<Site> for Api {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Problem> {
        let admitted = parts.extensions.get::<Admitted>().cloned();
        Ok(Self {
            site: site.clone(),
            // Only a route that was built without a door in front of it has none.
            admitted: admitted.ok_or_else(Problem::internal)?,
        })
    }
}

impl std::ops::Deref for Site {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl std::ops::Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.site
    }
}
