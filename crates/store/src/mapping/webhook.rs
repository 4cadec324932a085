//! Tables `webhooks` and `webhook_deliveries`.

use agentchains_machine::{EventType, WorkflowId};
use agentchains_ports::{DeliveryFailure, KeptSecret, StoreError, Webhook};

use super::column::{from_json, micros, moment, moment_or_none, text, to_json, word};
use crate::entity::{event, webhook, webhook_delivery};

/// The row of a webhook.
pub(crate) fn webhook_model(webhook: &Webhook) -> Result<webhook::Model, StoreError> {
    let failure = webhook.last_failure.as_ref();
    Ok(webhook::Model {
        id: webhook.id.clone(),
        tenant: webhook.tenant.clone(),
        url: webhook.url.clone(),
        events: to_json("webhooks.events", &webhook.events)?,
        workflow_id: webhook.workflow_id.map(text),
        secret: webhook.secret.0.clone(),
        is_declared: webhook.is_declared,
        created_at: micros(webhook.created_at),
        disabled_at: webhook.disabled_at.map(micros),
        failed_at: failure.map(|failure| micros(failure.at)),
        failure: failure.map(|failure| failure.reason.clone()),
    })
}

/// A webhook.
pub(crate) fn webhook(model: webhook::Model) -> Result<Webhook, StoreError> {
    let failed_at = moment_or_none("webhooks.failed_at", model.failed_at)?;
    let workflow_id = model.workflow_id.as_deref();
    Ok(Webhook {
        id: model.id,
        tenant: model.tenant,
        url: model.url,
        events: from_json::<Vec<EventType>>("webhooks.events", &model.events)?,
        workflow_id: workflow_id
            .map(|id| word::<WorkflowId>("webhooks.workflow_id", id))
            .transpose()?,
        secret: KeptSecret(model.secret),
        is_declared: model.is_declared,
        created_at: moment("webhooks.created_at", model.created_at)?,
        disabled_at: moment_or_none("webhooks.disabled_at", model.disabled_at)?,
        last_failure: failed_at
            .zip(model.failure)
            .map(|(at, reason)| DeliveryFailure { at, reason }),
    })
}

/// The delivery of an event that was never tried.
pub(crate) fn delivery_model(webhook: &Webhook, event: &event::Model) -> webhook_delivery::Model {
    webhook_delivery::Model {
        webhook_id: webhook.id.clone(),
        execution_id: event.execution_id.clone(),
        seq: event.seq,
        failures: 0,
        due_at: event.at,
    }
}
