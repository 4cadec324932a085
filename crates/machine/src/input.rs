//! The inputs: everything that can happen to an execution.

use agentchains_cost::{ReportedCost, Usage, Usd};
use jiff::Timestamp;
use serde_json::Value;

use crate::{ApprovalId, FailureCode, NodePath, RemoteCancel, RemoteTask};

/// Something that happened. Late or repeated inputs change nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The execution was created and may begin.
    Start,
    /// The process that drove it is gone; what was in flight has nobody who waits for it.
    Recover,
    /// Time has passed; whatever is due happens.
    Tick,
    /// An agent has taken an attempt and named its task.
    TaskAccepted {
        /// The node.
        path: NodePath,
        /// The attempt's number.
        attempt: u32,
        /// The agent's task.
        task: RemoteTask,
    },
    /// An attempt ended.
    AttemptEnded {
        /// The node.
        path: NodePath,
        /// The attempt's number.
        attempt: u32,
        /// How.
        outcome: AttemptOutcome,
    },
    /// A person decided.
    Decide(Decision),
    /// Someone wants nothing new to start.
    Pause,
    /// Someone wants it to go on.
    Resume(Resume),
    /// Someone wants it to end.
    Cancel,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptOutcome {
    /// The agent answered with a result.
    Succeeded(AgentReply),
    /// It failed.
    Failed(AttemptFailure),
    /// It was aborted because the machine asked for it.
    Aborted(Option<RemoteCancel>),
    /// The agent no longer knows the task of an attempt that outlived a crash.
    Lost,
}

/// What an agent answered.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentReply {
    /// The result, reduced to JSON.
    pub output: Value,
    /// What the agent says that it cost.
    pub cost: ReportedCost,
    /// What the agent says that it used.
    pub usage: Option<Usage>,
}

/// Why an attempt failed, and what follows from that.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptFailure {
    /// Stable code.
    pub code: FailureCode,
    /// One sentence that names the agent and what to do.
    pub message: String,
    /// Whether another attempt may help (language reference, section 8).
    pub retryable: bool,
    /// The earliest moment for it, when the agent named one (RFC 9110, section 10.2.3).
    pub retry_after: Option<Timestamp>,
    /// Whether the request reached the agent, or may have: then a fixed price per call is due.
    pub reached_agent: bool,
    /// What the agent says that it cost.
    pub cost: ReportedCost,
    /// What the agent says that it used.
    pub usage: Option<Usage>,
}

/// A person's decision on one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The question.
    pub approval_id: ApprovalId,
    /// The chosen action.
    pub decision: String,
    /// Who decides.
    pub by: String,
    /// The roles that they have.
    pub roles: Vec<String>,
    /// What they say.
    pub comment: Option<String>,
    /// What they filled in.
    pub data: Option<Value>,
    /// The hash of what they saw, where they say it.
    pub shown_hash: Option<String>,
    /// Digest of the request's idempotency key, where it has one.
    pub request_key: Option<String>,
}

/// What a resume may bring.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resume {
    /// A higher budget.
    pub max_budget: Option<Usd>,
    /// Who resumes: the one who approves, when that is what the execution waits for.
    pub by: String,
    /// The roles that they have.
    pub roles: Vec<String>,
}
