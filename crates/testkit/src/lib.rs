//! Fakes for tests: a store in memory, one that fails where it is told to, a clock set by hand, agents with a script,
//! rows to test with, and the bodies of the tests that every store must pass.
//!
//! Used from `tests/` only.
//!
//! ```
//! use agentchains_ports::{Creation, ExecutionStore};
//! use agentchains_testkit::{MemoryStore, samples};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new();
//! let created = store.create(samples::changes(samples::execution(1), 1), None).await?;
//! assert!(matches!(created, Creation::Created((id, _)) if id == samples::execution_id(1)));
//! # Ok(())
//! # }
//! ```

mod agents;
mod clock;
mod fault_store;
mod memory_store;
#[cfg(unix)]
mod postgres;
pub mod property;
pub mod samples;
pub mod store_conformance;

#[cfg(unix)]
pub use crate::postgres::PostgresDatabase;
pub use crate::{
    agents::{Answer, ScriptedAgents},
    clock::ManualClock,
    fault_store::{Fault, FaultStore},
    memory_store::MemoryStore,
};
