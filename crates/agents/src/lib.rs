//! Calling agents over the network.
//!
//! An [`AgentRunner`] is the engine's `NodeRunner` for agents that are called over A2A (1.0 over JSON-RPC and HTTP+JSON,
//! 0.3 over JSON-RPC), over plain HTTP, as chat completions, or as tools of MCP servers: it sends each attempt, follows
//! the task that an agent makes of it, and says what a failure means. A [`Registry`] keeps which agents there are, and a [`Vault`] the secrets that they are called with. An
//! [`AddressPolicy`] decides what may be connected to, and a [`SecretPolicy`] which secrets of the server may be sent there.
//! [`Webhooks`] are told of events.
//!
//! Agents are strangers. Every reply has limits of size, depth and time; no redirect is followed, no proxy is used,
//! no address is connected to that was not judged, and nothing an agent says is more than data. The crate knows
//! neither executions nor graphs nor databases.
//!
//! ```
//! use std::sync::Arc;
//!
//! use agentchains_agents::{AddressPolicy, AgentRunner, Outbound, Registry};
//! use agentchains_ports::{AgentStore, Clock, NodeRunner, StoreError};
//!
//! /// Calls the agents that a store holds, those on this machine included.
//! async fn runner(store: Arc<dyn AgentStore>, clock: Arc<dyn Clock>) -> Result<AgentRunner, Box<dyn std::error::Error>> {
//!     let policy: AddressPolicy = "loopback".parse()?;
//!     let registry = Registry::load(store, Outbound::new(policy, clock)?).await?;
//!     Ok(AgentRunner::new(registry))
//! }
//! ```

mod a2a;
mod agent;
mod credentials;
mod definition;
mod error;
mod failure;
mod http_json;
mod lenient;
mod mcp;
mod net;
mod openai;
mod output;
mod quote;
mod registry;
mod reported;
mod request;
mod runner;
mod trace;
mod webhooks;

pub use crate::{
    credentials::{InvalidKey, InvalidPlace, SecretPolicy, SecretsKey, Vault, VaultError},
    net::{AddressPolicy, AddressRefused, InvalidRange, Outbound, Resolve, TlsError, TlsSettings},
    registry::Registry,
    runner::AgentRunner,
    webhooks::{DeclaredWebhook, EventText, Webhooks},
};
