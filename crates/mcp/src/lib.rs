//! The engine as an MCP server (Model Context Protocol, revisions 2024-11-05 to 2026-07-28): a model, or whoever uses one,
//! starts workflows, sees how they stand and ends them.
//!
//! [`router`] serves Streamable HTTP under `/mcp`, [`serve_stdio`] one client on standard input and output. Both have the
//! same tools, and every workflow's document as a resource. An execution is a task to clients that know those, and asks people
//! through clients that can put questions to them. What a tool does is the engine's business: a client that is
//! gone ends the waiting for an execution, and never the execution.
//!
//! A request's caller is the [`Caller`] among the extensions of its HTTP request, which whoever
//! authenticates puts there; without one it is the anonymous caller.
//!
//! ```
//! use std::sync::Arc;
//!
//! use agentchains_engine::{Engine, LocalAgents};
//! use agentchains_mcp::McpServer;
//! use agentchains_testkit::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let engine = Engine::builder(Arc::new(MemoryStore::new()), Arc::new(LocalAgents::new())).start();
//! let routes = agentchains_mcp::router(McpServer::new(engine));
//! # let _ = routes;
//! # }
//! ```

mod asking;
mod outcome;
mod resources;
mod server;
mod standing;
mod tasks;
mod tools;
mod waiting;

use std::{io, time::Duration};

use agentchains_engine::{Caller, Engine};
use axum::Router;
use rmcp::{
    ServiceExt as _,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService, stdio,
        streamable_http_server::session::local::LocalSessionManager,
    },
};
use tokio_util::sync::CancellationToken;
use tower_http::limit::RequestBodyLimitLayer;

use crate::server::Tools;

/// How often a client that waits hears something, so that nobody on the way takes the connection for dead.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

/// Bytes of the largest request: an input as large as may be, and what is around it.
const MAX_BODY: usize = 9 << 20;

/// What is served.
#[derive(Clone)]
pub struct McpServer {
    /// Runs the workflows.
    pub engine: Engine,
    /// Whether questions to people may be answered through a client, by whoever is behind it.
    pub approvals: bool,
    /// Cancelled when open connections are to end.
    pub stop: CancellationToken,
}

impl McpServer {
    /// A server that answers no questions to people.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            approvals: false,
            stop: CancellationToken::new(),
        }
    }
}

/// `/mcp`: Streamable HTTP, for clients of every revision.
///
/// `Host` and `Origin` are checked by whoever is in front, for all routes alike.
pub fn router(server: McpServer) -> Router {
    let mut config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_cancellation_token(server.stop.clone());
    config.sse_keep_alive = Some(SIGN_OF_LIFE_EVERY);
    let service = StreamableHttpService::new(
        move || Ok(Tools::new(server.clone(), None)),
        LocalSessionManager::default().into(),
        config,
    );
    Router::new()
        .nest_service("/mcp", service)
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
}

/// Serves one client on standard input and output, until it closes the input.
///
/// # Errors
/// When the client does not begin as the protocol says, or the server cannot be driven to its end.
pub async fn serve_stdio(server: McpServer, caller: Caller) -> io::Result<()> {
    let running = Tools::new(server, Some(caller)).serve(stdio()).await;
    let running = running.map_err(io::Error::other)?;
    running.waiting().await.map_err(io::Error::other)?;
    Ok(())
}
