//! The limits of the way out, each on a real socket. That of whole bodies is among the hostile replies.

use std::time::Duration;

use agentchains_machine::{AttemptFailure, FailureCode};

use crate::{
    scripted::{Act, Scripted, http_reply},
    support::{LONG, attempt, call_at, failure, outbound, runner_through},
};

async fn failed(reply: &[u8], limit: Duration) -> AttemptFailure {
    let reply = reply.to_vec();
    let agent = Scripted::agent(move |_| Act::Send(reply.clone())).await;
    failure(call_at(&agent.url, limit).await).0
}

#[tokio::test]
async fn a_head_has_a_limit_of_bytes_and_of_headers() {
    let many = "x: y\r\n".repeat(1000);
    let long = format!("x: {}\r\n", "y".repeat(1 << 20));
    for headers in [many, long] {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
        let failed = failed(head.as_bytes(), LONG).await;
        assert_eq!(failed.code, FailureCode::AgentProtocolError, "{}", failed.message);
        assert!(failed.message.len() < 1024);
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up_without_being_kept() {
    let agent =
        Scripted::agent(|_| Act::Repeat(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'y'; 1 << 16])).await;
    let (failed, _) = failure(call_at(&agent.url, LONG).await);
    assert_eq!(failed.code, FailureCode::AgentProtocolError);
}

#[tokio::test]
async fn provisional_replies_without_end_take_no_longer_than_the_attempt() {
    let agent =
        Scripted::agent(|_| Act::Repeat(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".repeat(64))).await;
    let (failed, unhealthy) = failure(call_at(&agent.url, Duration::from_millis(300)).await);
    assert_eq!((failed.code, unhealthy), (FailureCode::AgentTimeout, true));
}

#[tokio::test]
async fn an_offer_of_another_protocol_is_no_answer() {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n";
    let failed = failed(switch, LONG).await;
    assert_eq!(
        (failed.code, failed.retryable),
        (FailureCode::AgentHttpError, false)
    );
}

#[tokio::test]
async fn a_body_of_which_no_further_piece_comes_is_lost() {
    let begun = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let agent = Scripted::agent(move |_| Act::Hang(begun.into())).await;
    let idle = outbound("loopback").with_idle_limit(Duration::from_millis(100));
    let runner = runner_through(idle, &agent.url).await;
    let (failed, unhealthy) = failure(attempt(&runner, LONG).await);
    assert_eq!((failed.code, unhealthy), (FailureCode::AgentConnectionLost, true));
    assert!(failed.retryable && failed.message.contains("nothing came for 100ms"));
}

#[tokio::test]
async fn compression_is_refused_before_it_is_offered() {
    let agent = Scripted::agent(|_| http_reply("500 Oops", &[], b"")).await;
    call_at(&agent.url, LONG).await;
    for request in agent.requests() {
        assert!(
            request.head.contains("accept-encoding: identity\r\n"),
            "{}",
            request.head
        );
    }
}
