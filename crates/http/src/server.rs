//! The accept loop: connections with limits, and an end that finishes what was begun.
//!
//! hyper drives each connection; this module decides how many there are, how long they may take and how they
//! end. Which request gets which answer is the router's business.

use std::{io, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::{App, ServerOptions, ServerTls, app::Site, origin::own_origins, router};

/// How long to wait before accepting again when the system cannot give out connections, as when it has no file
/// descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Requests that one connection of HTTP/2 may have under way.
const MAX_STREAMS: u32 = 128;

/// How often a connection of HTTP/2 on which nothing happens is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(20);

/// A connection's place among [`ServerOptions::max_connections`]; held until everything on it has ended.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Serves the application until `shutdown` is cancelled; then takes no further connections, finishes the
/// requests in flight, closes WebSockets with a close frame and returns when all has ended, at the latest after
/// [`ServerOptions::drain`].
///
/// The engine goes on: shutting it down is the caller's next step.
///
/// # Errors
/// When the listener has no address. Errors of single connections end these connections only.
pub async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> io::Result<()> {
    let own_origins = own_origins(listener.local_addr()?, app.tls.is_some());
    let options = app.options.clone();
    let (doors, tls) = (app.doors.clone(), app.tls.clone());
    let site = Site::new(app, own_origins, shutdown.clone());
    let server = Server {
        router: router::of(site.clone(), doors),
        tls,
        connections: TaskTracker::new(),
        stop: shutdown,
        cut: CancellationToken::new(),
    };
    server.accept_until_stopped(&listener, &options).await;
    drop(listener);
    server.connections.close();
    site.tasks.close();
    let ended = async {
        server.connections.wait().await;
        site.tasks.wait().await;
    };
    if tokio::time::timeout(options.drain, ended).await.is_err() {
        tracing::warn!(connections = server.connections.len(), "connections are cut");
        server.cut.cancel();
        server.connections.wait().await;
    }
    Ok(())
}

struct Server {
    router: Router,
    tls: Option<ServerTls>,
    connections: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Server {
    async fn accept_until_stopped(&self, listener: &TcpListener, options: &ServerOptions) {
        let places = Arc::new(Semaphore::new(options.max_connections));
        let accepting = async {
            // The semaphore is never closed, so the loop ends with `stop` only.
            while let Ok(permit) = Arc::clone(&places).acquire_owned().await {
                match listener.accept().await {
                    Ok((stream, _)) => self.take(stream, permit, options),
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "no connection can be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            () = self.stop.cancelled() => {}
        }
    }

    fn take(&self, stream: TcpStream, permit: OwnedSemaphorePermit, options: &ServerOptions) {
        // Answers are small and awaited; holding them back to fill packets only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let place = Place {
            _permit: Arc::new(permit),
        };
        let line = Line {
            router: self.router.clone(),
            place,
            protocol: protocol(options),
            patience: options.header_timeout,
            stop: self.stop.clone(),
            cut: self.cut.clone(),
        };
        match self.tls.clone() {
            None => self.connections.spawn(line.serve(stream)),
            Some(tls) => self.connections.spawn(line.serve_over(tls, stream)),
        };
    }
}

/// One connection, and what it is served with.
struct Line {
    router: Router,
    place: Place,
    protocol: auto::Builder<TokioExecutor>,
    /// How long it may take to begin.
    patience: Duration,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Line {
    /// Serves what the client sends once both have agreed on TLS. One that takes too long for that is left.
    async fn serve_over(self, tls: ServerTls, stream: TcpStream) {
        let agreed = tokio::select! {
            agreed = tokio::time::timeout(self.patience, tls.accept(stream)) => agreed,
            () = self.stop.cancelled() => return,
        };
        match agreed {
            Ok(Ok(stream)) => self.serve(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self {
            router,
            place,
            protocol,
            patience,
            stop,
            cut,
        } = self;
        let begun = Arc::new(Notify::new());
        let asked = Arc::clone(&begun);
        let service = service_fn(move |request: Request<Incoming>| {
            asked.notify_one();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(place.clone());
            router.clone().oneshot(request)
        });
        let connection = protocol.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = nothing_was_asked(&begun, patience) => Ok(()),
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = cut.cancelled() => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}

/// Returns when a new connection has brought no request in time. The protocols have timeouts of their own, but begin with
/// one that waits for the bytes which tell which of them it is.
async fn nothing_was_asked(begun: &Notify, patience: Duration) {
    if tokio::time::timeout(patience, begun.notified()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

/// HTTP/1.1 or HTTP/2 (RFC 9113), as the client begins.
fn protocol(options: &ServerOptions) -> auto::Builder<TokioExecutor> {
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(options.header_timeout);
    protocol
}

/// Whether a client went away between its connecting and its being accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
