//! Each scheme as the agent sees it, and as nobody sees it afterwards.

use agentchains_agents::{AgentRunner, TlsSettings};
use agentchains_machine::{AgentReply, FailureCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CANARY, definition, registry, runner};
use crate::{
    scripted::{Scripted, card, http_reply, result},
    support::{LONG, attempt, failure, outbound, reply},
    tls_agent::{Authority, TlsAgent},
};

/// An agent that answers with the head of the request, in text and as data.
async fn echo() -> Scripted {
    Scripted::agent(|request| {
        let head = &request.head;
        result(
            request,
            &json!({"message": {"parts": [{"text": head}, {"data": {"head": head}}]}}),
        )
    })
    .await
}

fn schemes() -> Vec<(Value, &'static str, String)> {
    let secret = json!({"stored": "canary"});
    // What `python3 -c 'import base64; print(base64.b64encode(...))'` says of `ada:` and the canary.
    let basic = "Basic YWRhOmM0bjRyeS8iN2YrczNjcmV0".to_owned();
    vec![
        (
            json!({"auth": {"type": "bearer", "token": secret}}),
            "authorization",
            format!("Bearer {CANARY}"),
        ),
        (
            json!({"auth": {"type": "api_key", "key": secret}}),
            "x-api-key",
            CANARY.to_owned(),
        ),
        (
            json!({"auth": {"type": "api_key", "in": "cookie", "name": "sid", "key": secret}}),
            "cookie",
            format!("sid={CANARY}"),
        ),
        (
            json!({"auth": {"type": "basic", "username": "ada", "password": secret}}),
            "authorization",
            basic,
        ),
        (
            json!({"headers": {"X-Key": "key {{secrets.canary}}!"}}),
            "x-key",
            format!("key {CANARY}!"),
        ),
    ]
}

/// No spelling of the canary, and none of what was sent, is in the text.
fn assert_hidden(text: &str, sent: &str) {
    assert!(text.contains("[redacted]"), "{text}");
    let spellings = [
        CANARY.to_owned(),
        CANARY.replace('"', "\\\""),
        sent.trim_start_matches("Basic ").to_owned(),
        "c4n4ry".to_owned(),
    ];
    for spelling in spellings {
        assert!(!text.contains(&spelling), "{text}");
    }
}

fn text(reply: &AgentReply) -> String {
    reply.output.to_value().to_string()
}

#[tokio::test]
async fn each_scheme_is_sent_with_every_request_and_is_in_no_reply() {
    for (members, name, expected) in schemes() {
        let agent = echo().await;
        let answer = reply(attempt(&runner(&agent.url, &members).await, LONG).await);
        let requests = agent.requests();
        assert_eq!(requests.len(), 2, "a card and a message");
        for request in &requests {
            assert_eq!(request.header(name), Some(expected.as_str()));
        }
        assert_hidden(&text(&answer), &expected);
    }
}

#[tokio::test]
async fn a_key_in_the_query_is_added_to_what_is_there() {
    let auth = json!({"auth": {"type": "api_key", "in": "query", "name": "k", "key": {"stored": "canary"}}});
    let agent = echo().await;
    let answer = reply(attempt(&runner(&agent.url, &auth).await, LONG).await);
    let line = agent.requests()[1].head.lines().next().unwrap().to_owned();
    assert_eq!(line, "POST /rpc?k=c4n4ry%2F%227f%2Bs3cret HTTP/1.1");
    assert_hidden(&text(&answer), "c4n4ry%2F%227f%2Bs3cret");
}

#[tokio::test]
async fn an_error_that_repeats_the_credential_is_shown_without_it() {
    for status in ["500 Oops", "401 Unauthorized", "400 Bad"] {
        for (members, _, expected) in schemes() {
            let agent = Scripted::agent(move |request| {
                http_reply(status, &[("X-Echo", "a")], request.head.as_bytes())
            })
            .await;
            let (failed, _) = failure(attempt(&runner(&agent.url, &members).await, LONG).await);
            assert_hidden(&failed.message, &expected);
        }
    }
}

#[tokio::test]
async fn a_client_certificate_is_presented_by_its_own_agent_only() {
    let (authority, callers) = (Authority::new(), Authority::new());
    let agent = TlsAgent::start(&authority, &["h2"], Some(&callers)).await;
    let folder = TempDir::new().unwrap();
    let file = |name: &str, pem: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        json!({"file": path})
    };
    let issued = callers.issue();
    let certificate = file("certificate.pem", &issued.certificate);
    let auth = json!({"auth": {
        "type": "mtls", "certificate": certificate, "private_key": file("key.pem", &issued.key),
        "authority": file("authority.pem", &authority.pem),
    }});
    let identified = runner(&agent.url, &auth).await;
    let answer = reply(attempt(&identified, LONG).await);
    assert_eq!(answer.output, json!({"text": "hi"}));

    let tls = TlsSettings::default().trusting(authority.pem.as_bytes()).unwrap();
    let shared = outbound("loopback").with_tls(tls).unwrap();
    let plain = registry(shared, definition(&agent.url, &json!({}))).await;
    let (failed, _) = failure(attempt(&AgentRunner::new(plain), LONG).await);
    assert!(
        !failed.reached_agent,
        "its handshake is not completed without one: {failed:?}"
    );

    // A certificate that was renewed is taken up, and so is one that cannot be used.
    let other = Authority::new().issue();
    std::fs::write(folder.path().join("certificate.pem"), other.certificate).unwrap();
    let (failed, _) = failure(attempt(&identified, LONG).await);
    assert_eq!(failed.code, FailureCode::AgentAuthError);
    assert!(
        !failed.reached_agent && failed.message.contains("certificate.pem"),
        "{}",
        failed.message
    );
}

#[tokio::test]
async fn a_credential_is_not_sent_where_the_card_leads_elsewhere() {
    for (members, sent) in [
        (json!({}), false),
        (
            json!({"auth": {"type": "bearer", "token": {"stored": "canary"}}}),
            true,
        ),
        (json!({"headers": {"X-Team": "plain"}}), true),
    ] {
        let agent = Scripted::agent_with_card(
            |_| card("https://another.invalid"),
            |request| result(request, &json!({})),
        )
        .await;
        let (failed, _) = failure(attempt(&runner(&agent.url, &members).await, LONG).await);
        let says_so = failed.message.contains("its card leads to \"another.invalid\"");
        assert_eq!(
            (failed.code == FailureCode::AgentAuthError, says_so),
            (sent, sent),
            "{failed:?}"
        );
        assert!(!failed.reached_agent);
    }
}
