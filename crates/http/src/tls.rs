//! TLS (RFC 8446) on the server's own connections.

use std::{fmt, io, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The certificate that a server shows, and its key. Clients may speak TLS 1.2 or 1.3, and choose between HTTP/2 and
/// HTTP/1.1 in the handshake (RFC 7301).
///
/// ```no_run
/// # fn read() -> Result<(), Box<dyn std::error::Error>> {
/// use agentchains_http::ServerTls;
///
/// let tls = ServerTls::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerTls(TlsAcceptor);

/// Why a certificate and a key are of no use.
#[derive(Debug, Error)]
pub enum InvalidTls {
    /// The certificates cannot be read.
    #[error("the certificates are not PEM")]
    Certificates(#[source] pem::Error),
    /// There are none.
    #[error("there is no certificate among the certificates")]
    NoCertificate,
    /// The key cannot be read.
    #[error("the key is no private key in PEM")]
    Key(#[source] pem::Error),
    /// They do not belong together, or are of a kind that is not supported.
    #[error("the certificate and the key cannot be used together")]
    Unusable(#[from] rustls::Error),
}

impl ServerTls {
    /// Reads a chain of certificates, the server's own first, and the key of that one.
    ///
    /// # Errors
    /// [`InvalidTls`] when they are no such things.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, InvalidTls> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(InvalidTls::Certificates)?;
        if chain.is_empty() {
            return Err(InvalidTls::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(InvalidTls::Key)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}
