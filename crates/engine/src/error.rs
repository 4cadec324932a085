//! What the engine answers when it does not do what was asked.

use std::collections::BTreeSet;

use agentchains_machine::{ApprovalId, ApprovalRow, ExecutionStatus, Rejected};
use agentchains_ports::StoreError;
use thiserror::Error;

use crate::{DryRunError, UnknownWorkflow, Validation};

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
    #[error("the workflow has {} error(s): {}", .0.errors.len(), first_of(.0))]
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
    /// The input is larger, or nested deeper, than a value may be.
    #[error("the input is no value that may be kept: {excess}")]
    InputTooLarge {
        /// What it has too much of.
        excess: String,
    },
    /// Agents that the workflow calls are not registered.
    #[error("agents that are not registered: {}", named_once(.agents))]
    UnknownAgents {
        /// Which, and where they are named.
        agents: Vec<UnknownAgent>,
    },
    /// Workflows that nodes start do not exist, or are archived.
    #[error("{}", each_once(.workflows))]
    UnknownWorkflows {
        /// Which, and where they are named.
        workflows: Vec<UnknownWorkflow>,
    },
    /// A workflow starts itself, directly or through others.
    #[error("the references to workflows form a ring: {way}")]
    SubworkflowRing {
        /// The names on the way round, such as `a → b → a`.
        way: String,
    },
    /// The request names a node that the workflow does not have.
    #[error("{message}")]
    NoSuchNode {
        /// RFC 6901 pointer to where the request names it.
        pointer: String,
        /// One sentence.
        message: String,
    },
    /// The budget is set and nobody knows what a node may cost.
    #[error(
        "nothing bounds what node {node} may cost, and unknown_cost is \"refuse\": give it max_cost, or its agent a price \
         for each call, or token prices with max_input_tokens and max_output_tokens"
    )]
    UnknownCost {
        /// The node.
        node: String,
    },
    /// A dry run came to no end.
    #[error(transparent)]
    DryRun(#[from] DryRunError),
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
    /// The question is asked by an execution that is not in the tree below the one that the request names.
    #[error("approval {id} is one of another execution")]
    ApprovalElsewhere {
        /// The question.
        id: ApprovalId,
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
    /// The store has not answered for a while.
    #[error(
        "the store does not answer: what was asked for is carried out once it does; see how the execution stands before \
         you ask again"
    )]
    StoreAway,
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

/// An agent that a workflow names and that cannot be called.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", if *.inline {
    format!("{agent_id:?} cannot be called as an agent: the setting allow_inline_endpoints is off, or it is no address; \
             register an agent there and name that")
} else {
    format!("agent {agent_id:?} is not registered; register it before an execution starts")
})]
pub struct UnknownAgent {
    /// Its id; where `inline`, the address that the node gives instead.
    pub agent_id: String,
    /// Whether the node gives an address of its own.
    pub inline: bool,
    /// RFC 6901 pointer to where the document names it.
    pub pointer: String,
}

/// The agents' ids, each once.
fn named_once(agents: &[UnknownAgent]) -> String {
    let ids: BTreeSet<&str> = agents.iter().map(|agent| agent.agent_id.as_str()).collect();
    ids.into_iter().collect::<Vec<_>>().join(", ")
}

fn first_of(validation: &Validation) -> &str {
    validation.errors.first().map_or("", |first| &first.message)
}

/// What is said of each workflow, once.
fn each_once(workflows: &[UnknownWorkflow]) -> String {
    let said: BTreeSet<String> = workflows.iter().map(ToString::to_string).collect();
    said.into_iter().collect::<Vec<_>>().join("; ")
}

impl EngineError {
    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }
}
