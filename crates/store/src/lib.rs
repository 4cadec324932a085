//! Durable state on SQLite and PostgreSQL through SeaORM.
//!
//! [`Store`] implements the six storage ports: executions are written by one task that owns the writing
//! connection and commits what is ready at the same time in one transaction, and read over connections of their
//! own. Rows are the truth; events are written in the same transaction as the rows that they tell of. Every
//! commit names the lease epoch and the revision that it was computed from, and changes nothing when either has
//! moved on. What was acknowledged is on disk.
//!
//! A database belongs to one process at a time: opening it takes an operating system lock on `<file>.lock`, or an
//! advisory lock on the server for as long as the session that writes, and advances the epoch, so that nothing that an
//! earlier process left behind can write any more.
//!
//! The features `sqlite` and `postgres`, both on by default, are the databases that can be opened.
//!
//! The crate refuses to interpret what it stores: the rules of executions are the machine's.
//!
//! ```
//! use agentchains_machine::WorkflowId;
//! use agentchains_ports::{NewVersion, WorkflowStore};
//! use agentchains_store::{Store, StoreOptions};
//! use jiff::Timestamp;
//! use uuid::Uuid;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open(StoreOptions::new("sqlite::memory:")).await?;
//! let id = WorkflowId::from_uuid(Uuid::now_v7());
//! let version = NewVersion {
//!     name: "Parallel Research".into(),
//!     description: None,
//!     document: "{}".into(),
//!     hash: "44136fa3".into(),
//!     created_by: "ada".into(),
//!     now: Timestamp::UNIX_EPOCH,
//! };
//! store.create_workflow("acme", id, version, None).await?;
//! assert_eq!(store.workflow("acme", id).await?.map(|workflow| workflow.version), Some(1));
//! assert_eq!(store.workflow("another", id).await?, None);
//! store.close().await;
//! # Ok(())
//! # }
//! ```

mod agents;
mod api_keys;
mod backend;
mod breakers;
mod entity;
mod error;
mod executions;
mod idempotency;
mod large;
mod mapping;
mod migration;
mod open;
mod options;
mod paging;
mod query;
mod secrets;
mod store;
mod terminal;
mod webhooks;
mod workflows;
mod write;

pub use crate::{
    open::OpenError,
    options::{Durability, StoreOptions},
    store::Store,
};
