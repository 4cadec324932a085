//! The way to one agent.

use std::{fmt, sync::Arc, time::Duration};

use agentchains_ports::Clock;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use jiff::Timestamp;
use tokio::time::Instant;

use super::transport::{Reply, Transport};
use crate::error::CallError;

/// The largest reply that is read: one value is at most 8 MiB (language reference, section 10).
pub(crate) const MAX_REPLY_BYTES: usize = 8 << 20;

/// The farthest deadline that is waited for, so that moments stay within the clock's range.
const FARTHEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Sends requests to one agent.
#[derive(Clone)]
pub(crate) struct Channel {
    transport: Transport,
    clock: Arc<dyn Clock>,
}

impl Channel {
    pub(super) fn new(transport: Transport, clock: Arc<dyn Clock>) -> Self {
        Self { transport, clock }
    }

    /// Sends a request and reads the reply, if that is one of success with at most `limit` bytes.
    pub(crate) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        limit: usize,
        deadline: Instant,
    ) -> Result<Reply, CallError> {
        let reply = self.transport.exchange(request, limit, deadline).await?;
        reply.success(self.clock.now())
    }

    /// The moment of the runtime's clock at which a moment of the engine's clock is.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        let left = at.duration_since(self.clock.now());
        let left = Duration::try_from(left).unwrap_or_default().min(FARTHEST);
        Instant::now() + left
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}
