//! Webhooks.

use agentchains_engine::{
    machine::{EventType, WorkflowId, time::rfc3339_millis},
    ports::{self, AgentSource, NewWebhook},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An address that is told of events; never its secret.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Webhook<'a> {
    id: &'a str,
    url: &'a str,
    /// The types of events that it is told of; all where there are none.
    events: &'a [EventType],
    /// The workflow whose executions it is told of; those of all where it is null.
    workflow_id: Option<WorkflowId>,
    source: AgentSource,
    /// `disabled` once its address has answered with 410.
    status: &'static str,
    /// The last delivery that failed. It is sent again until three days are over.
    last_failure: Option<Failure<'a>>,
    #[serde(with = "rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    created_at: Timestamp,
}

/// Why something was not delivered.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookFailure")]
struct Failure<'a> {
    #[serde(with = "rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    at: Timestamp,
    reason: &'a str,
}

impl<'a> Webhook<'a> {
    pub(crate) fn of(webhook: &'a ports::Webhook) -> Self {
        let is_disabled = webhook.disabled_at.is_some();
        Self {
            id: &webhook.id,
            url: &webhook.url,
            events: &webhook.events,
            workflow_id: webhook.workflow_id,
            source: if webhook.is_declared {
                AgentSource::Settings
            } else {
                AgentSource::Registry
            },
            status: if is_disabled { "disabled" } else { "active" },
            last_failure: webhook.last_failure.as_ref().map(|failure| Failure {
                at: failure.at,
                reason: &failure.reason,
            }),
            created_at: webhook.created_at,
        }
    }
}

/// A webhook that was made just now.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MadeWebhook<'a> {
    #[serde(flatten)]
    pub(crate) webhook: Webhook<'a>,
    /// What its deliveries are signed with, as Standard Webhooks has it. It is not shown again.
    pub(crate) secret: String,
}

/// A webhook, and what it is still to be told.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WebhookState<'a> {
    #[serde(flatten)]
    pub(crate) webhook: Webhook<'a>,
    /// Events that it has not taken yet.
    pub(crate) pending: u64,
}

/// The body of `POST /webhooks`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewWebhook")]
pub(crate) struct Wanted {
    /// Where deliveries are sent, by POST.
    #[schemars(regex(pattern = "^https?://"))]
    url: String,
    /// The types of events that it is told of; all where there are none.
    #[serde(default)]
    events: Vec<EventType>,
    /// The workflow whose executions it is told of; those of all where it is left out.
    #[serde(default)]
    workflow_id: Option<WorkflowId>,
    /// What deliveries are signed with: `whsec_` and 24 to 64 bytes in base64. Made where it is left out.
    #[serde(default)]
    #[schemars(regex(pattern = "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"))]
    secret: Option<String>,
}

impl From<Wanted> for NewWebhook {
    fn from(wanted: Wanted) -> Self {
        let mut events = wanted.events;
        let mut seen = Vec::new();
        events.retain(|kind| {
            let is_new = !seen.contains(kind);
            seen.push(*kind);
            is_new
        });
        Self {
            url: wanted.url,
            events,
            workflow_id: wanted.workflow_id,
            secret: wanted.secret,
        }
    }
}
