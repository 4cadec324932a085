//! Registered agents and their state.

use agentchains_engine::{
    breaker::{Snapshot, State},
    machine::time::rfc3339_millis,
    ports::{AgentDefinition, AgentRecord, AgentSource},
    workflow::{Code, Diagnostic},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A registered agent.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Agent<'a> {
    #[serde(flatten)]
    definition: &'a AgentDefinition,
    source: AgentSource,
    revision: u32,
    warnings: Vec<Diagnostic>,
    #[serde(with = "rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    created_at: Timestamp,
    #[serde(with = "rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    updated_at: Timestamp,
}

impl<'a> Agent<'a> {
    /// `is_known` says whether there is an agent of an id.
    pub(crate) fn of(record: &'a AgentRecord, is_known: impl Fn(&str) -> bool) -> Self {
        let fallback = record.definition.fallback_agent_id.as_deref();
        let unknown = fallback.filter(|id| !is_known(id)).map(unknown_fallback);
        Self {
            warnings: unknown.into_iter().collect(),
            definition: &record.definition,
            source: record.source,
            revision: record.revision,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

/// It may be registered later, and is passed over until then.
fn unknown_fallback(agent_id: &str) -> Diagnostic {
    let message = format!("no agent is registered as {agent_id:?}, so nobody takes the place of this one");
    Diagnostic {
        hint: Some("register it, or name another one".to_owned()),
        ..Diagnostic::new(Code::UnknownAgent, "/fallback_agent_id", message)
    }
}

/// The body of `POST /agents/discover`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Discover {
    /// Of the card, or of what it stands below.
    #[schemars(regex(pattern = "^https?://"))]
    pub(crate) url: String,
}

/// Whether an agent can be reached.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentHealth")]
pub(crate) struct Health<'a> {
    agent_id: &'a str,
    /// `ok` where it answered, `unreachable` where it did not, `not_called` where its credential cannot be had or its
    /// address is refused, `disabled` where it is not asked at all.
    status: &'static str,
    error: Option<HealthError>,
    circuit_breaker: State,
    #[serde(with = "rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    checked_at: Timestamp,
}

/// What was found out about an agent.
pub(crate) enum Checked {
    /// It answered.
    Answered,
    /// It is disabled, so that nothing was sent to it.
    Disabled,
    /// It did not answer, or not as it should, or it could not even be called.
    Failed {
        /// Why.
        error: HealthError,
        /// Whether it was called.
        was_called: bool,
    },
}

/// Why it cannot.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentHealthError")]
pub(crate) struct HealthError {
    /// As of failed nodes.
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl<'a> Health<'a> {
    pub(crate) fn new(
        agent_id: &'a str,
        checked: Checked,
        breaker: &Snapshot,
        checked_at: Timestamp,
    ) -> Self {
        let (status, error) = match checked {
            Checked::Answered => ("ok", None),
            Checked::Disabled => ("disabled", None),
            Checked::Failed {
                error,
                was_called: true,
            } => ("unreachable", Some(error)),
            Checked::Failed { error, .. } => ("not_called", Some(error)),
        };
        Self {
            agent_id,
            status,
            error,
            circuit_breaker: breaker.state,
            checked_at,
        }
    }
}
