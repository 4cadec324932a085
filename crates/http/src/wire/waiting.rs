//! What nodes wait for, as clients see it.

use agentchains_engine::machine::{
    ApprovalId, Attempt, ExecutionId, Failure, HeldFor, NodePath, NodeRow, NodeState, PauseReason, Waiting,
    time::rfc3339_millis,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// What a node waits for.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum WaitingOn<'a> {
    /// The time of its next attempt.
    Retry {
        /// When the next attempt may start.
        #[serde(with = "rfc3339_millis")]
        #[schemars(with = "Timestamp")]
        due_at: Timestamp,
        /// Why the last one failed.
        error: &'a Failure,
    },
    /// An open breaker.
    Breaker {
        agent_id: &'a str,
        /// When the breaker may let a call through.
        #[serde(with = "rfc3339_millis")]
        #[schemars(with = "Timestamp")]
        retry_at: Timestamp,
        /// When the node gives up.
        #[serde(with = "rfc3339_millis")]
        #[schemars(with = "Timestamp")]
        until: Timestamp,
    },
    /// A person.
    Approval {
        approval_id: ApprovalId,
        /// When waiting ends.
        #[serde(with = "rfc3339_millis::option")]
        #[schemars(with = "Option<Timestamp>")]
        expires_at: Option<Timestamp>,
    },
    /// A person who says whether an attempt is sent again, whose outcome a crash left unknown.
    Outcome(HeldAttempt<'a>),
    /// A person who answers what an agent asks.
    AgentInput(HeldAttempt<'a>),
    /// A child execution.
    ChildExecution {
        execution_id: ExecutionId,
        /// Why the child is paused, where it is.
        pause_reason: Option<PauseReason>,
    },
}

/// An attempt that cannot go on without a person.
#[derive(Serialize, JsonSchema)]
pub(crate) struct HeldAttempt<'a> {
    approval_id: ApprovalId,
    agent_id: &'a str,
    attempt: u32,
}

impl<'a> WaitingOn<'a> {
    /// What a node in the status `waiting` waits for.
    pub(crate) fn of(state: &'a NodeState) -> Option<Self> {
        let NodeState::Waiting(waiting) = state else {
            return None;
        };
        Some(match waiting {
            Waiting::Retry { due_at, error } => Self::Retry {
                due_at: *due_at,
                error,
            },
            Waiting::Breaker {
                agent_id,
                retry_at,
                until,
            } => Self::Breaker {
                agent_id,
                retry_at: *retry_at,
                until: *until,
            },
            Waiting::Approval {
                approval_id,
                expires_at,
            } => Self::Approval {
                approval_id: *approval_id,
                expires_at: *expires_at,
            },
            Waiting::Held {
                about,
                approval_id,
                attempt,
                ..
            } => {
                let held = HeldAttempt::new(*approval_id, attempt);
                match about {
                    HeldFor::Outcome => Self::Outcome(held),
                    HeldFor::AgentInput => Self::AgentInput(held),
                }
            }
        })
    }
}

impl<'a> HeldAttempt<'a> {
    fn new(approval_id: ApprovalId, attempt: &'a Attempt) -> Self {
        Self {
            approval_id,
            agent_id: &attempt.agent_id,
            attempt: attempt.number,
        }
    }
}

/// A node that waits, or that a child execution runs for, and what for.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WaitingNode<'a> {
    node_id: &'a str,
    path: &'a NodePath,
    #[serde(flatten)]
    waiting_on: WaitingOn<'a>,
}

impl<'a> WaitingNode<'a> {
    pub(crate) fn of(node: &'a NodeRow) -> Option<Self> {
        let waiting_on = match &node.state {
            NodeState::Child(child) => WaitingOn::ChildExecution {
                execution_id: child.execution_id,
                pause_reason: child.pause_reason,
            },
            state => WaitingOn::of(state)?,
        };
        Some(Self {
            node_id: &node.node_id,
            path: &node.path,
            waiting_on,
        })
    }
}
