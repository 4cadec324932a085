//! The server over HTTPS.

use std::{path::Path, process::Output, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Version};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rcgen::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::server::Server;

/// A server with a certificate of its own, and the flags that name it.
struct Secured {
    server: Server,
    certificate: CertifiedKey<rcgen::KeyPair>,
}

impl Secured {
    async fn start(folder: &Path) -> Self {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = rcgen::generate_simple_self_signed(names).unwrap();
        let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.join(name));
        std::fs::write(&chain, certificate.cert.pem()).unwrap();
        std::fs::write(&key, certificate.signing_key.serialize_pem()).unwrap();
        let flags = [
            "--tls-certificate",
            chain.to_str().unwrap(),
            "--tls-key",
            key.to_str().unwrap(),
            "--a2a-publish",
            "all",
        ];
        Self {
            server: Server::serve_with(folder, &flags, &[]).await,
            certificate,
        }
    }

    fn origin(&self) -> String {
        format!("https://{}", self.server.client.address())
    }

    /// A client that trusts the certificate, and speaks one version of HTTP.
    fn client(&self, version: Version) -> Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.cert.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
        let connector = match version {
            Version::HTTP_2 => builder.enable_http2().build(),
            _ => builder.enable_http1().build(),
        };
        Client::builder(TokioExecutor::new())
            .http2_only(version == Version::HTTP_2)
            .build(connector)
    }

    async fn ask(&self, version: Version, request: Request<String>) -> (u16, Value) {
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let answer = self.client(version).request(request).await.unwrap();
        assert_eq!(answer.version(), version);
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

async fn agentchains(folder: &Path, arguments: &[&str], trusted: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agentchains"))
        .args(arguments)
        .current_dir(folder)
        .env("SSL_CERT_FILE", trusted)
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn both_versions_of_http_are_spoken_over_tls_and_cards_and_pages_name_https() {
    let folder = tempfile::tempdir().unwrap();
    let secured = Secured::start(folder.path()).await;
    let origin = secured.origin();
    let workflows = format!("{origin}/api/v3/orchestration/workflows");
    let mut id = String::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let document = json!({"name": "w", "nodes": [
            {"id": "ask", "type": "human_approval", "config": {"message": "Go?"}},
        ]});
        let create = |page: &str| {
            let request = Request::post(&workflows).header("content-type", "application/json");
            request.header("origin", page).body(document.to_string()).unwrap()
        };
        let (status, created) = secured.ask(version, create(&origin)).await;
        assert_eq!(status, 201, "{created}");
        id = created["id"].as_str().unwrap().to_owned();
        let plain = origin.replace("https", "http");
        assert_eq!(
            secured.ask(version, create(&plain)).await.0,
            403,
            "another scheme is another origin"
        );
    }
    let card = Request::get(format!("{origin}/a2a/{id}/.well-known/agent-card.json"));
    let (_, card) = secured
        .ask(Version::HTTP_11, card.body(String::new()).unwrap())
        .await;
    let url = card["supportedInterfaces"][0]["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{origin}/a2a/{id}")), "{card}");
}

#[tokio::test]
async fn who_speaks_no_tls_or_does_not_trust_the_certificate_gets_nothing_and_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let secured = Secured::start(folder.path()).await;
    let plain = Request::get(format!("http://{}/healthz", secured.server.client.address()));
    let plain = plain.body(Full::default()).unwrap();
    assert!(secured.server.client.try_exchange(plain).await.is_err());
    let list = ["workflows", "list", "--server", &secured.origin()];
    let trusted = folder.path().join("chain.pem");
    let told = agentchains(folder.path(), &list, trusted.to_str().unwrap()).await;
    assert!(told.status.success(), "{told:?}");
    let refused = agentchains(folder.path(), &list, "/dev/null").await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("cannot reach"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_told_before_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str| {
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let [chain, key] = ["pem", "key"].map(|end| folder.path().join(format!("{name}.{end}")));
        std::fs::write(&chain, certificate.cert.pem()).unwrap();
        std::fs::write(&key, certificate.signing_key.serialize_pem()).unwrap();
        [chain, key].map(|path| path.to_str().unwrap().to_owned())
    };
    let ([chain, key], [_, others_key]) = (made("one"), made("other"));
    for (flags, said) in [
        (vec!["--tls-certificate", &chain], "together"),
        (
            vec!["--tls-certificate", &chain, "--tls-key", &others_key],
            "used together",
        ),
        (
            vec!["--tls-certificate", &key, "--tls-key", &key],
            "no certificate",
        ),
        (
            vec!["--tls-certificate", &chain, "--tls-key", &chain],
            "no private key",
        ),
        (
            vec!["--tls-certificate", "nowhere.pem", "--tls-key", &key],
            "nowhere.pem",
        ),
    ] {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        let arguments = [&serve[..], &flags].concat();
        let refused = agentchains(folder.path(), &arguments, "/dev/null").await;
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && told.contains(said),
            "{flags:?} {told}"
        );
    }
}
