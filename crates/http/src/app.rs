//! What the routes serve, how, and what all handlers share.

use std::{sync::Arc, time::Duration};

use agentchains_engine::{Caller, Engine, ports::AgentDirectory};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::origin::Origins;

/// Renders metrics as text in the format of Prometheus.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What is served.
#[derive(Clone)]
pub struct App {
    /// Runs the workflows.
    pub engine: Engine,
    /// Knows the agents.
    pub agents: Arc<dyn AgentDirectory>,
    /// What `/metrics` answers with; without it there is no such path.
    pub metrics: Option<RenderMetrics>,
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
            allowed_origins: Vec::new(),
        }
    }
}

/// The state of all handlers.
#[derive(Clone)]
pub(crate) struct Api(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) agents: Arc<dyn AgentDirectory>,
    pub(crate) metrics: Option<RenderMetrics>,
    pub(crate) options: ServerOptions,
    pub(crate) origins: Origins,
    /// Cancelled when the server is to end.
    pub(crate) stop: CancellationToken,
    /// Requests and WebSockets under way.
    pub(crate) tasks: TaskTracker,
}

impl Api {
    pub(crate) fn new(app: App, own_origins: Vec<String>, stop: CancellationToken) -> Self {
        Self(Arc::new(Shared {
            engine: app.engine,
            agents: app.agents,
            metrics: app.metrics,
            origins: Origins::new(own_origins, &app.options.allowed_origins),
            options: app.options,
            stop,
            tasks: TaskTracker::new(),
        }))
    }

    /// Who asks: there is no authentication, so nobody is told apart.
    pub(crate) fn caller(&self) -> Caller {
        Caller::anonymous()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.stop.is_cancelled() || self.engine.is_draining()
    }
}

impl std::ops::Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
