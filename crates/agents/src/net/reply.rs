//! Replies: reading their bodies within the limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use jiff::Timestamp;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use super::{
    limits::{EXCERPT_BYTES, EXCERPT_WAIT},
    retry_after::retry_after,
    transport::{TransportError, explain_body},
};
use crate::{
    credentials::{Hidden, Redaction},
    error::CallError,
    quote::quote_bytes,
};

/// A reply whose body has not been read.
#[derive(Debug)]
pub(crate) struct OpenReply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    idle_limit: Duration,
    redaction: Redaction,
    /// Counts as an exchange with the agent until the body was read or is given up.
    _turn: OwnedSemaphorePermit,
}

/// A reply that was read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl OpenReply {
    pub(super) fn new(
        response: Response<Incoming>,
        idle_limit: Duration,
        turn: OwnedSemaphorePermit,
    ) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body,
            idle_limit,
            redaction: Redaction::default(),
            _turn: turn,
        }
    }

    /// The reply without what is hidden.
    pub(super) fn without(mut self, hidden: Hidden) -> Self {
        hidden.redact_headers(&mut self.headers);
        Self {
            redaction: Redaction::new(hidden),
            ..self
        }
    }

    /// Reads the body, which may have `limit` bytes.
    pub(crate) async fn read(mut self, limit: usize, deadline: Instant) -> Result<Reply, TransportError> {
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(TransportError::TooLarge { limit });
        }
        let mut read = BytesMut::with_capacity(announced);
        while let Some(piece) = self.chunk(deadline).await? {
            if read.len().saturating_add(piece.len()) > limit {
                return Err(TransportError::TooLarge { limit });
            }
            read.extend_from_slice(&piece);
        }
        Ok(Reply {
            headers: self.headers,
            body: read.freeze(),
        })
    }

    /// The next piece of the body; `None` at its end. A connection on which nothing comes for the idle limit is lost.
    pub(crate) async fn chunk(&mut self, until: Instant) -> Result<Option<Bytes>, TransportError> {
        loop {
            let idle = Instant::now() + self.idle_limit;
            let Ok(frame) = timeout_at(until.min(idle), self.body.frame()).await else {
                return Err(if idle < until {
                    TransportError::Lost(format!("nothing came for {:?}", self.idle_limit))
                } else {
                    TransportError::TimedOut { connected: true }
                });
            };
            let Some(frame) = frame else {
                return Ok(self.redaction.rest());
            };
            let frame = frame.map_err(|error| explain_body(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            let data = self.redaction.pass(data);
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
    }

    /// What a reply that is none of success says. `now` is what a `Retry-After` counts from.
    pub(super) async fn refusal(self, now: Timestamp, deadline: Instant) -> CallError {
        CallError::Status {
            status: self.status,
            retry_after: retry_after(&self.headers, now),
            excerpt: quote_bytes(&self.excerpt(deadline).await),
        }
    }

    /// The beginning of the body, as far as it can be had.
    async fn excerpt(mut self, deadline: Instant) -> Bytes {
        let mut read = BytesMut::new();
        let until = deadline.min(Instant::now() + EXCERPT_WAIT);
        while read.len() < EXCERPT_BYTES {
            let Ok(Some(piece)) = self.chunk(until).await else {
                break;
            };
            read.extend_from_slice(&piece);
        }
        read.truncate(EXCERPT_BYTES);
        read.freeze()
    }

    /// Checks that the body is not encoded: nothing was asked for but what it is (RFC 9110, section 8.4).
    pub(super) fn require_no_encoding(&self) -> Result<(), CallError> {
        let is_none = |encodings: &str| {
            encodings
                .split(',')
                .all(|encoding| encoding.trim().eq_ignore_ascii_case("identity"))
        };
        let all = self.headers.get_all(header::CONTENT_ENCODING);
        if all.iter().all(|value| value.to_str().is_ok_and(is_none)) {
            return Ok(());
        }
        Err(CallError::protocol(
            "its reply is compressed, which was not asked for",
        ))
    }
}
