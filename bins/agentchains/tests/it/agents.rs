//! What the server says of agents that it does not call: those at addresses that are not allowed, and those whose
//! certificate nobody vouches for.

use std::{path::Path, process::Output, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::server::Server;

const SETTING: &str = "--allow-agent-addresses";

/// Starts a server that does not come up, with an agent at this address in its settings file.
async fn fails_with(folder: &Path, url: &str) -> Output {
    let file = folder.join("agentchains.toml");
    std::fs::write(
        &file,
        format!("[[agents]]\nagent_id = 'declared'\nurl = '{url}'\n"),
    )
    .unwrap();
    let database = format!("sqlite:{}", folder.join("agentchains.db").display());
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--database",
        &database,
        "--config",
    ];
    Command::new(env!("CARGO_BIN_EXE_agentchains"))
        .args(arguments)
        .arg(file)
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn an_agent_of_the_settings_file_at_a_refused_address_stops_the_server_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    for (url, can_be_allowed) in [("http://10.0.0.1/", true), ("http://169.254.169.254/", false)] {
        let output = fails_with(folder.path(), url).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("\"declared\""), "{stderr}");
        assert_eq!(stderr.contains(SETTING), can_be_allowed, "{stderr}");
    }
}

#[tokio::test]
async fn a_refused_address_is_answered_with_the_setting_that_would_allow_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    for (url, can_be_allowed) in [("http://10.0.0.1/", true), ("http://169.254.169.254/", false)] {
        let oauth = json!({"type": "oauth2_client_credentials", "token_url": url, "client_id": "a",
                           "client_secret": {"env": "SECRET"}});
        for (path, body) in [
            ("/agents", json!({"agent_id": "a", "url": url})),
            (
                "/agents",
                json!({"agent_id": "a", "url": "https://a.example", "auth": oauth}),
            ),
            ("/agents/discover", json!({"url": url})),
        ] {
            let answer = server.client.post(path, &body).await;
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (422, &json!("agent_address_refused")),
                "{body}: {answer:?}"
            );
            let said = answer.body.to_string().contains(SETTING);
            assert_eq!(said, can_be_allowed, "{body}: {answer:?}");
        }
    }
}

/// An agent that answers over TLS with a certificate of an authority of its own.
struct TlsAgent {
    url: String,
    /// The authority's certificate, in PEM.
    authority: String,
    _server: JoinSet<()>,
}

impl TlsAgent {
    async fn start() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(&acceptor, stream).await;
            }
        });
        Self {
            url,
            authority,
            _server: server,
        }
    }
}

/// Answers one request. Errors are those of callers who do not trust the agent.
async fn answer(acceptor: &TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let reply = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    let _ = stream.write_all(reply).await;
    let _ = stream.shutdown().await;
}

/// What a server with these variables says of the health of an agent.
async fn health(url: &str, variables: &[(&str, &str)]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve_with(folder.path(), &[], variables).await;
    let agent = json!({"agent_id": "a", "protocol": "http", "url": url});
    let registered = server.client.post("/agents", &agent).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    server.client.get("/agents/a/health").await.body
}

#[tokio::test]
async fn authorities_that_the_operating_system_trusts_are_trusted() {
    let agent = TlsAgent::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, &agent.authority).unwrap();

    let unknown = health(&agent.url, &[]).await;
    assert_eq!(unknown["status"], "unreachable", "{unknown}");
    let message = unknown["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("authority that is not trusted") && message.contains("SSL_CERT_FILE"),
        "{message}"
    );
    let trusted = health(&agent.url, &[("SSL_CERT_FILE", file.to_str().unwrap())]).await;
    assert_eq!(trusted["status"], "ok", "{trusted}");
}

/// An agent that takes requests and answers none.
async fn silent() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut taken = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            taken.push(stream);
        }
    });
    (url, server)
}

#[tokio::test]
async fn a_node_that_waits_for_its_turn_fails_when_the_agent_is_disabled() {
    let (url, _agent) = silent().await;
    for limit in [
        json!({"max_concurrency": 1}),
        json!({"rate_limit": {"calls": 1, "per": "1h"}}),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::serve(folder.path()).await;
        let client = &server.client;
        let mut agent = json!({"agent_id": "a", "protocol": "http", "url": url});
        agent
            .as_object_mut()
            .unwrap()
            .extend(limit.as_object().unwrap().clone());
        assert_eq!(client.post("/agents", &agent).await.status, 201);
        let node = |id: &str| json!({"id": id, "type": "agent_call", "agent_id": "a"});
        let document = json!({"name": "two", "nodes": [node("first"), node("second")], "edges": []});
        let execution = client.execute(&client.create(&document).await, &json!({})).await;
        let mut events = client.follow(&execution, 0).await;
        while events.next().await.unwrap()["type"] != "node.started" {}

        agent["disabled"] = json!(true);
        let body = agent.to_string().into();
        let disabled = client
            .send("PUT", "/agents/a", Some("application/json"), body)
            .await;
        assert_eq!(disabled.status, 200, "{disabled:?}");
        let failed = loop {
            let event = events.next().await.unwrap();
            if event["type"] == "node.failed" {
                break event;
            }
        };
        assert_eq!(
            failed["data"]["error"]["code"], "agent_disabled",
            "{limit}: {failed}"
        );
    }
}
