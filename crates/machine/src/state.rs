//! The state of a node: one enum, with what belongs to each state and nothing else.
//!
//! | from | to | when |
//! |---|---|---|
//! | `Pending` | `Running` | its join holds and an attempt was recorded |
//! | `Pending` | `Open`, `Child` | its join holds; its members or its child execution may start |
//! | `Pending` | `Waiting` | its join holds and it asks a person, or its agent's breaker is open |
//! | `Pending` | `Failed` | nothing can be sent |
//! | `Pending` | `Skipped`, `Cancelled` | its join cannot hold; the execution ends |
//! | `Running` | `Completed`, `Failed`, `Cancelled` | the attempt ended and was the last; it was aborted |
//! | `Running` | `Waiting` | the attempt failed and another one is due later; nobody knows how it ended |
//! | `Open`, `Child` | `Completed`, `Failed`, `Waiting` | as for an attempt, by what became of the members or the child |
//! | `Open`, `Child` | `Skipped`, `Cancelled` | the execution ends, or what is around it |
//! | `Waiting` | `Running`, `Open`, `Child` | the timer is over, the breaker lets a call through, a person says so |
//! | `Waiting` | `Waiting` | the breaker is still open |
//! | `Waiting` | `Completed`, `Failed` | a person decided, or nobody did in time; no attempt can follow |
//! | `Waiting` | `Skipped`, `Cancelled` | the execution ends |
//!
//! A node inside of one that is tried again goes from `Failed`, `Skipped` or `Cancelled` back to `Pending`.
//! Where `on_error` gives an output, `Completed` takes the place of `Failed`.

use agentchains_cost::Usd;
use agentchains_workflow::Json;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ApprovalId, ExecutionId, Failure, MessageId, NodePath, NodeStatus, PauseReason, RemoteCancel,
    status::words,
};

/// What a node is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum NodeState {
    /// Its join has not been decided, or it is queued.
    Pending,
    /// An attempt is in flight.
    Running(Attempt),
    /// Its members run.
    Open {
        /// When they are given up.
        deadline: Option<Timestamp>,
    },
    /// A child execution runs for it.
    Child(ChildRun),
    /// It waits.
    Waiting(Waiting),
    /// It has an output.
    Completed(Completion),
    /// Its last attempt failed, or nothing could be sent.
    Failed(NodeFailure),
    /// It will not run.
    Skipped(SkipReason),
    /// The execution ended before it did.
    Cancelled {
        /// What became of its remote task, where there was one.
        remote_cancel: Option<RemoteCancel>,
    },
}

impl NodeState {
    /// The word for it.
    #[must_use]
    pub const fn status(&self) -> NodeStatus {
        match self {
            Self::Pending => NodeStatus::Pending,
            Self::Running(_) | Self::Open { .. } | Self::Child(_) => NodeStatus::Running,
            Self::Waiting(_) => NodeStatus::Waiting,
            Self::Completed(_) => NodeStatus::Completed,
            Self::Failed(_) => NodeStatus::Failed,
            Self::Skipped(_) => NodeStatus::Skipped,
            Self::Cancelled { .. } => NodeStatus::Cancelled,
        }
    }

    /// Whether it waits for something, or for a child execution.
    #[must_use]
    pub const fn waits(&self) -> bool {
        matches!(self, Self::Waiting(_) | Self::Child(_))
    }

    /// What is reserved for the attempt in flight.
    #[must_use]
    pub const fn reserved(&self) -> Usd {
        match self {
            Self::Running(attempt) | Self::Waiting(Waiting::Held { attempt, .. }) => attempt.reserved,
            _ => Usd::ZERO,
        }
    }

    /// When time alone changes something.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Running(attempt) => attempt.abort_by,
            Self::Open { deadline } => *deadline,
            Self::Child(child) => child.cancel_by,
            Self::Waiting(waiting) => waiting.due_at(),
            _ => None,
        }
    }
}

/// An attempt in flight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// The A2A message id.
    pub message_id: MessageId,
    /// The agent it was sent to.
    pub agent_id: String,
    /// When it was recorded.
    pub started_at: Timestamp,
    /// When it is given up.
    pub deadline: Timestamp,
    /// What was reserved for it.
    pub reserved: Usd,
    /// Set once it is to be aborted: when it is no longer waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_by: Option<Timestamp>,
    /// Why the node fails once the attempt is aborted, where a person has refused what its agent asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Box<Failure>>,
    /// The last answer to a question of its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<AgentAnswer>>,
}

/// What a person answered to an agent's question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentAnswer {
    /// The A2A message id: the same whenever the answer is sent.
    pub message_id: MessageId,
    /// [`AgentQuestion::id`](crate::AgentQuestion::id) of what it answers.
    pub question_id: Option<String>,
    /// What the person said.
    pub comment: Option<String>,
    /// What the person filled in.
    pub data: Option<Value>,
}

/// A child execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildRun {
    /// Its id.
    pub execution_id: ExecutionId,
    /// The most that it may spend, besides its workflow's own limit.
    pub max_budget: Option<Usd>,
    /// What it has spent, as far as it has told.
    pub spent: Usd,
    /// When it must have ended.
    pub deadline: Option<Timestamp>,
    /// Why it is paused, as far as it has told.
    pub pause_reason: Option<PauseReason>,
    /// Set once it is to be cancelled: when it is no longer waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_by: Option<Timestamp>,
}

/// What a node waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Waiting {
    /// The time of its next attempt.
    Retry {
        /// When the next attempt may start.
        #[serde(with = "crate::time::rfc3339_millis")]
        due_at: Timestamp,
        /// Why the last one failed.
        error: Failure,
    },
    /// An open breaker.
    Breaker {
        /// The agent.
        agent_id: String,
        /// When the breaker may let a call through.
        #[serde(with = "crate::time::rfc3339_millis")]
        retry_at: Timestamp,
        /// When the node gives up.
        #[serde(with = "crate::time::rfc3339_millis")]
        until: Timestamp,
    },
    /// A person.
    Approval {
        /// The question.
        approval_id: ApprovalId,
        /// When waiting ends.
        #[serde(with = "crate::time::rfc3339_millis::option")]
        expires_at: Option<Timestamp>,
    },
    /// A person without whom an attempt cannot go on.
    Held {
        /// What the person is asked about.
        about: HeldFor,
        /// The question.
        approval_id: ApprovalId,
        /// The attempt. What was reserved for it stays reserved.
        attempt: Attempt,
        /// Set once a person lets it go on: when that was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        go_on_at: Option<Timestamp>,
        /// When the agent is asked whether it goes on without an answer, where it may.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        look_at: Option<Timestamp>,
    },
}

impl Waiting {
    /// When time alone changes something.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Retry { due_at, .. } => Some(*due_at),
            Self::Breaker { retry_at, until, .. } => Some(*retry_at.min(until)),
            Self::Approval { expires_at, .. } => *expires_at,
            Self::Held {
                go_on_at, look_at, ..
            } => go_on_at.or(*look_at),
        }
    }

    /// The question that a person has not answered.
    #[must_use]
    pub const fn open_question(&self) -> Option<ApprovalId> {
        match self {
            Self::Approval { approval_id, .. }
            | Self::Held {
                approval_id,
                go_on_at: None,
                ..
            } => Some(*approval_id),
            _ => None,
        }
    }
}

/// Why an attempt is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldFor {
    /// A crash left its outcome unknown: is it to be sent again?
    Outcome,
    /// Its agent asks for input, or for an authorisation.
    AgentInput,
}

/// A completed node's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// Its output.
    pub output: Json,
    /// The label of the branch taken, where the node chooses one.
    pub branch: Option<String>,
    /// The failure that `on_error` replaced by an output.
    pub replaced: Option<Failure>,
}

/// A failed node's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeFailure {
    /// Why.
    pub failure: Failure,
    /// Whether `on_error` leads the failure to another node.
    pub handled: bool,
    /// Whether trying the node around it again may help.
    #[serde(default)]
    pub retryable: bool,
    /// What became of its remote task, where that was cancelled because a person refused what it asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_cancel: Option<RemoteCancel>,
}

impl From<Failure> for NodeFailure {
    /// A failure that nothing handles, and that trying again does not mend.
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            handled: false,
            retryable: false,
            remote_cancel: None,
        }
    }
}

words! {
    /// Why a node will not run (language reference, section 5).
    SkipCause("skip cause") {
        /// A branch chose another way.
        BranchNotTaken = "branch_not_taken",
        /// A direct predecessor was skipped.
        UpstreamSkipped = "upstream_skipped",
        /// A node above failed.
        UpstreamFailed = "upstream_failed",
        /// A failure elsewhere ended the execution.
        ExecutionFailed = "execution_failed",
        /// The budget ended the execution.
        Budget = "budget",
    }
}

/// Why a node will not run, and because of which node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkipReason {
    /// The cause.
    pub cause: SkipCause,
    /// The node that it is due to.
    pub by: NodePath,
}
