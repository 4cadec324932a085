//! Expectations: what a case says that must be so.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    facts::{Call, Event, Facts, Finding, Node},
    present,
};

/// What must be so of an execution, and of what its agents got. Fields that are absent are not compared.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// Its status.
    pub(crate) status: Option<String>,
    /// Why it is paused; null when it is not.
    #[serde(deserialize_with = "present")]
    pub(crate) pause_reason: Option<Value>,
    /// Why it failed, as far as that is named; null when it did not.
    #[serde(deserialize_with = "present")]
    pub(crate) error: Option<Value>,
    /// Its output.
    #[serde(deserialize_with = "present")]
    pub(crate) output: Option<Value>,
    /// Members of the execution as the API shows it, as far as they are named.
    pub(crate) execution: Option<Value>,
    /// Its nodes, by path.
    pub(crate) nodes: BTreeMap<String, Facts<Node>>,
    /// Whether there are no other nodes than these.
    pub(crate) only: bool,
    /// What each agent got, by its id.
    pub(crate) calls: BTreeMap<String, Calls>,
    /// The agents in the order in which they were called.
    pub(crate) call_order: Option<Vec<String>>,
    /// How often each agent was asked to cancel a task.
    pub(crate) cancels: BTreeMap<String, usize>,
    /// Events that came in this order, with any others between them.
    pub(crate) events: Vec<Facts<Event>>,
    /// Types of events that did not come, with the path of their node where that matters.
    pub(crate) no_events: Vec<Facts<Event>>,
    /// All questions of the execution by the path of their node, each as far as it is named.
    pub(crate) approvals: Option<BTreeMap<String, Value>>,
    /// Members of `GET /executions/{id}/cost`, as far as they are named.
    pub(crate) cost: Option<Value>,
    /// Members of `GET /executions/{id}/explain`, as far as they are named.
    pub(crate) explain: Option<Value>,
    /// How storing or starting the workflow is refused.
    pub(crate) refused: Option<Refusal>,
    /// What `POST /workflows/validate` says of the document; then nothing is stored or started.
    pub(crate) validation: Option<Validation>,
}

/// What an agent got: how many messages, or which.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Calls {
    /// So many.
    Count(usize),
    /// These, in this order.
    InOrder(Vec<Facts<Call>>),
    /// These, in any order.
    InAnyOrder {
        /// The messages.
        any_order: Vec<Facts<Call>>,
    },
}

/// A problem document (RFC 9457).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The problem's code.
    pub(crate) code: Option<String>,
    /// Its `errors`, all of them.
    pub(crate) errors: Option<Vec<Facts<Finding>>>,
    /// Other members, as far as they are named.
    pub(crate) members: Option<Value>,
}

/// The answer to a document. Errors and warnings are all that there are, in any order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Validation {
    #[serde(default)]
    pub(crate) errors: Vec<Facts<Finding>>,
    #[serde(default)]
    pub(crate) warnings: Vec<Facts<Finding>>,
    /// The nodes by dependency layer.
    pub(crate) layers: Option<Value>,
}
