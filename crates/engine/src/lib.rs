//! The engine: runs workflows of agents, embeddable in any program that has a tokio runtime.
//!
//! An [`Engine`] is built from a store and a runner; its handle is cheap to clone. One driver task owns each
//! active execution: it drains its mailbox, steps the machine, makes one commit, publishes the events and then
//! performs the effects. Executions that only wait for a person or a moment hold no task and no memory.
//!
//! This crate knows neither a database nor a network: both come through the traits of [`ports`].

mod calls;
mod clock;
mod compiled;
mod driver;
mod engine;
mod error;
mod events;
mod executions;
mod gate;
mod hub;
mod local;
mod recovery;
mod shared;
mod workflows;

pub use agentchains_breaker as breaker;
pub use agentchains_cost as cost;
pub use agentchains_machine as machine;
pub use agentchains_ports as ports;
pub use agentchains_workflow as workflow;

pub use crate::{
    clock::SystemClock,
    engine::{Caller, Engine, EngineBuilder},
    error::{EngineError, UnknownAgent},
    events::EventStream,
    executions::{ExecutionView, StartRequest},
    hub::{Missed, Notice, Notices},
    local::{AgentAnswer, AgentFailed, AgentRequest, LocalAgents},
    workflows::{Validation, WorkflowView},
};
