//! Webhooks, and what they are still to be told.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use agentchains_machine::Changes;
use agentchains_ports::{
    Creation, Delivery, Idempotency, MAX_WEBHOOKS, Settled, StoreError, Webhook, WebhookStore,
};
use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use tokio::sync::Mutex;

use crate::{
    Store,
    entity::{event, webhook, webhook_delivery},
    error::store_error,
    idempotency, large,
    mapping::{self, Rows, count, delivery_model, micros, moment, number, word},
};

/// The webhooks that there are, so that a commit need not read them.
#[derive(Default)]
pub(crate) struct Subscriptions {
    by_tenant: RwLock<HashMap<String, Vec<Webhook>>>,
    /// Held from before they are read, so that the last to read them is the last to say so.
    reading: Mutex<()>,
}

impl Subscriptions {
    /// Adds to rows that are to be written what webhooks are to be told of them.
    pub(crate) fn record(&self, changes: &Changes, rows: &mut Rows) {
        let by_tenant = self.by_tenant.read().unwrap_or_else(PoisonError::into_inner);
        let execution = &changes.execution;
        let Some(webhooks) = by_tenant.get(&execution.tenant) else {
            return;
        };
        for webhook in webhooks {
            let events = changes.events.iter().zip(&rows.events);
            let wanted = events.filter(|(event, _)| webhook.wants(execution.workflow_id, event.kind));
            rows.deliveries
                .extend(wanted.map(|(_, row)| delivery_model(webhook, row)));
        }
    }

    fn replace(&self, webhooks: Vec<Webhook>) {
        let mut by_tenant: HashMap<String, Vec<Webhook>> = HashMap::new();
        for webhook in webhooks {
            by_tenant.entry(webhook.tenant.clone()).or_default().push(webhook);
        }
        *self.by_tenant.write().unwrap_or_else(PoisonError::into_inner) = by_tenant;
    }
}

/// Notes what has become of a delivery, which may be gone with its execution.
async fn settle(tx: &DatabaseTransaction, webhook_id: &str, settled: &Settled) -> Result<(), StoreError> {
    use webhook_delivery::Column::{DueAt, Failures};

    let seq = count("webhook_deliveries.seq", settled.seq)?;
    let id = (webhook_id.to_owned(), settled.execution_id.to_string(), seq);
    match settled.again {
        None => {
            let delete = webhook_delivery::Entity::delete_by_id(id);
            delete.exec(tx).await.map_err(store_error)?;
        }
        Some((failures, due_at)) => {
            webhook_delivery::Entity::update_many()
                .col_expr(Failures, i64::from(failures).into())
                .col_expr(DueAt, micros(due_at).into())
                .filter(is(&id))
                .exec(tx)
                .await
                .map_err(store_error)?;
        }
    }
    Ok(())
}

/// Which row has that key.
fn is((webhook_id, execution_id, seq): &(String, String, i64)) -> Condition {
    use webhook_delivery::Column::{ExecutionId, Seq, WebhookId};

    Condition::all()
        .add(WebhookId.eq(webhook_id))
        .add(ExecutionId.eq(execution_id))
        .add(Seq.eq(*seq))
}

/// All webhooks, by id.
async fn all(connection: &impl ConnectionTrait) -> Result<Vec<Webhook>, StoreError> {
    let rows = webhook::Entity::find()
        .order_by_asc(webhook::Column::Id)
        .all(connection)
        .await
        .map_err(store_error)?;
    rows.into_iter().map(mapping::webhook).collect()
}

impl Store {
    /// Takes notice of the webhooks that there are.
    pub(crate) async fn subscribe(&self) -> Result<Vec<Webhook>, StoreError> {
        let subscriptions = self.subscriptions();
        let _reading = subscriptions.reading.lock().await;
        let webhooks = all(self.reader()).await?;
        subscriptions.replace(webhooks.clone());
        Ok(webhooks)
    }

    /// Deliveries with their events, in their order.
    async fn with_events(&self, due: Vec<webhook_delivery::Model>) -> Result<Vec<Delivery>, StoreError> {
        use event::Column::{ExecutionId, Seq};

        if due.is_empty() {
            return Ok(Vec::new());
        }
        let any = due.iter().fold(Condition::any(), |any, row| {
            any.add(ExecutionId.eq(&row.execution_id).and(Seq.eq(row.seq)))
        });
        let events = large::rows(self.reader(), event::Entity::find().filter(any)).await?;
        let mut events: HashMap<(String, i64), event::Model> = events
            .into_iter()
            .map(|event| ((event.execution_id.clone(), event.seq), event))
            .collect();
        let delivery = |row: webhook_delivery::Model| {
            // An execution that was deleted since takes both with it.
            let event = events.remove(&(row.execution_id.clone(), row.seq))?;
            Some((row, event))
        };
        let due: Vec<_> = due.into_iter().filter_map(delivery).collect();
        due.into_iter()
            .map(|(row, event)| {
                Ok(Delivery {
                    execution_id: word("webhook_deliveries.execution_id", &row.execution_id)?,
                    event: mapping::event(event)?,
                    failures: number("webhook_deliveries.failures", row.failures)?,
                })
            })
            .collect()
    }
}

async fn create(
    tx: &DatabaseTransaction,
    new: Webhook,
    idempotency: Option<Idempotency>,
) -> Result<Option<Creation<Webhook>>, StoreError> {
    let key = idempotency.map(|key| idempotency::key_model(&new.tenant, key, new.id.clone()));
    let now = micros(new.created_at);
    if let Some(key) = &key {
        let used = idempotency::used(tx, &[key], now).await.map_err(store_error)?;
        if let Some(earlier) = used.into_values().next() {
            let made = webhook::Entity::find_by_id(earlier.resource_id)
                .one(tx)
                .await
                .map_err(store_error)?
                .filter(|_| earlier.fingerprint == key.fingerprint);
            return match made {
                Some(made) => Ok(Some(Creation::Replayed(mapping::webhook(made)?))),
                None => Ok(Some(Creation::KeyReused)),
            };
        }
    }
    let of_tenant = webhook::Entity::find().filter(webhook::Column::Tenant.eq(&new.tenant));
    if of_tenant.count(tx).await.map_err(store_error)? >= MAX_WEBHOOKS as u64 {
        return Ok(None);
    }
    if let Some(key) = key {
        idempotency::first_use(tx, key, now).await?;
    }
    let row = mapping::webhook_model(&new)?.into_active_model();
    webhook::Entity::insert(row)
        .exec_without_returning(tx)
        .await
        .map_err(store_error)?;
    Ok(Some(Creation::Created(new)))
}

#[async_trait]
impl WebhookStore for Store {
    async fn load_webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.subscribe().await
    }

    async fn create_webhook(
        &self,
        webhook: &Webhook,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<Creation<Webhook>>, StoreError> {
        let new = webhook.clone();
        let created = self
            .write(move |tx| Box::pin(create(tx, new, idempotency)))
            .await?;
        self.subscribe().await?;
        Ok(created)
    }

    async fn save_webhook(&self, webhook: &Webhook) -> Result<(), StoreError> {
        let row = mapping::webhook_model(webhook)?;
        self.write(move |tx| {
            Box::pin(async move {
                let update = webhook::Entity::update_many()
                    .filter(webhook::Column::Id.eq(&row.id))
                    .set(row.into_active_model().reset_all());
                update.exec(tx).await.map_err(store_error)?;
                Ok(())
            })
        })
        .await?;
        self.subscribe().await.map(drop)
    }

    async fn delete_webhook(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        let deleted = self
            .write(move |tx| {
                Box::pin(async move {
                    webhook_delivery::Entity::delete_many()
                        .filter(webhook_delivery::Column::WebhookId.eq(&id))
                        .exec(tx)
                        .await
                        .map_err(store_error)?;
                    let deleted = webhook::Entity::delete_by_id(id).exec(tx).await;
                    Ok(deleted.map_err(store_error)?.rows_affected > 0)
                })
            })
            .await?;
        self.subscribe().await?;
        Ok(deleted)
    }

    async fn due_deliveries(
        &self,
        webhook_id: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        use webhook_delivery::Column::{DueAt, ExecutionId, Seq, WebhookId};

        let due = webhook_delivery::Entity::find()
            .filter(WebhookId.eq(webhook_id))
            .filter(DueAt.lte(micros(now)))
            .order_by_asc(DueAt)
            .order_by_asc(ExecutionId)
            .order_by_asc(Seq)
            .limit(u64::from(limit))
            .all(self.reader())
            .await
            .map_err(store_error)?;
        self.with_events(due).await
    }

    async fn next_delivery(&self, webhook_id: &str) -> Result<Option<Timestamp>, StoreError> {
        use webhook_delivery::Column::{DueAt, WebhookId};

        let earliest: Option<i64> = webhook_delivery::Entity::find()
            .select_only()
            .column(DueAt)
            .filter(WebhookId.eq(webhook_id))
            .order_by_asc(DueAt)
            .limit(1)
            .into_tuple()
            .one(self.reader())
            .await
            .map_err(store_error)?;
        earliest
            .map(|micros| moment("webhook_deliveries.due_at", micros))
            .transpose()
    }

    async fn pending_deliveries(&self, webhook_id: &str) -> Result<u64, StoreError> {
        webhook_delivery::Entity::find()
            .filter(webhook_delivery::Column::WebhookId.eq(webhook_id))
            .count(self.reader())
            .await
            .map_err(store_error)
    }

    async fn settle_deliveries(&self, webhook_id: &str, settled: &[Settled]) -> Result<(), StoreError> {
        let (webhook_id, settled) = (webhook_id.to_owned(), settled.to_vec());
        self.write(move |tx| {
            Box::pin(async move {
                for settled in settled {
                    settle(tx, &webhook_id, &settled).await?;
                }
                Ok(())
            })
        })
        .await
    }
}
