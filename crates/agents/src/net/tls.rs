//! TLS: whom connections trust, and as whom they present themselves.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
};
use thiserror::Error;

use super::trust::Verifier;

/// Whom connections with TLS trust, and as whom they present themselves.
///
/// The default trusts the authorities that Mozilla trusts and those of the operating system. It presents no
/// certificate.
#[derive(Clone, Default)]
pub struct TlsSettings {
    authorities: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
}

/// A client certificate.
#[derive(Clone)]
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
}

/// TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The certificates or the key cannot be used.
    #[error("TLS cannot be set up with these certificates")]
    Unusable(#[from] rustls::Error),
    /// A text is not in the format PEM (RFC 7468), or lacks what it should hold.
    #[error("the certificates or the key cannot be read as PEM")]
    Pem(#[source] pem::Error),
    /// There is no certificate in the text.
    #[error("the text holds no certificate")]
    NoCertificate,
}

impl TlsSettings {
    /// Also trusts the authorities whose certificates are in this text.
    ///
    /// # Errors
    /// [`TlsError`] when the text is not PEM, or holds no certificate.
    pub fn trusting(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        self.authorities.extend(certificates(pem)?);
        Ok(self)
    }

    /// Presents the first of these certificates to agents that ask for one; the others lead to an authority (mutual
    /// TLS, RFC 8446, section 4.4.2).
    ///
    /// # Errors
    /// [`TlsError`] when a text is not PEM, or lacks the certificate or the key.
    pub fn identified_by(mut self, chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Pem)?;
        self.identity = Some(Identity {
            chain: certificates(chain)?,
            key: Arc::new(key),
        });
        Ok(self)
    }

    /// The settings as the TLS library takes them. Its provider is ring, whatever the process has installed.
    pub(super) fn config(&self) -> Result<ClientConfig, TlsError> {
        let mut own = RootCertStore::empty();
        for authority in &self.authorities {
            own.add(authority.clone())?;
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new(own, Arc::clone(&provider));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        Ok(match &self.identity {
            Some(identity) => {
                config.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?
            }
            None => config.with_no_client_auth(),
        })
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("authorities", &self.authorities.len())
            .field("is_identified", &self.identity.is_some())
            .finish()
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(TlsError::Pem)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    Ok(certificates)
}
