//! Webhooks: which there are, and the couriers that tell them what the store has recorded for them.
//!
//! What is to be told is in the store before anybody hears of the event, and is there until the address has taken it. A
//! courier sends it, signed as [Standard Webhooks](https://www.standardwebhooks.com) 1.0.0 has it, and sends it again for
//! three days where it fails: at least once, in the order of an execution's events as long as nothing fails.

mod courier;
mod delivery;
mod secret;
mod signature;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use agentchains_machine::{Event, EventType, ExecutionRow, WorkflowId};
use agentchains_ports::{
    Clock, Creation, DirectoryError, EventSink, Idempotency, KeptSecret, NewWebhook, SecretRef, StoreError,
    Webhook, WebhookDirectory, WebhookError, WebhookStore,
};
use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::{NoContext, Uuid};

pub use self::delivery::EventText;
use self::{
    courier::{Courier, Entry},
    delivery::Sender,
    signature::{EXPECTED, SigningKey, made},
};
use crate::{credentials::Vault, definition::checked_endpoint, net::Outbound};

/// A webhook that the settings of the server declare.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredWebhook {
    /// Whose executions it is told of; those of the only tenant where there is one.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// Where deliveries are sent.
    pub url: String,
    /// The types of events; all where there are none.
    #[serde(default)]
    pub events: Vec<EventType>,
    /// The workflow whose executions it is told of; those of all where there is none.
    #[serde(default)]
    pub workflow_id: Option<WorkflowId>,
    /// What deliveries are signed with.
    pub secret: SecretRef,
}

fn default_tenant() -> String {
    "default".to_owned()
}

/// The webhooks, and their couriers.
///
/// ```
/// use std::sync::Arc;
///
/// use agentchains_agents::{EventText, Outbound, Vault, Webhooks};
/// use agentchains_ports::{Clock, StoreError, WebhookStore};
///
/// /// Tells webhooks what a store has recorded for them; it is to be told by the engine when there is more.
/// async fn webhooks(
///     store: Arc<dyn WebhookStore>,
///     outbound: Outbound,
///     vault: Vault,
///     text: EventText,
///     clock: Arc<dyn Clock>,
/// ) -> Result<Arc<Webhooks>, StoreError> {
///     Webhooks::load(store, outbound, vault, text, clock).await
/// }
/// ```
pub struct Webhooks {
    store: Arc<dyn WebhookStore>,
    sender: Arc<Sender>,
    clock: Arc<dyn Clock>,
    /// By tenant, in the order of their making.
    entries: RwLock<HashMap<String, Vec<Arc<Entry>>>>,
    /// Held by who makes or declares some.
    changing: Mutex<()>,
    couriers: TaskTracker,
    stop: CancellationToken,
}

impl Webhooks {
    /// Takes up the webhooks of a store, and what they are still to be told. `text` makes the body of a delivery. To be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    pub async fn load(
        store: Arc<dyn WebhookStore>,
        outbound: Outbound,
        vault: Vault,
        text: EventText,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        let present = store.load_webhooks().await?;
        let webhooks = Self {
            store,
            sender: Arc::new(Sender {
                outbound,
                vault,
                text,
            }),
            clock,
            entries: RwLock::default(),
            changing: Mutex::new(()),
            couriers: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        for webhook in present {
            webhooks.employ(webhook);
        }
        Ok(Arc::new(webhooks))
    }

    /// Makes the webhooks of the settings be those that are declared. One with the address of an earlier one is that one.
    ///
    /// # Errors
    /// [`WebhookError`] of the first that cannot be used; those before it are there.
    pub async fn declare(&self, declared: Vec<DeclaredWebhook>, now: Timestamp) -> Result<(), WebhookError> {
        let _changing = self.changing.lock().await;
        let is_declared = |webhook: &Webhook| {
            let is_it = |one: &DeclaredWebhook| one.tenant == webhook.tenant && one.url == webhook.url;
            declared.iter().any(is_it)
        };
        let before = self.all().into_iter().filter(|webhook| webhook.is_declared);
        let (kept, dropped): (Vec<Webhook>, Vec<Webhook>) = before.partition(is_declared);
        for webhook in dropped {
            self.dismiss(&webhook).await?;
        }
        for one in &declared {
            self.check_url(&one.url)?;
            let kept = kept
                .iter()
                .find(|kept| kept.tenant == one.tenant && kept.url == one.url);
            let webhook = Webhook {
                id: kept.map_or_else(|| new_id(now), |kept| kept.id.clone()),
                tenant: one.tenant.clone(),
                url: one.url.clone(),
                events: one.events.clone(),
                workflow_id: one.workflow_id,
                secret: secret::refer(one.secret.clone()).map_err(|error| unkept(&error))?,
                is_declared: true,
                created_at: kept.map_or(now, |kept| kept.created_at),
                disabled_at: None,
                last_failure: kept.and_then(|kept| kept.last_failure.clone()),
            };
            if kept.is_some() {
                self.store.save_webhook(&webhook).await?;
                self.forget(&webhook);
            } else {
                let made = self.store.create_webhook(&webhook, None).await?;
                made.ok_or(WebhookError::TooMany)?;
            }
            self.employ(webhook);
        }
        Ok(())
    }

    /// Lets deliveries that are under way come to their end, and begins none. Returns when nothing is sent any more.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.couriers.close();
        self.couriers.wait().await;
    }

    /// Adds a webhook, with a courier unless it wants nothing.
    fn employ(&self, webhook: Webhook) {
        let is_disabled = webhook.disabled_at.is_some();
        let entry = Arc::new(Entry::new(webhook));
        let tenant = entry.read(|webhook| webhook.tenant.clone());
        self.write(|entries| entries.entry(tenant).or_default().push(Arc::clone(&entry)));
        if is_disabled {
            return;
        }
        let courier = Courier {
            entry,
            store: Arc::clone(&self.store),
            sender: Arc::clone(&self.sender),
            clock: Arc::clone(&self.clock),
            stop: self.stop.clone(),
        };
        self.couriers.spawn(courier.run());
    }

    /// Removes a webhook from the store, and sends its courier away.
    async fn dismiss(&self, webhook: &Webhook) -> Result<bool, StoreError> {
        let was_there = self.store.delete_webhook(&webhook.id).await?;
        self.forget(webhook);
        Ok(was_there)
    }

    fn forget(&self, webhook: &Webhook) {
        self.write(|entries| {
            let of_tenant = entries.entry(webhook.tenant.clone()).or_default();
            for entry in of_tenant.extract_if(.., |entry| entry.read(|one| one.id == webhook.id)) {
                entry.removed.cancel();
            }
        });
    }

    fn all(&self) -> Vec<Webhook> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.values().flatten().map(|entry| entry.webhook()).collect()
    }

    fn of_tenant(&self, tenant: &str) -> Vec<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(tenant).cloned().unwrap_or_default()
    }

    fn write<T>(&self, write: impl FnOnce(&mut HashMap<String, Vec<Arc<Entry>>>) -> T) -> T {
        write(&mut self.entries.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn check_url(&self, url: &str) -> Result<(), WebhookError> {
        let checked = checked_endpoint("/url", url, self.sender.outbound.policy());
        checked.map(drop).map_err(|error| match error {
            DirectoryError::Invalid {
                pointer,
                code,
                message,
            } => WebhookError::Invalid {
                pointer,
                code,
                message,
            },
            other => invalid("/url", other.to_string()),
        })
    }

    fn kept(
        &self,
        tenant: &str,
        id: &str,
        wanted: Option<String>,
    ) -> Result<(KeptSecret, SecretString), WebhookError> {
        let secret = match wanted {
            Some(secret) if SigningKey::of(&secret).is_some() => secret.into(),
            Some(_) => return Err(invalid("/secret", EXPECTED)),
            None => made().ok_or_else(|| invalid("/secret", "cannot be made at the moment; give one"))?,
        };
        let kept = secret::keep(&self.sender.vault, tenant, id, &secret);
        Ok((kept.map_err(|error| unkept(&error))?, secret))
    }
}

/// UUIDv7 (RFC 9562), so that ids sort by their making.
fn new_id(now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos)).to_string()
}

fn invalid(pointer: &'static str, message: impl Into<String>) -> WebhookError {
    WebhookError::Invalid {
        pointer,
        code: "invalid_value",
        message: message.into(),
    }
}

fn unkept(error: &secret::NoSecret) -> WebhookError {
    invalid("/secret", error.to_string())
}

#[async_trait]
impl WebhookDirectory for Webhooks {
    fn list(&self, tenant: &str) -> Vec<Webhook> {
        let mut webhooks: Vec<Webhook> = self
            .of_tenant(tenant)
            .iter()
            .map(|entry| entry.webhook())
            .collect();
        webhooks.sort_unstable_by(|one, other| other.id.cmp(&one.id));
        webhooks
    }

    fn get(&self, tenant: &str, id: &str) -> Option<Webhook> {
        let of_tenant = self.of_tenant(tenant);
        let found = of_tenant
            .iter()
            .find(|entry| entry.read(|webhook| webhook.id == id));
        found.map(|entry| entry.webhook())
    }

    async fn create(
        &self,
        tenant: &str,
        wanted: NewWebhook,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<(Webhook, String), WebhookError> {
        self.check_url(&wanted.url)?;
        let id = new_id(now);
        let (kept, secret) = self.kept(tenant, &id, wanted.secret)?;
        let _changing = self.changing.lock().await;
        let webhook = Webhook {
            id,
            tenant: tenant.to_owned(),
            url: wanted.url,
            events: wanted.events,
            workflow_id: wanted.workflow_id,
            secret: kept,
            is_declared: false,
            created_at: now,
            disabled_at: None,
            last_failure: None,
        };
        let made = self.store.create_webhook(&webhook, idempotency).await?;
        match made.ok_or(WebhookError::TooMany)? {
            Creation::Created(webhook) => {
                self.employ(webhook.clone());
                Ok((webhook, secret.expose_secret().to_owned()))
            }
            Creation::Replayed(webhook) => {
                let secret = secret::open(&self.sender.vault, &webhook).await;
                let secret = secret.map_err(|error| unkept(&error))?;
                Ok((webhook, secret.expose_secret().to_owned()))
            }
            Creation::KeyReused => Err(WebhookError::KeyReused),
        }
    }

    async fn remove(&self, tenant: &str, id: &str) -> Result<(), WebhookError> {
        let absent = || WebhookError::Absent { id: id.to_owned() };
        let webhook = self.get(tenant, id).ok_or_else(absent)?;
        if webhook.is_declared {
            return Err(WebhookError::ReadOnly { id: webhook.id });
        }
        if self.dismiss(&webhook).await? {
            Ok(())
        } else {
            Err(absent())
        }
    }

    async fn pending(&self, id: &str) -> Result<u64, StoreError> {
        self.store.pending_deliveries(id).await
    }
}

impl EventSink for Webhooks {
    fn publish(&self, execution: &ExecutionRow, events: &[Event]) {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        for entry in entries.get(&execution.tenant).into_iter().flatten() {
            let wants = |webhook: &Webhook| {
                let mut kinds = events.iter().map(|event| event.kind);
                kinds.any(|kind| webhook.wants(execution.workflow_id, kind))
            };
            if entry.read(wants) {
                entry.wake();
            }
        }
    }
}
