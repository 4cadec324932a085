//! The engine: runs workflows of agents, embeddable in any program that has a tokio runtime.
//!
//! An [`Engine`] is built from a store and a runner; its handle is cheap to clone. One driver task owns each
//! active execution: it drains its mailbox, steps the machine, makes one commit, publishes the events and then
//! performs the effects. Executions that only wait for a person or a moment hold no task and no memory.
//!
//! This crate knows neither a database nor a network: both come through the traits of [`ports`].
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use agentchains_engine::{AgentRequest, Caller, Engine, LocalAgents, StartRequest, ports::Creation};
//! use agentchains_store::{Store, StoreOptions};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let agents = LocalAgents::new().with("greeter", async |request: AgentRequest| {
//!     Ok(json!({"text": format!("hello, {}", request.input["name"].as_str().unwrap_or("you"))}).into())
//! });
//! let store = Store::open(StoreOptions::new("sqlite::memory:")).await?;
//! let engine = Engine::builder(Arc::new(store), Arc::new(agents)).start();
//!
//! let caller = Caller::anonymous();
//! let document = r#"{"name": "greet", "nodes": [{"id": "hello", "type": "agent_call", "agent_id": "greeter"}]}"#;
//! let Creation::Created(workflow) = engine.create_workflow(&caller, document, None).await? else {
//!     return Err("without an idempotency key nothing is replayed".into());
//! };
//! let request = StartRequest { input: json!({"name": "Ada"}), ..StartRequest::default() };
//! let id = engine.start(&caller, workflow.record.id, request).await?.id;
//!
//! let mut events = engine.follow(&caller, id, 0).await?;
//! while let Some(event) = events.next().await? {
//!     println!("{} {}", event.seq, event.kind);
//! }
//! let execution = engine.execution(&caller, id).await?;
//! assert_eq!(execution.output, Some(json!({"hello": {"text": "hello, Ada"}}).into()));
//! engine.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

mod agents;
mod approvals;
mod bill;
mod breakers;
mod calls;
mod children;
mod clock;
mod compiled;
mod doubt;
mod driver;
mod dry_run;
mod engine;
mod error;
mod estimate;
mod events;
mod executions;
mod findings;
mod fork;
mod gate;
mod hub;
mod latest;
mod library;
mod loading;
mod local;
pub mod metrics;
mod pace;
mod published;
mod purses;
mod recovery;
mod references;
mod rest;
mod resume;
mod retention;
mod rings;
mod room;
mod shared;
mod start;
mod waking;
mod workflows;

pub use agentchains_breaker as breaker;
pub use agentchains_cost as cost;
pub use agentchains_machine as machine;
pub use agentchains_ports as ports;
pub use agentchains_workflow as workflow;

pub use crate::{
    bill::{Bill, Charges, ChildBill, NodeBill, Spending, still_reserved},
    clock::SystemClock,
    dry_run::{DryRun, DryRunError, DryRunNode, DryRunReport, SupposedDecision},
    engine::{Caller, Engine, EngineBuilder},
    error::{EngineError, UnknownAgent},
    estimate::{CostEstimate, DurationEstimate, Estimate, EstimateRequest, NodeEstimate, Remark},
    events::{EventStream, Live},
    executions::ExecutionView,
    fork::ForkRequest,
    hub::{Missed, Notice, Notices, Said},
    local::{AgentAnswer, AgentFailed, AgentRequest, LocalAgents},
    published::Published,
    purses::Caps,
    references::UnknownWorkflow,
    rest::Rest,
    start::StartRequest,
    workflows::{Validation, WorkflowView},
};
