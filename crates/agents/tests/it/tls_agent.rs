//! An agent behind TLS, with an authority of its own, that speaks HTTP/2 with those who can.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Method, Request, Response, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::scripted::card;

/// An authority that issues certificates.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What the agent has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) versions: Vec<Version>,
}

/// A running agent.
pub(crate) struct TlsAgent {
    pub(crate) url: String,
    pub(crate) seen: Arc<Mutex<Seen>>,
    _server: JoinSet<()>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    /// A certificate for servers and clients at 127.0.0.1.
    pub(crate) fn issue(&self) -> Issued {
        self.issue_for("127.0.0.1", 4096)
    }

    /// A certificate for servers and clients at another host, which is good until the end of a year.
    pub(crate) fn issue_for(&self, host: &str, until: i32) -> Issued {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_after = date_time_ymd(until, 12, 31);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        Issued {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

impl TlsAgent {
    /// Starts an agent with a certificate of this authority. It offers these protocols (ALPN), and asks callers for a
    /// certificate of `callers` where that is given.
    pub(crate) async fn start(authority: &Authority, offers: &[&str], callers: Option<&Authority>) -> Self {
        Self::presenting(&authority.issue(), offers, callers).await
    }

    /// The same with this certificate.
    pub(crate) async fn presenting(issued: &Issued, offers: &[&str], callers: Option<&Authority>) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(server_config(issued, offers, callers)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Seen>>::default();
        let (base, witness) = (url.clone(), Arc::clone(&seen));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(
                    acceptor.clone(),
                    stream,
                    base.clone(),
                    Arc::clone(&witness),
                ));
            }
        });
        Self {
            url,
            seen,
            _server: server,
        }
    }
}

fn server_config(issued: &Issued, offers: &[&str], callers: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match callers {
        None => config.with_no_client_auth(),
        Some(callers) => {
            let mut roots = RootCertStore::empty();
            let root = CertificateDer::from_pem_slice(callers.pem.as_bytes()).unwrap();
            roots.add(root).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            config.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let mut config = config.with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = offers.iter().map(|offer| offer.as_bytes().to_vec()).collect();
    config
}

/// Errors are those of callers who do not trust the agent, or whom it does not trust.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream, base: String, seen: Arc<Mutex<Seen>>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    seen.lock().unwrap().connections += 1;
    let service = service_fn(move |request| answer(request, base.clone(), Arc::clone(&seen)));
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The path below which every reply has a header of 100 KiB.
pub(crate) const LONG_HEADERS: &str = "/long-headers";

/// A card, and completed tasks.
async fn answer(
    request: Request<Incoming>,
    base: String,
    seen: Arc<Mutex<Seen>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    seen.lock().unwrap().versions.push(request.version());
    let has_long_headers = request.uri().path().starts_with(LONG_HEADERS);
    let reply = if request.method() == Method::GET {
        card(&base)
    } else {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let message = json!({"message": {"parts": [{"text": "hi"}]}});
        json!({"jsonrpc": "2.0", "id": asked["id"], "result": message})
    };
    let mut response = Response::builder().header(header::CONTENT_TYPE, "application/json");
    if has_long_headers {
        response = response.header("x-long", "y".repeat(100 << 10));
    }
    Ok(response.body(Full::from(reply.to_string())).unwrap())
}
