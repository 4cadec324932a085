//! TLS and HTTP/2: whom connections trust, as whom they present themselves, what they speak.

use agentchains_agents::{Outbound, TlsError, TlsSettings};
use agentchains_machine::FailureCode;
use http::Version;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpListener, task::JoinSet};

use crate::{
    support::{LONG, attempt, failure, outbound, reply, runner_through},
    tls_agent::{Authority, LONG_HEADERS, TlsAgent},
};

fn trusting(authority: &Authority) -> TlsSettings {
    TlsSettings::default().trusting(authority.pem.as_bytes()).unwrap()
}

fn through(tls: TlsSettings) -> Outbound {
    outbound("loopback").with_tls(tls).unwrap()
}

#[tokio::test]
async fn an_agent_that_can_is_called_over_one_connection_of_http_2() {
    let authority = Authority::new();
    for (offers, version) in [
        (vec!["h2", "http/1.1"], Version::HTTP_2),
        (vec!["http/1.1"], Version::HTTP_11),
        (vec![], Version::HTTP_11),
    ] {
        let agent = TlsAgent::start(&authority, &offers, None).await;
        let runner = runner_through(through(trusting(&authority)), &agent.url).await;
        for _ in 0..3 {
            let answer = reply(attempt(&runner, LONG).await);
            assert_eq!(answer.output, json!({"text": "hi"}));
        }
        let seen = agent.seen.lock().unwrap();
        assert_eq!(seen.versions, [version; 4], "a card and three messages");
        assert_eq!(seen.connections, 1, "{offers:?}");
    }
}

#[tokio::test]
async fn only_agents_of_trusted_authorities_are_called() {
    let agent = TlsAgent::start(&Authority::new(), &["h2"], None).await;
    for tls in [TlsSettings::default(), trusting(&Authority::new())] {
        let runner = runner_through(through(tls), &agent.url).await;
        let (failed, _) = failure(attempt(&runner, LONG).await);
        assert_eq!(failed.code, FailureCode::AgentUnreachable);
        assert!(
            !failed.reached_agent && failed.message.contains("SSL_CERT_FILE"),
            "{}",
            failed.message
        );
    }
    assert!(agent.seen.lock().unwrap().versions.is_empty());
}

/// A server at an address that begins with `https://`, and knows nothing of that.
async fn without_tls() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    (url, server)
}

#[tokio::test]
async fn what_is_wrong_with_an_agents_tls_is_said() {
    let authority = Authority::new();
    for (issued, said) in [
        (authority.issue_for("127.0.0.1", 2000), "has expired"),
        (authority.issue_for("agent.test", 4096), "is for another host"),
    ] {
        let agent = TlsAgent::presenting(&issued, &["h2"], None).await;
        let runner = runner_through(through(trusting(&authority)), &agent.url).await;
        let (failed, unhealthy) = failure(attempt(&runner, LONG).await);
        assert_eq!((failed.code, unhealthy), (FailureCode::AgentUnreachable, true));
        assert!(failed.message.contains(said), "{}", failed.message);
    }
    let (url, _plain) = without_tls().await;
    let runner = runner_through(through(trusting(&authority)), &url).await;
    let (failed, _) = failure(attempt(&runner, LONG).await);
    assert!(
        failed.message.contains("does not speak TLS"),
        "{}",
        failed.message
    );
}

#[tokio::test]
async fn the_headers_of_a_reply_over_http_2_have_a_limit() {
    let authority = Authority::new();
    let agent = TlsAgent::start(&authority, &["h2"], None).await;
    let url = format!("{}{LONG_HEADERS}", agent.url);
    let runner = runner_through(through(trusting(&authority)), &url).await;
    let (failed, _) = failure(attempt(&runner, LONG).await);
    assert_eq!(agent.seen.lock().unwrap().versions, [Version::HTTP_2]);
    // The library resets the stream, and says no more than that.
    assert_eq!(
        failed.code,
        FailureCode::AgentConnectionLost,
        "{}",
        failed.message
    );
}

#[tokio::test]
async fn an_agent_that_asks_for_a_certificate_gets_that_of_the_settings() {
    let (authority, callers) = (Authority::new(), Authority::new());
    let agent = TlsAgent::start(&authority, &["h2"], Some(&callers)).await;
    let known = through(trusting(&authority));
    let runner = runner_through(known.clone(), &agent.url).await;
    let (failed, _) = failure(attempt(&runner, LONG).await);
    assert_eq!(
        failed.code,
        FailureCode::AgentConnectionLost,
        "{}",
        failed.message
    );

    let issued = callers.issue();
    let (chain, key) = (issued.certificate.as_bytes(), issued.key.as_bytes());
    let identified = known.tls().clone().identified_by(chain, key).unwrap();
    let runner = runner_through(known.with_tls(identified).unwrap(), &agent.url).await;
    let answer = reply(attempt(&runner, LONG).await);
    assert_eq!(answer.output, json!({"text": "hi"}));
}

#[test]
fn certificates_and_keys_that_cannot_be_used_are_refused() {
    let (one, other) = (Authority::new().issue(), Authority::new().issue());
    let tls = TlsSettings::default;
    let (certificate, key) = (one.certificate.as_bytes(), one.key.as_bytes());
    assert!(matches!(tls().trusting(b""), Err(TlsError::NoCertificate)));
    assert!(matches!(tls().trusting(key), Err(TlsError::NoCertificate)));
    let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert!(matches!(tls().trusting(broken), Err(TlsError::Pem(_))));
    assert!(matches!(
        tls().identified_by(certificate, certificate),
        Err(TlsError::Pem(_))
    ));
    let mixed = tls().identified_by(certificate, other.key.as_bytes()).unwrap();
    assert!(matches!(
        outbound("none").with_tls(mixed),
        Err(TlsError::Unusable(_))
    ));
}

#[test]
fn keys_are_not_shown() {
    let issued = Authority::new().issue();
    let (chain, key) = (issued.certificate.as_bytes(), issued.key.as_bytes());
    let tls = TlsSettings::default().identified_by(chain, key).unwrap();
    assert_eq!(
        format!("{tls:?}"),
        "TlsSettings { authorities: 0, is_identified: true }"
    );
}
