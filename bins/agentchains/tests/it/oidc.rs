//! Callers with tokens of an OpenID provider, beside those with API keys.

use std::{path::Path, sync::Arc};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    client::{Answer, Client},
    keys::keys,
    server::Server,
};

/// A provider with one key.
struct Issuer {
    url: String,
    key: Arc<(String, KeyPair)>,
    _server: JoinSet<()>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = Arc::new(("first".to_owned(), KeyPair::generate().unwrap()));
        let (issuer, published) = (url.clone(), Arc::clone(&key));
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (issuer, published) = (issuer.clone(), Arc::clone(&published));
                let service = service_fn(move |request: Request<Incoming>| {
                    let body = match request.uri().path() {
                        "/.well-known/openid-configuration" => {
                            json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")})
                        }
                        _ => jwks(&published),
                    };
                    async move { Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from(body.to_string())))) }
                });
                let served = hyper::server::conn::http1::Builder::new();
                tokio::spawn(served.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            url,
            key,
            _server: server,
        }
    }

    fn token(&self, changes: &Value) -> String {
        let (kid, pair) = &*self.key;
        signed(kid, pair, &self.claims(changes))
    }

    /// The claims of a runner of acme, but for these.
    fn claims(&self, changes: &Value) -> Value {
        let mut claims = json!({
            "iss": self.url, "aud": "agentchains", "sub": "ada", "exp": 4_000_000_000_u64,
            "org": {"tenant": "acme"}, "roles": ["runner", "gardener"],
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }
}

/// The public half as a JWK (RFC 7518, section 6.2).
fn jwks((kid, pair): &(String, KeyPair)) -> Value {
    let point = pair.public_key_raw();
    let [x, y] = [&point[1..33], &point[33..]].map(|half| BASE64_URL_SAFE_NO_PAD.encode(half));
    json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": x, "y": y}]})
}

fn signed(kid: &str, pair: &KeyPair, claims: &Value) -> String {
    let mut head = Header::new(Algorithm::ES256);
    head.kid = Some(kid.to_owned());
    encode(&head, claims, &EncodingKey::from_ec_der(&pair.serialize_der())).unwrap()
}

async fn start(folder: &Path, issuer: &str) -> Server {
    let flags = [
        "--auth",
        "required",
        "--oidc-issuer",
        issuer,
        "--oidc-audience",
        "agentchains",
        "--oidc-tenant-claim",
        "/org/tenant",
    ];
    Server::serve_with(folder, &flags, &[]).await
}

async fn ask(client: &Client, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let request = client
        .request(method, path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    client
        .exchange(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap())
        .await
}

const WORKFLOW: &str =
    r#"{"name": "w", "nodes": [{"id": "a", "type": "human_approval", "config": {"message": "Go?"}}]}"#;

#[tokio::test]
async fn a_token_lets_its_roles_do_what_they_may_in_its_tenant_beside_keys() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start().await;
    let made = keys(
        folder.path(),
        &["create", "--tenant", "acme", "--role", "editor", "--name", "key"],
    )
    .await;
    let server = start(folder.path(), &issuer.url).await;
    let client = &server.client;
    let key = made["key"].as_str().unwrap();
    let created = ask(client, key, "POST", "/workflows", WORKFLOW).await;
    assert_eq!(created.status, 201, "{created:?}");
    let workflow = format!("/workflows/{}", created.body["id"].as_str().unwrap());

    let ada = issuer.token(&json!({}));
    assert_eq!(ask(client, &ada, "GET", &workflow, "").await.status, 200);
    assert_eq!(
        ask(client, &ada, "POST", "/workflows", WORKFLOW).await.status,
        403
    );
    let executed = ask(client, &ada, "POST", &format!("{workflow}/execute"), "{}").await;
    assert_eq!(executed.status, 202, "{executed:?}");
    let path = format!("/executions/{}", executed.body["execution_id"].as_str().unwrap());
    assert_eq!(
        ask(client, &ada, "GET", &path, "").await.body["initiated_by"],
        "ada"
    );
    let elsewhere = issuer.token(&json!({"org": {"tenant": "umbrella"}, "roles": "admin"}));
    assert_eq!(ask(client, &elsewhere, "GET", &workflow, "").await.status, 404);
    assert_eq!(
        ask(client, &elsewhere, "POST", "/workflows", WORKFLOW)
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn a_token_that_is_not_wholly_right_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start().await;
    let server = start(folder.path(), &issuer.url).await;
    let good = issuer.token(&json!({}));
    assert_eq!(
        ask(&server.client, &good, "GET", "/workflows", "").await.status,
        200
    );
    let (head, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let stranger = KeyPair::generate().unwrap();
    let public = issuer.key.1.public_key_raw().to_vec();
    let mut symmetric = Header::new(Algorithm::HS256);
    symmetric.kid = Some("first".to_owned());
    let forged = encode(
        &symmetric,
        &issuer.claims(&json!({})),
        &EncodingKey::from_secret(&public),
    )
    .unwrap();
    for (what, token) in [
        (
            "no signature",
            format!("{}.{claims}.", part(json!({"alg": "none", "kid": "first"}))),
        ),
        (
            "no algorithm with the signature",
            format!("{}.{claims}.{signature}", part(json!({"alg": "none"}))),
        ),
        ("the public key as a secret", forged),
        (
            "another's signature",
            signed("first", &stranger, &issuer.claims(&json!({}))),
        ),
        (
            "an unknown key",
            signed("other", &stranger, &issuer.claims(&json!({}))),
        ),
        (
            "other claims",
            format!(
                "{head}.{}.{signature}",
                part(issuer.claims(&json!({"roles": "admin"})))
            ),
        ),
        ("expired", issuer.token(&json!({"exp": 1_000_000_000}))),
        ("no end", issuer.token(&json!({"exp": null}))),
        ("not yet", issuer.token(&json!({"nbf": 4_000_000_000_u64 - 1}))),
        (
            "another issuer",
            issuer.token(&json!({"iss": "https://evil.example"})),
        ),
        ("another audience", issuer.token(&json!({"aud": "someone-else"}))),
        ("no role", issuer.token(&json!({"roles": ["gardener"]}))),
        ("no tenant", issuer.token(&json!({"org": {}}))),
        ("an empty tenant", issuer.token(&json!({"org": {"tenant": ""}}))),
        ("no name", issuer.token(&json!({"sub": ""}))),
        ("half a token", good[..good.len() / 2].to_owned()),
        ("too long", format!("{good}{}", "x".repeat(20_000))),
    ] {
        let refused = ask(&server.client, &token, "GET", "/workflows", "").await;
        assert_eq!(refused.status, 401, "{what}: {refused:?}");
        assert_eq!(refused.body["code"], "unauthenticated", "{what}");
        assert!(!refused.body.to_string().contains(signature), "{what}");
    }
}

#[tokio::test]
async fn without_its_issuer_the_server_says_so_and_keys_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start().await;
    let made = keys(folder.path(), &["create", "--role", "viewer", "--name", "key"]).await;
    let token = issuer.token(&json!({}));
    let url = issuer.url.clone();
    drop(issuer);
    let server = start(folder.path(), &url).await;
    let refused = ask(&server.client, &token, "GET", "/workflows", "").await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (503, &json!("issuer_unavailable"))
    );
    assert!(refused.retry_after.is_some());
    let key = made["key"].as_str().unwrap();
    assert_eq!(
        ask(&server.client, key, "GET", "/workflows", "").await.status,
        200
    );
}
