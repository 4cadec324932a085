//! One delivery: an event in a request that is signed.

use std::time::Duration;

use agentchains_machine::{Event, ExecutionId};
use agentchains_ports::{Delivery, Webhook};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header::InvalidHeaderValue};
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::{
    secret,
    signature::{EXPECTED, SigningKey},
};
use crate::{
    credentials::Vault,
    definition::checked_endpoint,
    error::CallError,
    failure::classify,
    net::{Endpoint, Outbound},
    request::post,
};

/// How long an address may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// How much of an answer is read. What it says means nothing.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// How long after a failure a delivery is sent again; after the last of them, about three days in all, it is given up.
const AGAIN_AFTER: [SignedDuration; 13] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(4),
    SignedDuration::from_hours(8),
    SignedDuration::from_hours(12),
    SignedDuration::from_hours(12),
    SignedDuration::from_hours(16),
    SignedDuration::from_hours(16),
];

/// An event as it is sent.
pub type EventText = fn(ExecutionId, &Event) -> String;

/// Sends deliveries.
pub(super) struct Sender {
    pub(super) outbound: Outbound,
    pub(super) vault: Vault,
    pub(super) text: EventText,
}

/// Why something was not delivered.
pub(super) struct Undelivered {
    /// One sentence.
    pub(super) reason: String,
    /// Whether others would not be delivered either at this moment.
    pub(super) is_outage: bool,
    /// Whether the address has said that it wants no more.
    pub(super) is_gone: bool,
    /// The earliest moment at which the address wants to be asked again.
    pub(super) not_before: Option<Timestamp>,
}

impl Undelivered {
    fn of_ours(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_outage: true,
            is_gone: false,
            not_before: None,
        }
    }

    fn of(error: &CallError, origin: &str) -> Self {
        let (status, not_before) = match error {
            CallError::Status {
                status, retry_after, ..
            } => (Some(*status), *retry_after),
            _ => (None, None),
        };
        let is_of_this_one =
            status.is_some_and(|status| !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS);
        Self {
            reason: format!("the address {}", classify(error, origin).what),
            is_outage: !is_of_this_one,
            is_gone: status == Some(StatusCode::GONE),
            not_before,
        }
    }
}

/// When a delivery is sent again that has failed so often. None where it is given up.
pub(super) fn again(failures: u32, now: Timestamp, not_before: Option<Timestamp>) -> Option<Timestamp> {
    let tried = usize::try_from(failures).unwrap_or(usize::MAX).saturating_sub(1);
    let next = now.checked_add(*AGAIN_AFTER.get(tried)?).ok()?;
    Some(not_before.map_or(next, |not_before| next.max(not_before)))
}

impl Sender {
    /// Sends an event. What answers with a status of success has taken it.
    pub(super) async fn send(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<(), Undelivered> {
        let endpoint = checked_endpoint("/url", &webhook.url, self.outbound.policy());
        let endpoint = endpoint.map_err(|error| Undelivered::of_ours(error.to_string()))?;
        let request = self.request(webhook, delivery, &endpoint, now).await?;
        let deadline = Instant::now() + ANSWER_LIMIT;
        let channel = self.outbound.channel();
        let answer = channel.exchange(request, MAX_ANSWER_BYTES, deadline).await;
        answer
            .map(drop)
            .map_err(|error| Undelivered::of(&error, &endpoint.origin()))
    }

    async fn request(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> Result<Request<Full<Bytes>>, Undelivered> {
        let secret = secret::open(&self.vault, webhook).await;
        let secret = secret.map_err(|error| Undelivered::of_ours(error.to_string()))?;
        let unusable = || Undelivered::of_ours(format!("its secret {EXPECTED}"));
        let key = SigningKey::of(secret.expose_secret()).ok_or_else(unusable)?;
        // The same each time that it is sent, so that it can be known again.
        let id = format!("evt_{}_{}", delivery.execution_id, delivery.event.seq);
        let timestamp = now.as_second();
        let body = (self.text)(delivery.execution_id, &delivery.event);
        let signature = key.sign(&id, timestamp, &body).ok_or_else(unusable)?;
        let mut request = post(endpoint.uri(), body);
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ];
        for (name, value) in headers {
            let value = HeaderValue::try_from(value)
                .map_err(|error: InvalidHeaderValue| Undelivered::of_ours(error.to_string()))?;
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_sent_again_for_three_days() {
        let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut now = begin;
        let mut failures = 1;
        while let Some(next) = again(failures, now, None) {
            assert!(next > now);
            (now, failures) = (next, failures + 1);
        }
        assert_eq!(now.duration_since(begin).as_hours(), 71);
        let later = begin + SignedDuration::from_hours(1);
        assert_eq!(again(1, begin, Some(later)), Some(later));
        assert_eq!(again(1, later, Some(begin)), Some(later + AGAIN_AFTER[0]));
    }
}
