//! The document: what a workflow's author wrote, decoded into types.
//!
//! Plain data. Everything here has been validated by [`crate::check`]; nothing here knows about executions.
//! Section numbers in comments are those of the workflow language reference.

use std::{num::NonZeroU32, time::Duration};

use agentchains_cost::Usd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    composite::{Loop, ParallelGroup, Subworkflow},
    condition::Condition,
    schema::Schema,
    template::Template,
    value::Json,
};

/// What holds for a whole workflow (section 1), without its nodes and edges.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Shown to people; 1 to 200 characters.
    pub name: String,
    /// Shown to people; up to 10,000 characters.
    pub description: Option<String>,
    /// What an execution's input must fit.
    pub input_schema: Option<Schema>,
    /// Shapes the execution's output; absent: the outputs of the sinks that ran, by node id.
    pub output: Option<Template>,
    /// Default budget of an execution; absent is no limit, zero is that nothing may be spent.
    pub max_budget: Option<Usd>,
    /// What happens when the budget is exhausted.
    pub on_budget: OnBudget,
    /// What a budget does with calls whose price nobody knows.
    pub unknown_cost: UnknownCost,
    /// Limit for the whole execution, waiting for people included.
    pub timeout: Option<Duration>,
    /// Whether layers are barriers.
    pub scheduling: Scheduling,
    /// Attempts of one execution that may be in flight at once.
    pub max_concurrency: NonZeroU32,
    /// What an unhandled failure does to the rest.
    pub on_failure: OnFailure,
}

/// What happens when a budget is exhausted (section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBudget {
    /// The execution fails with `budget_exceeded`.
    #[default]
    Fail,
    /// The execution pauses until its budget is raised.
    Pause,
}

/// What a budget does with a call whose worst case is unknown (section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCost {
    /// Nothing is reserved; the cost counts when it is known.
    #[default]
    Allow,
    /// The whole remainder is reserved, so that such calls run one at a time.
    Serialize,
    /// An execution with a budget is refused.
    Refuse,
}

/// When a node whose join is satisfied may start (section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Scheduling {
    /// At once.
    #[default]
    Eager,
    /// Not before every node of the layers below has settled.
    Layered,
}

/// What an unhandled failure of a node does to the rest of the execution (section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum OnFailure {
    /// Nothing new starts; calls in flight end and are recorded.
    #[default]
    Drain,
    /// Calls in flight are cancelled too.
    Cancel,
    /// Everything whose join still allows it runs to its end.
    Continue,
}

/// One node of the graph.
#[derive(Debug, Clone)]
pub struct Node {
    /// Unique in the document.
    pub id: String,
    /// Its number among all nodes of the document, in the order of the text and counted from 0.
    pub position: u32,
    /// Where it stands in the document: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// For people.
    pub name: Option<String>,
    /// When the node runs, given its in-edges.
    pub join: Join,
    /// Limit of one attempt; absent: the agent's, then 60 s.
    pub timeout: Option<Duration>,
    /// How failed attempts are tried again; absent: one attempt.
    pub retry: Option<Retry>,
    /// The most that one attempt may cost.
    pub max_cost: Option<Usd>,
    /// What to do with an attempt whose outcome a crash left unknown; absent: the agent's.
    pub on_unknown: Option<OnUnknown>,
    /// What happens after the last attempt failed.
    pub on_error: OnError,
    /// How long to wait for an open breaker; absent: 0 s, with `retry` 5 min.
    pub breaker_wait: Option<Duration>,
    /// What the rendered config must fit.
    pub input_schema: Option<Schema>,
    /// What the output must fit.
    pub output_schema: Option<Schema>,
    /// What the node does.
    pub kind: NodeKind,
}

impl Node {
    /// The workflow that the node starts, with the JSON pointer of the place that names it.
    pub(crate) fn subworkflow(&self) -> Option<(String, &Subworkflow)> {
        match &self.kind {
            NodeKind::Subworkflow(child) => Some((format!("{}/config/workflow_id", self.pointer), child)),
            _ => None,
        }
    }
}

/// What a node does (section 7).
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// Invokes an agent.
    AgentCall(AgentCall),
    /// Chooses a branch.
    Condition(Condition),
    /// Waits for a person.
    HumanApproval(Box<HumanApproval>),
    /// Runs several nodes concurrently, as one.
    ParallelGroup(Box<ParallelGroup>),
    /// Repeats nodes.
    Loop(Box<Loop>),
    /// Runs another workflow.
    Subworkflow(Box<Subworkflow>),
}

impl NodeKind {
    /// The name in documents, in the API and in events.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AgentCall(_) => "agent_call",
            Self::Condition(_) => "condition",
            Self::HumanApproval(_) => "human_approval",
            Self::ParallelGroup(_) => "parallel_group",
            Self::Loop(_) => "loop",
            Self::Subworkflow(_) => "subworkflow",
        }
    }
}

/// The settings of an `agent_call`.
#[derive(Debug, Clone)]
pub struct AgentCall {
    /// The agent in the registry, or where `inline`, its address.
    pub agent_id: String,
    /// Whether the node gives an address of its own, `config.endpoint`, instead of a registered agent.
    pub inline: bool,
    /// What the agent is asked: an object whose strings may hold templates.
    pub config: Template,
}

/// The settings of a `human_approval`.
#[derive(Debug, Clone)]
pub struct HumanApproval {
    /// What the person is asked: renders to a string.
    pub message: Template,
    /// What the person is shown; absent: the outputs of the live predecessors.
    pub show: Option<Template>,
    /// Who may decide, as `user:…` or `role:…`; empty: anyone.
    pub approvers: Vec<String>,
    /// Distinct people that must agree.
    pub quorum: NonZeroU32,
    /// Whether the person who started the execution may not decide.
    pub forbid_initiator: bool,
    /// What the decision's `data` must fit.
    pub form: Option<Schema>,
    /// How long a decision is waited for.
    pub timeout: Option<Duration>,
    /// What happens when that is over.
    pub on_timeout: OnTimeout,
    /// The decisions to choose from; `approve` and `reject` unless the document has its own labels.
    pub actions: Vec<String>,
}

/// What happens when nobody decided in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum OnTimeout {
    /// As if rejected.
    #[default]
    Reject,
    /// As if approved.
    Approve,
    /// The node fails with `approval_expired`.
    Fail,
}

/// When a node runs, given its in-edges (section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Join {
    /// Every in-edge settled, at least one live, none cut off by failure.
    #[default]
    Default,
    /// Every in-edge live.
    All,
    /// The first in-edge that becomes live.
    Any,
    /// Every in-edge settled, live or dead.
    Settled,
    /// That many in-edges live.
    AtLeast(NonZeroU32),
}

/// How failed attempts are tried again (section 8).
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub max_attempts: NonZeroU32,
    /// Delay before the second attempt.
    pub initial_interval: Duration,
    /// Each further delay is that much longer.
    pub multiplier: f64,
    /// No delay is longer.
    pub max_interval: Duration,
    /// How the delay is spread.
    pub jitter: Jitter,
}

/// How a retry's delay is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Jitter {
    /// Uniform between zero and the delay.
    #[default]
    Full,
    /// Exactly the delay.
    None,
}

/// What to do with an attempt whose outcome is unknown (section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Sent again with the same message id.
    #[default]
    Resend,
    /// A person decides.
    Ask,
    /// The node fails with `outcome_unknown`.
    Fail,
}

/// What happens after a node's last attempt failed (section 8).
#[derive(Debug, Clone, PartialEq, Default)]
pub enum OnError {
    /// The failure is unhandled.
    #[default]
    Fail,
    /// The node completes with this output.
    Output(Json),
    /// Only the edge to that node becomes live.
    Goto(String),
}
