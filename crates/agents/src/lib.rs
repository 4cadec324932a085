//! Calling agents over the network.
//!
//! An [`A2aRunner`] is the engine's `NodeRunner` for agents that speak A2A 1.0 over JSON-RPC: it reads their cards,
//! sends a message for each attempt, follows the task that the agent makes of it, and says what a failure means. A
//! [`Registry`] keeps which agents there are. An [`AddressPolicy`] decides what may be connected to.
//!
//! Agents are strangers. Every reply has limits of size, depth and time; no redirect is followed, no proxy is used,
//! no address is connected to that was not judged, and nothing an agent says is more than data. The crate knows
//! neither executions nor graphs nor databases.
//!
//! ```
//! use std::sync::Arc;
//!
//! use agentchains_agents::{A2aClient, A2aRunner, AddressPolicy, Registry};
//! use agentchains_ports::{AgentStore, Clock, NodeRunner, StoreError};
//!
//! /// Calls the agents that a store holds, those on this machine included.
//! async fn runner(store: Arc<dyn AgentStore>, clock: Arc<dyn Clock>) -> Result<A2aRunner, Box<dyn std::error::Error>> {
//!     let policy: AddressPolicy = "loopback".parse()?;
//!     let client = A2aClient::new(policy, clock)?;
//!     let registry = Registry::load(store, client.clone()).await?;
//!     Ok(A2aRunner::new(registry, client))
//! }
//! ```

mod address;
mod answer;
mod cancel;
mod card;
mod client;
mod connect;
mod conversation;
mod definition;
mod endpoint;
mod error;
mod failure;
mod lenient;
mod message;
mod output;
mod question;
mod quote;
mod registry;
mod reply;
mod reported;
mod retry_after;
mod rpc;
mod runner;
mod task;
mod transport;

pub use crate::{
    address::{AddressPolicy, AddressRefused, InvalidRange},
    client::{A2aClient, TlsError},
    registry::Registry,
    runner::A2aRunner,
};
