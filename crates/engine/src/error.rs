//! What the engine answers when it does not do what was asked.

use std::collections::BTreeSet;

use agentchains_machine::{ApprovalRow, ExecutionStatus, Rejected};
use agentchains_ports::StoreError;
use thiserror::Error;

use crate::Validation;

/// Why the engine did not do what was asked. Nothing has changed.
#[derive(Debug, Error)]
pub enum EngineError {
    /// There is none of that id, or it is another tenant's.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The document has errors.
    #[error("the workflow has {} error(s)", .0.errors.len())]
    InvalidWorkflow(Box<Validation>),
    /// The workflow cannot be started any more.
    #[error("workflow {id} is archived; store a version of it to make it active again")]
    Archived {
        /// Its id.
        id: String,
    },
    /// The workflow, or the version that was seen, has been changed since.
    #[error("it has been changed since it was read; read it again")]
    Stale,
    /// The input does not fit the workflow's `input_schema`.
    #[error("the input does not fit the workflow's input_schema: {message}")]
    InputMismatch {
        /// What does not fit.
        message: String,
    },
    /// Agents that the workflow calls are not registered.
    #[error("agents that are not registered: {}", named_once(.agents))]
    UnknownAgents {
        /// Which, and where they are named.
        agents: Vec<UnknownAgent>,
    },
    /// The budget is set and nobody knows what a node may cost.
    #[error("node {node} has neither max_cost nor an agent with a price, and unknown_cost is \"refuse\"")]
    UnknownCost {
        /// The node.
        node: String,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request; use another key")]
    IdempotencyKeyReused,
    /// The execution refuses the command.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The question has been closed.
    #[error("the approval is {} already", .approval.status)]
    ApprovalClosed {
        /// The question, with the decision that counted.
        approval: Box<ApprovalRow>,
    },
    /// The execution is not terminal.
    #[error("the execution is {status}; cancel it first")]
    NotTerminal {
        /// What it is in.
        status: ExecutionStatus,
    },
    /// The engine is being shut down.
    #[error("the server is shutting down; try again later")]
    ShuttingDown,
    /// Another writer has changed the execution; the same request may be sent again.
    #[error("the execution was taken over by another process; try again")]
    TakenOver,
    /// What the store holds of the execution cannot be understood; the log says why.
    #[error("what is stored of execution {id} cannot be understood")]
    Unreadable {
        /// Its id.
        id: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An agent that a workflow names and nobody has registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAgent {
    /// Its id.
    pub agent_id: String,
    /// RFC 6901 pointer to where the document names it.
    pub pointer: String,
}

/// The agents' ids, each once.
fn named_once(agents: &[UnknownAgent]) -> String {
    let ids: BTreeSet<&str> = agents.iter().map(|agent| agent.agent_id.as_str()).collect();
    ids.into_iter().collect::<Vec<_>>().join(", ")
}

impl EngineError {
    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }
}
