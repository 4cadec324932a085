//! Nodes, and what those of all types have.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::{
    config::{Approval, Condition, Group, Loop, Subworkflow},
    scalar::{Amount, Duration, ValueSchema, never_null},
};
use crate::{
    decode::RESERVED,
    document::{Jitter, OnUnknown},
    limits,
    value::Json,
};

/// One node of the graph.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowNode", tag = "type", rename_all = "snake_case")]
pub(super) enum Node {
    /// Calls an agent: a registered one, or where the server allows it, one by its address.
    AgentCall(NodeOf<AgentCall>),
    /// Chooses a branch.
    Condition(NodeOf<Configured<Condition>>),
    /// Runs several nodes at the same time, as one.
    ParallelGroup(NodeOf<Configured<Group>>),
    /// Repeats nodes.
    Loop(NodeOf<Configured<Loop>>),
    /// Waits for a person.
    HumanApproval(NodeOf<Configured<Option<Approval>>>),
    /// Runs another workflow.
    Subworkflow(NodeOf<Configured<Subworkflow>>),
}

/// What nodes of all types have, with what only one of them has.
#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields, transform = never_null)]
pub(super) struct NodeOf<Own> {
    /// Unique in the document, by more than case.
    #[schemars(regex(pattern = "^[A-Za-z][A-Za-z0-9_-]{0,99}$"), extend("not" = {"enum": RESERVED}))]
    id: String,
    /// For people.
    #[schemars(length(max = limits::MAX_NAME_CHARS))]
    name: Option<String>,
    /// For people.
    #[schemars(length(max = limits::MAX_DESCRIPTION_CHARS))]
    description: Option<String>,
    /// The ids of nodes before it: the same as an edge from each of them.
    depends_on: Option<Vec<String>>,
    #[schemars(flatten)]
    own: Own,
    /// When it runs, given its in-edges; `default` unless given.
    join: Option<Join>,
    /// Limit of one attempt; without it the agent's, then 60 s.
    timeout: Option<Duration>,
    /// How failed attempts are tried again; without it there is one attempt.
    retry: Option<Retry>,
    /// The most that one attempt may cost.
    max_cost: Option<Amount>,
    /// What to do with an attempt whose outcome a crash left unknown; without it the agent's, then `resend`.
    on_unknown: Option<OnUnknown>,
    /// What happens after the last attempt failed; `fail` unless given.
    on_error: Option<OnError>,
    /// How long to wait for an open breaker; without it 0 s, with `retry` 5 min.
    breaker_wait: Option<Duration>,
    /// What is sent must fit it.
    input_schema: Option<ValueSchema>,
    /// What comes back must fit it.
    output_schema: Option<ValueSchema>,
}

/// What only a call has.
#[derive(JsonSchema)]
#[schemars(inline, extend("anyOf" = [
    {"required": ["agent_id"]},
    {"required": ["config"], "properties": {"config": {
        "required": ["endpoint"],
        "properties": {"endpoint": {"type": "string", "pattern": "^https?://", "maxLength": limits::MAX_URL_CHARS}},
    }}},
]))]
pub(super) struct AgentCall {
    /// The agent.
    #[schemars(length(min = 1, max = limits::MAX_NAME_CHARS))]
    agent_id: Option<String>,
    /// What it is asked: an object in whose texts `{{ … }}` stands for data of the execution.
    config: Option<Map<String, Value>>,
}

/// What the nodes of the other types have.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Configured<Config> {
    config: Config,
}

/// When a node runs, given its in-edges.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowJoin", rename_all = "snake_case")]
pub(super) enum Join {
    /// Every in-edge settled, at least one live, none cut off by failure.
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

/// How failed attempts are tried again.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowRetry", deny_unknown_fields, transform = never_null)]
pub(super) struct Retry {
    /// Attempts in all; 3 unless given.
    #[schemars(range(max = limits::MAX_ATTEMPTS))]
    max_attempts: Option<NonZeroU32>,
    /// Delay before the second attempt; 1 s unless given.
    initial_interval: Option<Duration>,
    /// Each further delay is that much longer; 2 unless given.
    #[schemars(range(min = 1.0, max = limits::MAX_MULTIPLIER))]
    multiplier: Option<f64>,
    /// No delay is longer; 30 s unless given.
    max_interval: Option<Duration>,
    /// How the delay is spread; `full` unless given.
    jitter: Option<Jitter>,
}

/// What happens after a node's last attempt failed.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowOnError", rename_all = "snake_case")]
pub(super) enum OnError {
    /// The failure is unhandled.
    Fail,
    /// The node completes with this output.
    Output(Json),
    /// Only the edge to the node of this id becomes live.
    Goto(String),
}
