//! Webhooks: addresses that are told of events, and what is still to be told.

use std::fmt;

use agentchains_machine::{Event, EventType, ExecutionId, WorkflowId};
use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;

use crate::{Creation, Idempotency, StoreError};

/// The most webhooks that a tenant may have: each event is recorded once for each of them.
pub const MAX_WEBHOOKS: usize = 100;

/// An address that is told of the events of a tenant's executions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// UUIDv7.
    pub id: String,
    /// Whose executions it is told of.
    pub tenant: String,
    /// Where deliveries are sent.
    pub url: String,
    /// The types of events that it is told of; all where there are none.
    pub events: Vec<EventType>,
    /// The workflow whose executions it is told of; those of all where there is none.
    pub workflow_id: Option<WorkflowId>,
    /// What deliveries are signed with.
    pub secret: KeptSecret,
    /// Whether it is declared in the settings of the server, which are changed there.
    pub is_declared: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when nothing is recorded for it and nothing sent: its address has said that it is gone.
    pub disabled_at: Option<Timestamp>,
    /// The last delivery that failed.
    pub last_failure: Option<DeliveryFailure>,
}

impl Webhook {
    /// Whether it is told of such an event of an execution of that workflow.
    #[must_use]
    pub fn wants(&self, workflow: WorkflowId, event: EventType) -> bool {
        self.disabled_at.is_none()
            && self.workflow_id.is_none_or(|wanted| wanted == workflow)
            && (self.events.is_empty() || self.events.contains(&event))
    }
}

/// A secret in the form in which it is kept, which means nothing but to who wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptSecret(pub String);

impl fmt::Debug for KeptSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptSecret")
    }
}

/// Why something was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFailure {
    /// When.
    pub at: Timestamp,
    /// One sentence.
    pub reason: String,
}

/// An event that a webhook is to be told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// In which execution it happened.
    pub execution_id: ExecutionId,
    /// What happened.
    pub event: Event,
    /// How often it was sent in vain.
    pub failures: u32,
}

/// What has become of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// In which execution the event happened.
    pub execution_id: ExecutionId,
    /// The event's number.
    pub seq: u64,
    /// How often it was sent in vain, and when it is sent again; none where there is nothing left to be done.
    pub again: Option<(u32, Timestamp)>,
}

/// Keeps webhooks, and what they are still to be told.
///
/// For every event that [`ExecutionStore::create`](crate::ExecutionStore::create) and
/// [`ExecutionStore::commit`](crate::ExecutionStore::commit) write, the same transaction records a delivery for each webhook
/// that [wants](Webhook::wants) it and was there before.
#[async_trait]
pub trait WebhookStore: Send + Sync + 'static {
    /// The webhooks of all tenants, by id.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn load_webhooks(&self) -> Result<Vec<Webhook>, StoreError>;

    /// Records a webhook, or says which one the key has made before. `None` where the tenant has [`MAX_WEBHOOKS`] already.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn create_webhook(
        &self,
        webhook: &Webhook,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<Creation<Webhook>>, StoreError>;

    /// Replaces a webhook that is there.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn save_webhook(&self, webhook: &Webhook) -> Result<(), StoreError>;

    /// Removes a webhook, and with it what it was still to be told. False when there was none.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn delete_webhook(&self, id: &str) -> Result<bool, StoreError>;

    /// What a webhook is to be told at a moment, earliest first, and the events of an execution in their order.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn due_deliveries(
        &self,
        webhook_id: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// When there is next something to be told.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn next_delivery(&self, webhook_id: &str) -> Result<Option<Timestamp>, StoreError>;

    /// How much a webhook is still to be told.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn pending_deliveries(&self, webhook_id: &str) -> Result<u64, StoreError>;

    /// Records what has become of deliveries.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn settle_deliveries(&self, webhook_id: &str, settled: &[Settled]) -> Result<(), StoreError>;
}

/// A webhook as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// Where deliveries are sent.
    pub url: String,
    /// The types of events; all where there are none.
    pub events: Vec<EventType>,
    /// The workflow whose executions it is told of.
    pub workflow_id: Option<WorkflowId>,
    /// What deliveries are signed with: `whsec_` and 24 to 64 bytes in base64. Made where there is none.
    pub secret: Option<String>,
}

/// Why a webhook was not made or not removed.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// It breaks a rule.
    #[error("{message}")]
    Invalid {
        /// RFC 6901 pointer into the request.
        pointer: &'static str,
        /// Stable code.
        code: &'static str,
        /// One sentence.
        message: String,
    },
    /// The tenant has as many as it may have.
    #[error("there are {MAX_WEBHOOKS} webhooks already; remove one first")]
    TooMany,
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for another request; use a new one")]
    KeyReused,
    /// There is no such webhook.
    #[error("there is no webhook {id:?}")]
    Absent {
        /// The id.
        id: String,
    },
    /// It is declared in the settings of the server.
    #[error(
        "the webhook {id:?} is declared in the server's settings; change it there and start the server again"
    )]
    ReadOnly {
        /// The id.
        id: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The webhooks, as the doors see them.
#[async_trait]
pub trait WebhookDirectory: Send + Sync + 'static {
    /// Those of a tenant, the newest first.
    fn list(&self, tenant: &str) -> Vec<Webhook>;

    /// One of a tenant.
    fn get(&self, tenant: &str, id: &str) -> Option<Webhook>;

    /// Makes one, and says what its deliveries are signed with. The same request with the same key gives the webhook that
    /// is there already.
    ///
    /// # Errors
    /// [`WebhookError`] when it was not made.
    async fn create(
        &self,
        tenant: &str,
        wanted: NewWebhook,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<(Webhook, String), WebhookError>;

    /// Removes one. What it was still to be told is not told any more.
    ///
    /// # Errors
    /// [`WebhookError`] when it is still there.
    async fn remove(&self, tenant: &str, id: &str) -> Result<(), WebhookError>;

    /// How much one is still to be told.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn pending(&self, id: &str) -> Result<u64, StoreError>;
}
