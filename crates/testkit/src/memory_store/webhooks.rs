//! Webhooks, and what they are still to be told.

use agentchains_machine::{Changes, ExecutionId};
use agentchains_ports::{
    Creation, Delivery, Idempotency, MAX_WEBHOOKS, Settled, StoreError, Webhook, WebhookStore,
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::{Data, KeyVerdict, Made, MemoryStore};

/// An event that a webhook is still to be told of.
#[derive(Debug)]
pub(super) struct Pending {
    webhook_id: String,
    execution_id: ExecutionId,
    seq: u64,
    failures: u32,
    due_at: Timestamp,
}

impl Data {
    /// Notes what webhooks are to be told of changes.
    pub(super) fn record_deliveries(&mut self, changes: &Changes) {
        let execution = &changes.execution;
        for webhook in self
            .webhooks
            .values()
            .filter(|webhook| webhook.tenant == execution.tenant)
        {
            let wanted = changes
                .events
                .iter()
                .filter(|event| webhook.wants(execution.workflow_id, event.kind));
            self.deliveries.extend(wanted.map(|event| Pending {
                webhook_id: webhook.id.clone(),
                execution_id: execution.id,
                seq: event.seq,
                failures: 0,
                due_at: event.at,
            }));
        }
    }

    /// Forgets what was to be told of an execution.
    pub(super) fn forget_deliveries(&mut self, id: ExecutionId) {
        self.deliveries.retain(|pending| pending.execution_id != id);
    }

    fn pending(&self, webhook_id: &str) -> impl Iterator<Item = &Pending> {
        self.deliveries
            .iter()
            .filter(move |pending| pending.webhook_id == webhook_id)
    }
}

#[async_trait]
impl WebhookStore for MemoryStore {
    async fn load_webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        Ok(self.data().webhooks.values().cloned().collect())
    }

    async fn create_webhook(
        &self,
        webhook: &Webhook,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<Creation<Webhook>>, StoreError> {
        let mut data = self.data();
        if let Some(key) = &idempotency {
            match data.key_verdict(&webhook.tenant, key, webhook.created_at) {
                KeyVerdict::Fresh => {}
                KeyVerdict::Replay(Made::Webhook(id)) => {
                    let made = data.webhooks.get(&id).cloned();
                    return Ok(Some(made.map_or(Creation::KeyReused, Creation::Replayed)));
                }
                KeyVerdict::Replay(_) | KeyVerdict::Reused => return Ok(Some(Creation::KeyReused)),
            }
        }
        let of_tenant = data.webhooks.values().filter(|one| one.tenant == webhook.tenant);
        if of_tenant.count() >= MAX_WEBHOOKS {
            return Ok(None);
        }
        if let Some(key) = idempotency {
            data.use_key(&webhook.tenant, key, Made::Webhook(webhook.id.clone()));
        }
        data.webhooks.insert(webhook.id.clone(), webhook.clone());
        Ok(Some(Creation::Created(webhook.clone())))
    }

    async fn save_webhook(&self, webhook: &Webhook) -> Result<(), StoreError> {
        if let Some(kept) = self.data().webhooks.get_mut(&webhook.id) {
            kept.clone_from(webhook);
        }
        Ok(())
    }

    async fn delete_webhook(&self, id: &str) -> Result<bool, StoreError> {
        let mut data = self.data();
        data.deliveries.retain(|pending| pending.webhook_id != id);
        Ok(data.webhooks.remove(id).is_some())
    }

    async fn due_deliveries(
        &self,
        webhook_id: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let data = self.data();
        let mut due: Vec<&Pending> = data
            .pending(webhook_id)
            .filter(|pending| pending.due_at <= now)
            .collect();
        due.sort_by_key(|pending| (pending.due_at, pending.execution_id, pending.seq));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let delivery = |pending: &&Pending| {
            let events = &data.executions.get(&pending.execution_id)?.events;
            let event = events.iter().find(|event| event.seq == pending.seq)?;
            Some(Delivery {
                execution_id: pending.execution_id,
                event: event.clone(),
                failures: pending.failures,
            })
        };
        Ok(due.iter().filter_map(delivery).collect())
    }

    async fn next_delivery(&self, webhook_id: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self
            .data()
            .pending(webhook_id)
            .map(|pending| pending.due_at)
            .min())
    }

    async fn pending_deliveries(&self, webhook_id: &str) -> Result<u64, StoreError> {
        Ok(self.data().pending(webhook_id).count() as u64)
    }

    async fn settle_deliveries(&self, webhook_id: &str, settled: &[Settled]) -> Result<(), StoreError> {
        let mut data = self.data();
        for settled in settled {
            let is_it = |pending: &Pending| {
                pending.webhook_id == webhook_id
                    && pending.execution_id == settled.execution_id
                    && pending.seq == settled.seq
            };
            match settled.again {
                None => data.deliveries.retain(|pending| !is_it(pending)),
                Some((failures, due_at)) => {
                    for pending in data.deliveries.iter_mut().filter(|pending| is_it(pending)) {
                        pending.failures = failures;
                        pending.due_at = due_at;
                    }
                }
            }
        }
        Ok(())
    }
}
