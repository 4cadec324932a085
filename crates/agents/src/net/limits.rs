//! How much, and how long, an agent may take: each limit of the way out, by its name.

use std::time::Duration;

/// The largest reply that is read: one value is at most 8 MiB (language reference, section 10).
pub(crate) const MAX_REPLY_BYTES: usize = 8 << 20;

/// The largest head of a reply, in bytes: its status line and headers, or over HTTP/2 the list of its headers.
pub(super) const MAX_HEAD_BYTES: u32 = 64 << 10;

/// The most headers of a reply.
pub(super) const MAX_HEADERS: usize = 100;

/// How much of the body of an error is read, in bytes.
pub(super) const EXCERPT_BYTES: usize = 4096;

/// How long the body of an error is waited for: its status is known, the rest is decoration.
pub(super) const EXCERPT_WAIT: Duration = Duration::from_secs(1);

/// How long no piece of a body may come before the connection counts as lost, unless the settings say otherwise.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// The most that a connection may take, the look-up of its name and the TLS handshake included.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The most that one of several addresses may take.
pub(super) const ADDRESS_LIMIT: Duration = Duration::from_secs(3);

/// The most exchanges with one agent at once, and over HTTP/1.1 its connections in use. Further ones wait for their
/// turn, within their own time.
pub(super) const MAX_EXCHANGES: usize = 512;

/// How many unused connections are kept for each agent: all that were in use, so that under load none is made anew.
pub(super) const IDLE_CONNECTIONS: usize = MAX_EXCHANGES;

/// How long an unused connection is kept: less than the five seconds after which common servers close it, so that
/// few requests meet a connection that is being closed.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// After how long a silent HTTP/2 connection with a request in flight is asked whether it still lives.
pub(super) const HTTP2_PING_AFTER: Duration = Duration::from_secs(20);

/// How long a connection has to say that it lives.
pub(super) const HTTP2_PING_WAIT: Duration = Duration::from_secs(10);

/// How many bytes of one HTTP/2 reply may be on their way before they are read.
pub(super) const HTTP2_STREAM_WINDOW: u32 = 1 << 20;

/// How many bytes of all replies of one HTTP/2 connection may be on their way before they are read.
pub(super) const HTTP2_CONNECTION_WINDOW: u32 = 4 << 20;
