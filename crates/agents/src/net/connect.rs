//! Connecting: the one place in this crate that opens sockets.
//!
//! A name is resolved once, each of its addresses is judged, and the connection is made to an address that was
//! judged: nothing is looked up in between. No proxy settings are read.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{Uri, uri::Scheme};
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tower::{BoxError, service_fn, timeout::Timeout, util::BoxCloneSyncService};

use super::{AddressPolicy, AddressRefused};

/// Makes connections, with TLS where the address asks for it.
pub(crate) type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// The most that a connection may take, the look-up of its name and the TLS handshake included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The most that one of several addresses may take.
const ADDRESS_LIMIT: Duration = Duration::from_secs(3);

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
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

/// A connector that keeps to `policy`. TLS is that of ring with Mozilla's roots, whatever the process has installed.
pub(crate) fn connector(policy: Arc<AddressPolicy>) -> Result<Connector, rustls::Error> {
    let tcp = service_fn(move |uri: Uri| {
        let policy = Arc::clone(&policy);
        async move { connect(&policy, &uri).await.map(TokioIo::new) }
    });
    let tls = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Ok(BoxCloneSyncService::new(Timeout::new(tls, CONNECT_LIMIT)))
}

async fn connect(policy: &AddressPolicy, uri: &Uri) -> Result<TcpStream, ConnectError> {
    let host = uri.host().ok_or(ConnectError::NoHost)?;
    let default_port = if uri.scheme() == Some(&Scheme::HTTPS) {
        443
    } else {
        80
    };
    let port = uri.port_u16().unwrap_or(default_port);
    let mut last = ConnectError::NoAddress;
    for address in addresses(host, port).await? {
        if let Err(refused) = policy.vet(address.ip()) {
            last = refused.into();
            continue;
        }
        match timeout(ADDRESS_LIMIT, TcpStream::connect(address)).await {
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

async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    Ok(lookup_host((host, port))
        .await
        .map_err(ConnectError::Resolve)?
        .collect())
}
