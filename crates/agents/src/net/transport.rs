//! One HTTP exchange: a request out, a reply of limited size in, before a deadline.
//!
//! It follows no redirects, keeps no cookies, asks for no compression and understands none. A request is sent
//! once; only one that was never written to its connection is put on another.

use std::{error::Error, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::{
    client::{
        self,
        legacy::{Client, connect::capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::{
    AddressPolicy, AddressRefused,
    connect::{ConnectError, Connector, connector},
};

/// How long an unused connection is kept: less than the five seconds after which common servers close it, so that
/// few requests meet a connection that is being closed.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// How many unused connections are kept for each agent.
const IDLE_CONNECTIONS: usize = 32;

/// How much of the body of an error is read, in bytes.
const EXCERPT_BYTES: usize = 4096;

/// How long the body of an error is waited for: its status is known, the rest is decoration.
const EXCERPT_WAIT: Duration = Duration::from_secs(1);

/// What requests say about who sends them.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("agentchains/", env!("CARGO_PKG_VERSION")));

/// Sends requests.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    client: Client<Connector, Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The whole body of a success; the beginning of that of an error.
    pub(crate) body: Bytes,
}

/// Why nothing usable came back.
#[derive(Debug, Error)]
pub(crate) enum TransportError {
    #[error(transparent)]
    Refused(AddressRefused),
    /// Nothing was sent.
    #[error("there is no connection: {0}")]
    Unreachable(String),
    #[error("the time is over")]
    TimedOut {
        /// Whether there was a connection, so that the request may have been sent.
        connected: bool,
    },
    /// The connection broke when the request may have been sent.
    #[error("the connection broke: {0}")]
    Lost(String),
    /// What came back is not HTTP.
    #[error("the reply is not valid HTTP: {0}")]
    NotHttp(String),
    #[error("the reply is larger than {limit} bytes")]
    TooLarge { limit: usize },
}

impl Transport {
    pub(crate) fn new(policy: Arc<AddressPolicy>) -> Result<Self, rustls::Error> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_ALIVE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector(policy)?);
        Ok(Self { client })
    }

    /// Sends a request and reads the reply, whose body may have `limit` bytes when it is a success.
    pub(crate) async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
        limit: usize,
        deadline: Instant,
    ) -> Result<Reply, TransportError> {
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
        let connection = capture_connection(&mut request);
        let response = timeout_at(deadline, self.client.request(request))
            .await
            .map_err(|_| {
                let connected = connection.connection_metadata().is_some();
                TransportError::TimedOut { connected }
            })?;
        let (head, body) = response.map_err(|error| explain(&error))?.into_parts();
        let body = if head.status.is_success() {
            timeout_at(deadline, read(body, limit))
                .await
                .map_err(|_| TransportError::TimedOut { connected: true })??
        } else {
            excerpt(body, deadline).await
        };
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, TransportError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(TransportError::TooLarge { limit });
    }
    let mut read = BytesMut::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| explain(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        if read.len().saturating_add(data.len()) > limit {
            return Err(TransportError::TooLarge { limit });
        }
        read.extend_from_slice(data);
    }
    Ok(read.freeze())
}

/// The beginning of an error's body, as far as it can be had.
async fn excerpt(mut body: Incoming, deadline: Instant) -> Bytes {
    let mut read = BytesMut::new();
    let until = deadline.min(Instant::now() + EXCERPT_WAIT);
    while read.len() < EXCERPT_BYTES {
        let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await else {
            break;
        };
        if let Some(data) = frame.data_ref() {
            read.extend_from_slice(data);
        }
    }
    read.truncate(EXCERPT_BYTES);
    read.freeze()
}

/// Finds out from an error's causes what happened.
fn explain(error: &(dyn Error + 'static)) -> TransportError {
    if let Some(ConnectError::Refused(refused)) = cause(error) {
        return TransportError::Refused(*refused);
    }
    let mut root = error;
    while let Some(deeper) = root.source() {
        root = deeper;
    }
    if cause::<client::legacy::Error>(error).is_some_and(client::legacy::Error::is_connect) {
        TransportError::Unreachable(root.to_string())
    } else if cause::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
        TransportError::NotHttp(root.to_string())
    } else {
        TransportError::Lost(root.to_string())
    }
}

/// The first among an error and its causes that is of this type.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
