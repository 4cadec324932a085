//! The way to one agent: it sends a request, keeps to the deadline and the limits, and gives back the reply if its
//! status is one of success.

use std::{fmt, sync::Arc, time::Duration};

use agentchains_ports::Clock;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use jiff::Timestamp;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{
    Outbound,
    limits::MAX_EXCHANGES,
    reply::{OpenReply, Reply},
    transport::{Transport, TransportError},
};
use crate::{
    credentials::{Credentials, Hidden},
    error::CallError,
    trace::TraceContext,
};

/// The farthest deadline that is waited for, so that moments stay within the clock's range.
const FARTHEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The way to one agent.
#[derive(Clone)]
pub(crate) struct Channel {
    transport: Transport,
    clock: Arc<dyn Clock>,
    idle_limit: Duration,
    exchanges: Arc<Semaphore>,
    credentials: Option<Arc<Credentials>>,
    trace: Option<TraceContext>,
}

impl Channel {
    pub(super) fn new(transport: Transport, clock: Arc<dyn Clock>, idle_limit: Duration) -> Self {
        Self {
            credentials: None,
            trace: None,
            transport,
            clock,
            idle_limit,
            exchanges: Arc::new(Semaphore::new(MAX_EXCHANGES)),
        }
    }

    /// The same way for requests that present these credentials.
    pub(crate) fn presenting(self, credentials: Option<Credentials>) -> Self {
        Self {
            credentials: credentials.map(Arc::new),
            ..self
        }
    }

    /// The same way for requests that belong to this attempt.
    pub(crate) fn traced(&self, trace: &TraceContext) -> Self {
        Self {
            trace: Some(trace.clone()),
            ..self.clone()
        }
    }

    /// Sends a request and reads the reply, whose body may have `limit` bytes.
    pub(crate) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        limit: usize,
        deadline: Instant,
    ) -> Result<Reply, CallError> {
        let reply = self.open(request, deadline).await?;
        Ok(reply.read(limit, deadline).await?)
    }

    /// Sends a request and waits for the head of the reply: its body is read as it comes.
    pub(crate) async fn open(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<OpenReply, CallError> {
        let reply = self.send(request, deadline).await?;
        if !reply.status.is_success() {
            return Err(reply.refusal(self.clock.now(), deadline).await);
        }
        reply.require_no_encoding()?;
        Ok(reply)
    }

    /// The one place where requests to the agent are sent, whatever becomes of them.
    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<OpenReply, CallError> {
        if let Some(trace) = &self.trace {
            trace.add_to(request.headers_mut());
        }
        let turn = timeout_at(deadline, Arc::clone(&self.exchanges).acquire_owned()).await;
        // The semaphore is never closed, so that only the time can be over.
        let Ok(Ok(turn)) = turn else {
            return Err(TransportError::TimedOut { connected: false }.into());
        };
        let Some(credentials) = &self.credentials else {
            let response = self.transport.send(request, deadline).await?;
            return Ok(OpenReply::new(response, self.idle_limit, turn));
        };
        let sent = Box::pin(self.send_with(credentials, request, deadline)).await;
        let (response, hidden) = sent?;
        Ok(OpenReply::new(response, self.idle_limit, turn).without(hidden))
    }

    /// Sends a request under the agent's credentials, once more under renewed ones where it refuses those.
    async fn send_with(
        &self,
        credentials: &Credentials,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<(Response<Incoming>, Hidden), CallError> {
        let mut is_renewed = false;
        loop {
            let presented = credentials.present(request.clone(), deadline).await?;
            let own_way = presented.outbound.as_ref().map(Outbound::transport);
            let transport = own_way.unwrap_or(&self.transport);
            let response = transport.send(presented.request, deadline).await?;
            let is_refused = response.status() == StatusCode::UNAUTHORIZED;
            if is_refused && !is_renewed && credentials.renew(presented.token.as_ref()).await {
                is_renewed = true;
                continue;
            }
            return Ok((response, presented.hidden));
        }
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
