//! The inputs: everything that can happen to an execution.

use agentchains_cost::{ReportedCost, Usage, Usd};
use agentchains_workflow::Json;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    ApprovalId, ExecutionId, ExecutionRow, ExecutionStatus, Failure, FailureCode, NodePath, PauseReason,
    RemoteCancel, RemoteTask, Wanted,
};

/// Something that happened. Late or repeated inputs change nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The execution was created and may begin.
    Start,
    /// The process that drove it is gone; what was in flight has nobody who waits for it.
    Recover,
    /// It was taken over so often from processes that crashed that it may be what made them crash.
    Quarantine,
    /// The process that took it over from one that crashed has gone on long enough since.
    Outlived,
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
    /// A task that waited for somebody waits no more, though nobody has answered.
    TaskMovedOn {
        /// The node.
        path: NodePath,
        /// The attempt's number.
        attempt: u32,
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
    /// A child execution has something to tell: it has spent, was paused, goes on, or has ended.
    ChildReported {
        /// The node that waits for it.
        path: NodePath,
        /// The child.
        execution_id: ExecutionId,
        /// How it stands.
        report: ChildReport,
    },
    /// A child execution could not be started.
    ChildRefused {
        /// The node that wants it.
        path: NodePath,
        /// The child that was to be.
        execution_id: ExecutionId,
        /// Stable code.
        code: FailureCode,
        /// One sentence: why, and what to do.
        message: String,
    },
    /// An execution below wants to make a call for which the budget of this one has no room, and nothing is in flight
    /// that could give something back, as far as it can tell.
    ShortBelow {
        /// The node for which it runs, or one above it.
        path: NodePath,
        /// What is wanted for the call.
        wanted: Wanted,
    },
    /// A person decided.
    Decide(Decision),
    /// Someone wants nothing new to start.
    Pause {
        /// Who; absent where no person is told of.
        by: Option<String>,
    },
    /// Someone wants it to go on.
    Resume(Resume),
    /// Someone wants it to end.
    Cancel {
        /// Who; absent where the execution above wants it.
        by: Option<String>,
    },
    /// The execution above was paused.
    Hold,
    /// The execution above goes on.
    Release,
}

/// How a child execution stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildReport {
    /// Its status.
    pub status: ExecutionStatus,
    /// Why it is paused, if it is.
    pub pause_reason: Option<PauseReason>,
    /// What it has spent so far, its own children included.
    pub spent: Usd,
    /// Whether every cost in that is known.
    pub cost_known: bool,
    /// What it produced, once it is completed.
    pub output: Option<Json>,
    /// Why it failed, once it has.
    pub error: Option<Failure>,
}

impl ChildReport {
    /// What an execution has to tell the one above it.
    #[must_use]
    pub fn of(row: &ExecutionRow) -> Self {
        Self {
            status: row.status,
            pause_reason: row.pause_reason,
            spent: row.spent,
            cost_known: row.cost_known,
            output: row.output.clone(),
            error: row.error.clone(),
        }
    }
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
    /// The agent no longer knows the task of an attempt that outlived a crash, or a question.
    Lost,
    /// The agent asks something before it goes on.
    InputRequired(AgentQuestion),
}

/// What an agent asks before it goes on with its task.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentQuestion {
    /// What tells it from other questions of the same task, as far as the agent says that.
    pub id: Option<String>,
    /// What it asks, in words.
    pub message: String,
    /// All that it sent with the question: an array of A2A parts.
    pub shown: Json,
    /// JSON Schema of the data that it wants, where it sent one.
    pub form: Option<Value>,
    /// Whether the agent may go on without an answer, as it does once it was authorised elsewhere.
    pub may_move_on: bool,
}

/// What an agent answered.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentReply {
    /// The result, reduced to JSON.
    pub output: Json,
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
    /// Whether they may approve at all.
    pub may_decide: bool,
}
