//! Whose certificates are trusted, and what to do about one that is not.
//!
//! The authorities of the operating system are read when the first certificate is to be verified, and once for the whole
//! process: most servers call no agent over TLS, and must not wait for that when they start.

use std::sync::{Arc, LazyLock, OnceLock};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::VerifierBuilderError,
};

/// The authorities that Mozilla trusts, and those of the operating system, for which `SSL_CERT_FILE` and `SSL_CERT_DIR`
/// may stand.
static COMMON: LazyLock<RootCertStore> = LazyLock::new(|| {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some authorities of the operating system cannot be read");
    }
    let (added, unusable) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(
        added,
        unusable,
        "the authorities of the operating system were read"
    );
    roots
});

/// Verifies certificates of agents as `rustls` does by itself, but asks for the common authorities no earlier.
#[derive(Debug)]
pub(super) struct Verifier {
    /// Trusted besides.
    own: RootCertStore,
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Result<Arc<WebPkiServerVerifier>, VerifierBuilderError>>,
}

impl Verifier {
    /// Also trusts `own`.
    pub(super) fn new(own: RootCertStore, provider: Arc<CryptoProvider>) -> Self {
        Self {
            own,
            provider,
            verifier: OnceLock::new(),
        }
    }

    fn verifier(&self) -> Result<&WebPkiServerVerifier, Error> {
        let built = self.verifier.get_or_init(|| {
            let mut roots = COMMON.clone();
            roots.extend(self.own.roots.iter().cloned());
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider)).build()
        });
        match built {
            Ok(verifier) => Ok(verifier),
            Err(error) => Err(Error::General(error.to_string())),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// What is wrong when the handshake failed, and what to do about it.
pub(super) fn advice(error: &Error) -> String {
    use CertificateError as Certificate;
    let advice = match error {
        Error::InvalidCertificate(fault) => match fault {
            // A signature is bad where an authority has the name of a trusted one, and another key.
            Certificate::UnknownIssuer | Certificate::BadSignature => {
                "its certificate is of an authority that is not trusted; add that authority to those of the operating \
                 system, or name a file that has it in SSL_CERT_FILE"
            }
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                "its certificate has expired; have its owner renew it, and check the clock of this machine"
            }
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "its certificate is not valid yet; check the clock of this machine"
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "its certificate is for another host; give the address with the name that the certificate is for"
            }
            Certificate::InvalidPurpose | Certificate::InvalidPurposeContext { .. } => {
                "its certificate is not one for servers; have its owner replace it"
            }
            _ => return format!("its certificate cannot be trusted ({error}); have its owner replace it"),
        },
        Error::InvalidMessage(_) => {
            "it does not speak TLS there; check the port, or give an address that begins with http://"
        }
        Error::PeerIncompatible(_) => "it speaks no version of TLS that is safe; have its owner update it",
        _ => return format!("no connection over TLS can be made ({error}); look at its log"),
    };
    advice.to_owned()
}
