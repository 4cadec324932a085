//! The engine's HTTP door: REST, live events over WebSockets, and problem details for whatever goes wrong.
//!
//! [`serve`] runs an accept loop with limits and an orderly end over the routes that [`router()`] puts together.
//! Everything is below [`BASE_PATH`] but `/healthz`, `/readyz` and `/metrics`. The crate translates: it reads requests, asks
//! the [`Engine`](agentchains_engine::Engine) or the registry of agents, and writes answers. It knows neither the
//! database nor how agents are called, and has no rules of its own about workflows.
//!
//! ```
//! # mod registry {
//! #     use agentchains_engine::ports::*;
//! #     type Done<T> = Result<T, DirectoryError>;
//! #     pub struct NoAgents;
//! #     #[async_trait::async_trait]
//! #     impl AgentDirectory for NoAgents {
//! #         fn list(&self, _: &str) -> Vec<AgentRecord> { Vec::new() }
//! #         fn get(&self, _: &str, _: &str) -> Option<AgentRecord> { None }
//! #         async fn register(
//! #             &self, _: &str, _: AgentDefinition, _: Option<Idempotency>, _: jiff::Timestamp,
//! #         ) -> Done<AgentRecord> { absent() }
//! #         async fn replace(
//! #             &self, _: &str, _: AgentDefinition, _: Option<u32>, _: jiff::Timestamp,
//! #         ) -> Done<AgentRecord> { absent() }
//! #         async fn remove(&self, _: &str, _: &str, _: Option<u32>) -> Done<()> { absent() }
//! #         async fn discover(&self, _: &str) -> Done<DiscoveredAgent> { absent() }
//! #         async fn check(&self, _: &str, _: &str) -> Done<()> { absent() }
//! #     }
//! #     fn absent<T>() -> Done<T> { Err(DirectoryError::Absent { agent_id: String::new() }) }
//! # }
//! use std::{sync::Arc, time::Duration};
//!
//! use agentchains_engine::{Engine, LocalAgents};
//! use agentchains_http::{Access, App, ServerOptions, serve};
//! use agentchains_testkit::MemoryStore;
//! use tokio::net::TcpListener;
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::builder(Arc::new(MemoryStore::new()), Arc::new(LocalAgents::new())).start();
//! let app = App {
//!     engine: engine.clone(),
//!     agents: Arc::new(registry::NoAgents),
//!     webhooks: None,
//!     metrics: None,
//!     doors: Vec::new(),
//!     access: Access::Open,
//!     tls: None,
//!     options: ServerOptions::default(),
//! };
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let stop = CancellationToken::new();
//! # stop.cancel();
//! serve(listener, app, stop).await?;
//! engine.shutdown(Duration::from_secs(30)).await;
//! # Ok(())
//! # }
//! ```

mod access;
mod app;
mod edge;
mod errors;
mod extract;
mod hint;
mod json;
mod live;
mod openapi;
mod origin;
mod problem;
mod router;
mod routes;
mod server;
mod tls;
mod wire;

pub use access::{Access, NewApiKey, SigningKeys, TokenRules, new_api_key};
pub use app::{App, RenderMetrics, ServerOptions};
pub use live::event_text;
pub use openapi::openapi;
pub use router::{BASE_PATH, Operation, operations, router};
pub use routes::templates::templates;
pub use server::serve;
pub use tls::{InvalidTls, ServerTls};
