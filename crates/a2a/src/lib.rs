//! Published workflows as agents: the server's side of A2A (Agent2Agent, versions 1.0 and 0.3), over JSON-RPC and
//! HTTP+JSON, under `/a2a/{workflow_id}`. Where a caller may see one of them only, its card is at the server's root too.
//!
//! A task is an execution and has its id, so that tasks are as durable as executions; what a client does to its
//! connection does nothing to them. A message without a task starts an execution, and the same message again gives the
//! same task. Its parts become the execution's input:
//!
//! - a data part by itself is the input; of the data that a node of another engine's workflow sends, the node's config is;
//! - text by itself goes where the workflow's `input_schema` has room for it: it is the input, or the one property that
//!   is required, or `{"text": …}`, which it also is without a schema; where there is no room it is refused;
//! - anything else becomes `{"text", "data", "files"}`, as far as there is such.
//!
//! The output is the one artifact. An execution that waits for a person is a task that requires input, and a message to
//! it decides: the name of an action, `yes` or `no`, or a data part `{"decision", "comment"?, "data"?, "approval_id"?}`; an
//! agent's question takes any text. Without an `approval_id` the oldest question is meant. The totals of cost and usage
//! stand in the metadata of tasks.
//!
//! A request's caller is the [`Caller`](agentchains_engine::Caller) among its extensions, which whoever authenticates
//! puts there; without one it is the anonymous caller. What a caller may not see does not exist for them.
//!
//! ```
//! use std::sync::Arc;
//!
//! use agentchains_a2a::A2aServer;
//! use agentchains_engine::{Engine, LocalAgents};
//! use agentchains_testkit::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let engine = Engine::builder(Arc::new(MemoryStore::new()), Arc::new(LocalAgents::new())).start();
//! let server = A2aServer {
//!     publish_all: true,
//!     ..A2aServer::new(engine)
//! };
//! let routes = agentchains_a2a::router(server);
//! # let _ = routes;
//! # }
//! ```

mod agent;
mod binding;
mod card;
mod door;
mod error;
mod model;
mod operations;
mod request;
mod tck;
mod wire;
mod workflow;

use agentchains_engine::Engine;
use axum::Router;
use tokio_util::sync::CancellationToken;

use crate::door::Door;

/// What is served.
#[derive(Clone)]
pub struct A2aServer {
    /// Runs the workflows.
    pub engine: Engine,
    /// Whether every workflow is an agent, and not only those that are published.
    pub publish_all: bool,
    /// Whether the agent for the protocol's test kit is served, as `/a2a/tck`.
    pub tck: bool,
    /// Where the server is besides its own address, such as `https://agents.example`. A card that is asked for there
    /// names it; any other names the host that it was asked from.
    pub origins: Vec<String>,
    /// Whether its own address is one of HTTPS.
    pub has_tls: bool,
    /// Whether callers have to show a key, of which cards tell.
    pub needs_key: bool,
    /// Cancelled when open connections are to end.
    pub stop: CancellationToken,
}

impl A2aServer {
    /// A server of published workflows, for everybody.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            publish_all: false,
            tck: false,
            origins: Vec::new(),
            has_tls: false,
            needs_key: false,
            stop: CancellationToken::new(),
        }
    }
}

/// The agents' routes: all below `/a2a`, but for the card of an only one.
///
/// `Host` and `Origin` are checked by whoever is in front, for all routes alike.
pub fn router(server: A2aServer) -> Router {
    binding::routes(Door::new(server))
}
