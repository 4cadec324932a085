//! A courier: the task that tells one webhook what it is to be told.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use agentchains_machine::ExecutionId;
use agentchains_ports::{Clock, Delivery, DeliveryFailure, Settled, StoreError, Webhook, WebhookStore};
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::delivery::{Sender, Undelivered, again};

/// Deliveries that are read at once, and settled together.
const BATCH: u32 = 32;

/// Executions of which a webhook is told at the same time. The events of one are sent one after the other.
const AT_ONCE: usize = 8;

/// How long nothing is sent after a batch of which nothing was delivered: this, and twice as long each time, up to the
/// last.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Between two tries when the store does not answer.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// A webhook with its courier.
pub(super) struct Entry {
    webhook: RwLock<Webhook>,
    /// There may be something to be told.
    wake: Notify,
    /// The webhook was removed.
    pub(super) removed: CancellationToken,
}

impl Entry {
    pub(super) fn new(webhook: Webhook) -> Self {
        Self {
            webhook: RwLock::new(webhook),
            wake: Notify::new(),
            removed: CancellationToken::new(),
        }
    }

    pub(super) fn webhook(&self) -> Webhook {
        self.read(Webhook::clone)
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&Webhook) -> T) -> T {
        read(&self.webhook.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn replace(&self, webhook: Webhook) {
        *self.webhook.write().unwrap_or_else(PoisonError::into_inner) = webhook;
    }
}

pub(super) struct Courier {
    pub(super) entry: Arc<Entry>,
    pub(super) store: Arc<dyn WebhookStore>,
    pub(super) sender: Arc<Sender>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: CancellationToken,
}

/// What has become of a batch.
#[derive(Default)]
struct Outcome {
    settled: Vec<Settled>,
    delivered: usize,
    failure: Option<DeliveryFailure>,
    is_gone: bool,
}

impl Courier {
    /// Delivers until the webhook is removed or wants no more, or the server stops.
    pub(super) async fn run(self) {
        let mut pause = PAUSES.0;
        while !self.is_over() {
            let until = match self.deliver_some().await {
                Ok(Some(outcome)) if outcome.is_gone => return self.discard().await,
                Ok(Some(outcome)) if outcome.delivered == 0 => {
                    let until = self.later(pause);
                    pause = (2 * pause).min(PAUSES.1);
                    until
                }
                Ok(Some(_)) => {
                    pause = PAUSES.0;
                    continue;
                }
                Ok(None) => {
                    self.until_due().await;
                    continue;
                }
                Err(error) => self.after(&error),
            };
            self.wait(until).await;
        }
    }

    fn is_over(&self) -> bool {
        self.stop.is_cancelled() || self.entry.removed.is_cancelled()
    }

    /// Sends what is due, and notes what has become of it. None where nothing is due.
    async fn deliver_some(&self) -> Result<Option<Outcome>, StoreError> {
        let webhook = self.entry.webhook();
        let due = self
            .store
            .due_deliveries(&webhook.id, self.clock.now(), BATCH)
            .await?;
        if due.is_empty() {
            return Ok(None);
        }
        let outcome = self.deliver(&webhook, due).await;
        // What is not settled is sent once more.
        while let Err(error) = self.store.settle_deliveries(&webhook.id, &outcome.settled).await {
            let until = self.after(&error);
            self.wait(until).await;
            if self.is_over() {
                return Err(error);
            }
        }
        if outcome.failure.is_some() {
            self.note(webhook, &outcome).await?;
        }
        Ok(Some(outcome))
    }

    /// The executions side by side, and the events of each in their order.
    async fn deliver(&self, webhook: &Webhook, due: Vec<Delivery>) -> Outcome {
        let mut order = Vec::new();
        let mut of_execution: HashMap<ExecutionId, Vec<Delivery>> = HashMap::new();
        for delivery in due {
            let id = delivery.execution_id;
            of_execution
                .entry(id)
                .or_insert_with(|| {
                    order.push(id);
                    Vec::new()
                })
                .push(delivery);
        }
        let lanes: Vec<Vec<Delivery>> = order.iter().filter_map(|id| of_execution.remove(id)).collect();
        let lanes = lanes.into_iter().map(|lane| self.deliver_lane(webhook, lane));
        let mut delivering = stream::iter(lanes).buffer_unordered(AT_ONCE);
        let mut all = Outcome::default();
        while let Some(lane) = delivering.next().await {
            all.settled.extend(lane.settled);
            all.delivered += lane.delivered;
            all.failure = lane.failure.or(all.failure);
            all.is_gone |= lane.is_gone;
        }
        all
    }

    /// Sends events of one execution. Where the address is the trouble, those after the one that failed wait with it; one
    /// that the address does not want keeps none after it.
    async fn deliver_lane(&self, webhook: &Webhook, lane: Vec<Delivery>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut held_until = None;
        for delivery in lane {
            let settled = |again| Settled {
                execution_id: delivery.execution_id,
                seq: delivery.event.seq,
                again,
            };
            if let Some(until) = held_until {
                outcome.settled.push(settled(Some((delivery.failures, until))));
                continue;
            }
            let now = self.clock.now();
            let Err(undelivered) = self.sender.send(webhook, &delivery, now).await else {
                outcome.delivered += 1;
                outcome.settled.push(settled(None));
                continue;
            };
            let failures = delivery.failures + 1;
            let Undelivered {
                reason,
                is_outage,
                is_gone,
                not_before,
            } = undelivered;
            let again = again(failures, self.clock.now(), not_before);
            if again.is_none() {
                warn!(
                    webhook = webhook.id,
                    execution = %delivery.execution_id,
                    seq = delivery.event.seq,
                    reason,
                    "an event is given up that its webhook has not taken for three days"
                );
            }
            outcome
                .settled
                .push(settled(again.map(|again| (failures, again))));
            outcome.failure = Some(DeliveryFailure { at: now, reason });
            outcome.is_gone |= is_gone;
            if is_outage {
                held_until = again;
            }
        }
        outcome
    }

    /// Notes on the webhook that something failed.
    async fn note(&self, webhook: Webhook, outcome: &Outcome) -> Result<(), StoreError> {
        let webhook = Webhook {
            last_failure: outcome.failure.clone(),
            disabled_at: outcome.is_gone.then(|| self.clock.now()),
            ..webhook
        };
        if outcome.is_gone {
            info!(
                webhook = webhook.id,
                "the address of a webhook is gone; it is disabled"
            );
        }
        self.store.save_webhook(&webhook).await?;
        self.entry.replace(webhook);
        Ok(())
    }

    /// Forgets what is still to be told to one that wants no more.
    async fn discard(&self) {
        let id = self.entry.read(|webhook| webhook.id.clone());
        while !self.is_over() {
            let discarded = async {
                let due = self.store.due_deliveries(&id, Timestamp::MAX, BATCH).await?;
                let settled = due.iter().map(|delivery| Settled {
                    execution_id: delivery.execution_id,
                    seq: delivery.event.seq,
                    again: None,
                });
                let settled: Vec<Settled> = settled.collect();
                self.store.settle_deliveries(&id, &settled).await?;
                Ok(settled.is_empty())
            };
            match discarded.await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    let until = self.after(&error);
                    self.wait(until).await;
                }
            }
        }
    }

    /// Waits until something is due.
    async fn until_due(&self) {
        let id = self.entry.read(|webhook| webhook.id.clone());
        let until = match self.store.next_delivery(&id).await {
            Ok(next) => next.unwrap_or(Timestamp::MAX),
            Err(error) => self.after(&error),
        };
        tokio::select! {
            () = self.clock.sleep_until(until) => {}
            () = self.entry.wake.notified() => {}
            () = self.stop.cancelled() => {}
            () = self.entry.removed.cancelled() => {}
        }
    }

    async fn wait(&self, until: Timestamp) {
        tokio::select! {
            () = self.clock.sleep_until(until) => {}
            () = self.stop.cancelled() => {}
            () = self.entry.removed.cancelled() => {}
        }
    }

    /// When to try again after an error of the store.
    fn after(&self, error: &StoreError) -> Timestamp {
        error!(
            error = error.with_causes(),
            "what webhooks are to be told cannot be read or written; trying again"
        );
        self.later(STORE_RETRY)
    }

    fn later(&self, by: Duration) -> Timestamp {
        let now = self.clock.now();
        SignedDuration::try_from(by)
            .ok()
            .and_then(|by| now.checked_add(by).ok())
            .unwrap_or(Timestamp::MAX)
    }
}
