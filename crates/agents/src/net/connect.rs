//! Connecting: the one place in this crate that opens sockets.
//!
//! A name is resolved once, each of its addresses is judged, and the connection is made to an address that was
//! judged: nothing is looked up in between. No proxy settings are read.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::{Uri, uri::Scheme};
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};
use tower::{BoxError, service_fn, timeout::Timeout, util::BoxCloneSyncService};

use super::{
    AddressPolicy, AddressRefused,
    limits::{ADDRESS_LIMIT, CONNECT_LIMIT},
    resolve::Resolve,
};

/// Makes connections, with TLS where the address asks for it.
pub(super) type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// Where connections go.
#[derive(Clone)]
pub(super) struct Routes {
    pub(super) policy: Arc<AddressPolicy>,
    pub(super) resolver: Arc<dyn Resolve>,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Refused(#[from] AddressRefused),
    #[error("the address names no host")]
    NoHost,
    #[error("the name cannot be resolved")]
    Resolve(#[source] io::Error),
    #[error("the name has no address")]
    NoAddress,
    #[error("no connection can be made")]
    Connect(#[source] io::Error),
}

/// A connector for these routes. With TLS, the agent chooses between HTTP/2 and HTTP/1.1 (ALPN, RFC 7301).
pub(super) fn connector(routes: Routes, tls: ClientConfig) -> Connector {
    let tcp = service_fn(move |uri: Uri| {
        let routes = routes.clone();
        async move { routes.connect(&uri).await.map(TokioIo::new) }
    });
    let tls = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(tcp);
    BoxCloneSyncService::new(Timeout::new(tls, CONNECT_LIMIT))
}

impl Routes {
    async fn connect(&self, uri: &Uri) -> Result<TcpStream, ConnectError> {
        let host = uri.host().ok_or(ConnectError::NoHost)?;
        let default_port = if uri.scheme() == Some(&Scheme::HTTPS) {
            443
        } else {
            80
        };
        let port = uri.port_u16().unwrap_or(default_port);
        let mut last = ConnectError::NoAddress;
        for address in self.addresses(host).await? {
            if let Err(refused) = self.policy.vet(address) {
                last = refused.into();
                continue;
            }
            let connecting = TcpStream::connect(SocketAddr::new(address, port));
            match timeout(ADDRESS_LIMIT, connecting).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true).map_err(ConnectError::Connect)?;
                    return Ok(stream);
                }
                Ok(Err(error)) => last = ConnectError::Connect(error),
                Err(_) => last = ConnectError::Connect(io::ErrorKind::TimedOut.into()),
            }
        }
        Err(last)
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ConnectError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) => self.resolver.resolve(host).await.map_err(ConnectError::Resolve),
        }
    }
}
