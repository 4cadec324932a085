//! Cards that lead nowhere, or where nobody may go.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use agentchains_machine::FailureCode;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    scripted::{Act, Request, Scripted, card, http_reply, json_reply, result, text_reply},
    support::{Accepted, Ask as _, LONG, attempt, call, call_at, failure, reply, runner},
};

fn interface(url: &str, binding: &str) -> Value {
    json!({"name": "x", "supportedInterfaces": [{"url": url, "protocolBinding": binding, "protocolVersion": "1.0"}]})
}

#[tokio::test]
async fn a_card_that_cannot_be_used_fails_before_anything_is_sent() {
    use FailureCode::{AgentAddressRefused, AgentProtocolError};
    for (card, code) in [
        (json!("<html>"), AgentProtocolError),
        (interface("http://127.0.0.1:9/", "GRPC"), AgentProtocolError),
        (interface("file:///etc/passwd", "JSONRPC"), AgentProtocolError),
        (
            interface("http://169.254.169.254/", "JSONRPC"),
            AgentAddressRefused,
        ),
        (
            interface("http://[::ffff:10.0.0.1]/", "JSONRPC"),
            AgentAddressRefused,
        ),
        (interface("http://0x0a000001/", "JSONRPC"), AgentAddressRefused),
        (
            json!({
                "supportedInterfaces": [{"url": "http://127.0.0.1:9/", "protocolBinding": "JSONRPC"}],
                "capabilities": {"extensions": [{"uri": "urn:example:haggling", "required": true}]},
            }),
            AgentProtocolError,
        ),
    ] {
        let served = card.clone();
        let agent = Scripted::agent_with_card(move |_| served.clone(), |_| text_reply("{}")).await;
        let (failed, unhealthy) = failure(call_at(&agent.url, LONG).await);
        assert_eq!(
            (failed.code, failed.retryable, unhealthy),
            (code, false, false),
            "{card}"
        );
        assert!(!failed.reached_agent, "{card}");
        assert_eq!(agent.requests().len(), 1, "{card}");
    }
}

#[tokio::test]
async fn without_a_card_the_failure_is_that_of_the_request_for_it() {
    for (status, code, retryable) in [
        ("404 Not Found", FailureCode::AgentHttpError, false),
        ("401 Unauthorized", FailureCode::AgentAuthError, false),
        ("503 Service Unavailable", FailureCode::AgentHttpError, true),
    ] {
        let agent = Scripted::start(move |_, _| http_reply(status, &[], b"")).await;
        let (failed, _) = failure(call_at(&agent.url, LONG).await);
        assert_eq!(
            (failed.code, failed.retryable, failed.reached_agent),
            (code, retryable, false),
            "{status}"
        );
    }
    let agent = Scripted::start(|_, _| text_reply(&" ".repeat(2 << 20))).await;
    assert_eq!(
        failure(call_at(&agent.url, LONG).await).0.code,
        FailureCode::AgentResponseTooLarge
    );
}

#[tokio::test]
async fn an_address_that_ends_in_json_is_that_of_the_card() {
    let agent =
        Scripted::agent(|request| result(request, &json!({"message": {"parts": [{"text": "hi"}]}}))).await;
    call_at(&format!("{}/cards/mine.json", agent.url), LONG).await;
    assert!(
        agent.requests()[0]
            .head
            .starts_with("GET /cards/mine.json HTTP/1.1\r\n")
    );
    assert_eq!(agent.calls("SendMessage"), 1);
}

#[tokio::test]
async fn an_agent_whose_connection_broke_has_its_card_read_again() {
    let agent = Scripted::agent(|_| Act::Send(vec![])).await;
    let runner = runner(&[("a", &agent.url)]).await;
    for _ in 0..2 {
        let outcome = runner
            .ask(&call("a", json!({}), LONG), &Accepted::default())
            .await;
        assert_eq!(failure(outcome).0.code, FailureCode::AgentConnectionLost);
    }
    let cards = agent
        .requests()
        .into_iter()
        .filter(|request| request.head.starts_with("GET "));
    assert_eq!((cards.count(), agent.calls("SendMessage")), (2, 2));
}

#[tokio::test]
async fn the_card_of_an_old_agent_is_found_in_its_place() {
    let agent = Scripted::start(|request, base| match request.head.split(' ').nth(1) {
        Some("/.well-known/agent.json") => json_reply(&card(base)),
        Some("/rpc") => result(request, &json!({"message": {"parts": [{"text": "hi"}]}})),
        _ => http_reply("404 Not Found", &[], b""),
    })
    .await;
    reply(call_at(&agent.url, LONG).await);
    assert_eq!(agent.requests().len(), 3);
}

fn hi(request: &Request) -> Act {
    result(request, &json!({"message": {"parts": [{"text": "hi"}]}}))
}

#[tokio::test]
async fn calls_at_the_same_time_share_one_reading_of_the_card() {
    let agent = Scripted::agent(hi).await;
    let runner = runner(&[("a", &agent.url)]).await;
    let attempts = (0..5).map(|_| attempt(&runner, LONG));
    join_all(attempts).await.into_iter().map(reply).for_each(drop);
    assert_eq!((agent.requests().len(), agent.calls("SendMessage")), (6, 5));
}

#[tokio::test]
async fn a_reading_that_fails_fails_for_all_who_wait_and_is_tried_again_by_the_next() {
    let broken = AtomicBool::new(true);
    let agent = Scripted::start(move |request, base| {
        if request.method() == "SendMessage" {
            hi(request)
        } else if broken.swap(false, Ordering::Relaxed) {
            http_reply("503 Service Unavailable", &[], b"")
        } else {
            json_reply(&card(base))
        }
    })
    .await;
    let runner = runner(&[("a", &agent.url)]).await;
    let attempts = (0..3).map(|_| attempt(&runner, LONG));
    for outcome in join_all(attempts).await {
        assert_eq!(failure(outcome).0.code, FailureCode::AgentHttpError);
    }
    reply(attempt(&runner, LONG).await);
    assert_eq!(agent.requests().len(), 3);
}

#[tokio::test]
async fn a_call_with_more_time_reads_the_card_again_that_one_with_less_gave_up() {
    let is_first = AtomicBool::new(true);
    let agent = Scripted::start(move |request, base| {
        if request.method() == "SendMessage" {
            hi(request)
        } else if is_first.swap(false, Ordering::Relaxed) {
            Act::Hang(Vec::new())
        } else {
            json_reply(&card(base))
        }
    })
    .await;
    let runner = runner(&[("a", &agent.url)]).await;
    let short = attempt(&runner, Duration::from_millis(50));
    let (given_up, answered) = tokio::join!(short, attempt(&runner, LONG));
    assert_eq!(failure(given_up).0.code, FailureCode::AgentTimeout);
    reply(answered);
}

/// Lets time pass for those who look at the clock.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_card_that_has_not_changed_is_not_sent_again() {
    let agent = Scripted::start(|request, base| {
        if request
            .head
            .to_lowercase()
            .contains("\r\nif-none-match: \"1\"\r\n")
        {
            return http_reply("304 Not Modified", &[], b"");
        }
        if request.head.starts_with("GET ") {
            let headers = [
                ("ETag", "\"1\""),
                ("Cache-Control", "max-age=600"),
                ("Content-Type", "application/json"),
            ];
            return http_reply("200 OK", &headers, card(base).to_string().as_bytes());
        }
        result(request, &json!({"message": {"parts": [{"text": "hi"}]}}))
    })
    .await;
    let runner = runner(&[("a", &agent.url)]).await;
    for (passed, cards) in [(0, 1), (599, 1), (2, 2), (59, 2)] {
        pass(Duration::from_secs(passed)).await;
        let call = call("a", json!({}), LONG);
        reply(runner.ask(&call, &Accepted::default()).await);
        let requests = agent.requests().into_iter();
        let read = requests
            .filter(|request| request.head.starts_with("GET "))
            .count();
        assert_eq!(read, cards, "after {passed} s");
    }
}

#[tokio::test]
async fn a_signed_card_is_taken_as_one_that_is_not_signed() {
    let signed = |base: String| {
        let mut card = card(&base);
        card["signatures"] =
            json!([{"protected": "eyJhbGciOiJFUzI1NiJ9", "signature": "bm9uZQ", "header": {}}]);
        card
    };
    let answer = |request: &Request| result(request, &json!({"message": {"parts": [{"text": "hi"}]}}));
    let agent = Scripted::agent_with_card(signed, answer).await;
    assert_eq!(
        reply(call_at(&agent.url, LONG).await).output,
        json!({"text": "hi"})
    );
}
