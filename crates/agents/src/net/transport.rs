//! One HTTP exchange: a request out, the head of its reply in, before a deadline.
//!
//! It follows no redirects, keeps no cookies, asks for no compression and understands none. A request is sent
//! once; only one that was never written to its connection is put on another.

use std::{error::Error, io};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    client::{
        self,
        legacy::{Client, connect::capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::{
    AddressRefused,
    connect::{ConnectError, Connector, Routes, connector},
    limits::{
        HTTP2_CONNECTION_WINDOW, HTTP2_PING_AFTER, HTTP2_PING_WAIT, HTTP2_STREAM_WINDOW, IDLE_CONNECTIONS,
        KEEP_ALIVE, MAX_HEAD_BYTES, MAX_HEADERS,
    },
    trust::advice,
};

/// What requests say about who sends them.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("agentchains/", env!("CARGO_PKG_VERSION")));

/// No compression (RFC 9110, section 12.5.3).
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Sends requests. Clones share connections.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    client: Client<Connector, Full<Bytes>>,
}

/// Why nothing usable came back.
#[derive(Debug, Clone, Error)]
pub(crate) enum TransportError {
    #[error(transparent)]
    Refused(AddressRefused),
    /// Nothing was sent.
    #[error("there is no connection: {0}")]
    Unreachable(String),
    /// Nothing was sent, as who answers cannot be trusted, or does not speak TLS. Says what to do.
    #[error("there is no safe connection: {0}")]
    Unsafe(String),
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
    pub(super) fn new(routes: Routes, tls: ClientConfig) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_ALIVE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(MAX_HEAD_BYTES as usize)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(MAX_HEAD_BYTES)
            .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW)
            .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
            .http2_keep_alive_interval(HTTP2_PING_AFTER)
            .http2_keep_alive_timeout(HTTP2_PING_WAIT)
            .build(connector(routes, tls));
        Self { client }
    }

    /// Sends a request and waits for the head of the reply.
    pub(super) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, TransportError> {
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, USER_AGENT);
        headers.insert(header::ACCEPT_ENCODING, IDENTITY);
        let connection = capture_connection(&mut request);
        match timeout_at(deadline, self.client.request(request)).await {
            Ok(response) => response.map_err(|error| explain(&error)),
            Err(_) => Err(TransportError::TimedOut {
                connected: connection.connection_metadata().is_some(),
            }),
        }
    }
}

/// Finds out from an error's causes what happened.
pub(super) fn explain(error: &(dyn Error + 'static)) -> TransportError {
    if let Some(ConnectError::Refused(refused)) = cause(error) {
        return TransportError::Refused(*refused);
    }
    let mut root = error;
    while let Some(deeper) = root.source() {
        root = deeper;
    }
    if cause::<client::legacy::Error>(error).is_some_and(client::legacy::Error::is_connect) {
        match tls_error(error) {
            Some(error) => TransportError::Unsafe(advice(error)),
            None => TransportError::Unreachable(root.to_string()),
        }
    } else if cause::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
        TransportError::NotHttp(root.to_string())
    } else {
        TransportError::Lost(root.to_string())
    }
}

/// Finds out why a body broke off. Errors of its chunks (RFC 9112, section 7.1) are errors of input to hyper.
pub(super) fn explain_body(error: &hyper::Error) -> TransportError {
    use io::ErrorKind::{InvalidData, InvalidInput};
    match cause::<io::Error>(error) {
        Some(malformed) if matches!(malformed.kind(), InvalidData | InvalidInput) => {
            TransportError::NotHttp(malformed.to_string())
        }
        _ => explain(error),
    }
}

/// The error of TLS behind an error. One that is in an error of input is not among the causes of that.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut inner: &io::Error = cause(error)?;
    loop {
        let carried = inner.get_ref()?;
        if let Some(error) = carried.downcast_ref() {
            return Some(error);
        }
        inner = carried.downcast_ref()?;
    }
}

/// The first among an error and its causes that is of this type.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
