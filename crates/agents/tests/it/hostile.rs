//! Agents that answer with rubbish, slowly, or not at all: each gets its code, and nothing else happens.

use std::{fmt::Write as _, time::Duration};

use agentchains_machine::{AttemptFailure, FailureCode};
use agentchains_ports::CallOutcome;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    scripted::{Act, Request, Scripted, error, http_reply, send_result, text_reply},
    support::{LONG, NOW, call_at, failure, reply},
};

/// Long enough for a request to arrive on loopback, and short for one who waits.
const SHORT: Duration = Duration::from_millis(300);

const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn against(script: impl Fn(&Request) -> Act + Send + Sync + 'static) -> (AttemptFailure, bool) {
    let agent = Scripted::agent(script).await;
    failure(call_at(&agent.url, LONG).await)
}

/// Replaces `$ID` by the id of the request.
fn with_id(body: &str) -> impl Fn(&Request) -> Act + Send + Sync + 'static {
    let body = body.to_owned();
    move |request| text_reply(&body.replace("$ID", &request.body["id"].to_string()))
}

#[tokio::test]
async fn what_the_protocol_does_not_allow_fails_for_good() {
    let nested = |depth: usize| {
        let data = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let status = r#"{"state":"TASK_STATE_COMPLETED"}"#;
        format!(
            r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"task":{{"id":"t","status":{status},"artifacts":[{{"parts":[{{"data":{data}}}]}}]}}}}}}"#
        )
    };
    for body in [
        "",
        "{",
        "<h1>",
        r#"{"jsonrpc":"2.0","id":$ID,"result":{}} <script>"#,
        r#"{"jsonrpc":"2.0","id":"other","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":$ID}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":{},"error":{"code":1,"message":"x"}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"task":{"id":"t"}}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"a":"\ud800"}}"#,
        &"[".repeat(100_000),
        &nested(129),
        &nested(100_000),
    ] {
        let (failed, unhealthy) = against(with_id(body)).await;
        let begin = body.get(..60).unwrap_or(body);
        assert_eq!(failed.code, FailureCode::AgentProtocolError, "{begin}");
        assert!(!failed.retryable && failed.reached_agent && !unhealthy, "{begin}");
        assert!(failed.message.len() <= 4096, "{begin}");
    }
}

#[tokio::test]
async fn a_value_may_be_nested_as_deep_as_one_may_be_whatever_is_around_it() {
    for (depth, is_kept) in [(1, true), (121, true), (128, true), (129, false)] {
        let data = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let task =
            r#"{"id":"t","status":{"state":"TASK_STATE_COMPLETED"},"artifacts":[{"parts":[{"data":$D}]}]}"#;
        let body = format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"task":{task}}}}}"#).replace("$D", &data);
        let agent = Scripted::agent(with_id(&body)).await;
        match call_at(&agent.url, LONG).await {
            CallOutcome::Reply(reply) => assert_eq!((is_kept, reply.output.depth()), (true, depth)),
            other => assert_eq!(
                (is_kept, failure(other).0.code),
                (false, FailureCode::AgentProtocolError)
            ),
        }
    }
}

#[tokio::test]
async fn a_number_beyond_what_can_be_represented_is_refused_by_that_name() {
    for result in [
        r#"{"task":{"id":"t","status":{"state":"TASK_STATE_COMPLETED"},"artifacts":[{"parts":[{"data":-1e400}]}]}}"#,
        r#"{"task":{"id":"t","status":{"state":"TASK_STATE_COMPLETED"},"metadata":{"cost_usd":1e400}}}"#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{result}}}"#);
        let (failed, _) = against(with_id(&body)).await;
        assert_eq!(failed.code, FailureCode::AgentProtocolError, "{result}");
        let named = "a number that is beyond what can be represented at line 1 column";
        assert!(failed.message.contains(named), "{}", failed.message);
    }
}

#[tokio::test]
async fn replies_that_say_they_are_something_else_than_json_are_against_the_protocol() {
    let id = |request: &Request| request.body["id"].to_string();
    let sound = move |request: &Request| format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, id(request));
    for headers in [
        vec![("Content-Type", "text/html")],
        vec![("Content-Type", "text/event-stream")],
        vec![JSON, ("Content-Encoding", "gzip, gzip")],
        vec![JSON, ("Content-Encoding", "zstd")],
        vec![
            JSON,
            ("Content-Encoding", "identity"),
            ("Content-Encoding", "gzip"),
        ],
    ] {
        let name = format!("{headers:?}");
        let (failed, _) =
            against(move |request| http_reply("200 OK", &headers, sound(request).as_bytes())).await;
        assert_eq!(failed.code, FailureCode::AgentProtocolError, "{name}");
    }
    let (failed, _) = against(|_| http_reply("200 OK", &[JSON], b"{\"a\":\"\xc0\xaf\"}")).await;
    assert_eq!(failed.code, FailureCode::AgentProtocolError);
    let (failed, _) = against(|_| http_reply("204 No Content", &[JSON], b"")).await;
    assert_eq!(failed.code, FailureCode::AgentProtocolError);
}

#[tokio::test]
async fn what_is_no_http_is_against_the_protocol() {
    for raw in [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 50\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
    ] {
        let (failed, unhealthy) = against(|_| Act::Send(raw.into())).await;
        assert_eq!(
            (failed.code, unhealthy),
            (FailureCode::AgentProtocolError, false),
            "{raw}"
        );
    }
}

#[tokio::test]
async fn a_status_of_failure_has_its_code_and_advice() {
    use FailureCode::{AgentAuthError, AgentHttpError, AgentRateLimited};
    for (status, code, retryable, unhealthy) in [
        ("401 Unauthorized", AgentAuthError, false, false),
        ("403 Forbidden", AgentAuthError, false, false),
        ("404 Not Found", AgentHttpError, false, false),
        ("408 Request Timeout", AgentHttpError, true, false),
        ("422 Unprocessable", AgentHttpError, false, false),
        ("429 Too Many Requests", AgentRateLimited, true, true),
        ("500 Oops", AgentHttpError, true, true),
        ("503 Service Unavailable", AgentHttpError, true, true),
    ] {
        let (failed, counted) =
            against(move |_| http_reply(status, &[JSON, ("Retry-After", "7")], b"{\"error\":\"why\"}")).await;
        assert_eq!(
            (failed.code, failed.retryable, counted),
            (code, retryable, unhealthy),
            "{status}"
        );
        assert_eq!(
            failed.retry_after,
            NOW.checked_add(Duration::from_secs(7)).ok(),
            "{status}"
        );
        assert!(
            failed.message.contains("agent \"a\"") && failed.message.contains("why"),
            "{}",
            failed.message
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let canary = Scripted::agent(|_| text_reply("{}")).await;
    let elsewhere = canary.url.clone();
    let (failed, _) =
        against(move |_| http_reply("307 Temporary Redirect", &[("Location", &elsewhere)], b"")).await;
    assert_eq!(
        (failed.code, failed.retryable),
        (FailureCode::AgentHttpError, false)
    );
    assert!(
        failed.message.contains("redirects are not followed"),
        "{}",
        failed.message
    );
    assert!(canary.requests().is_empty());
}

#[tokio::test]
async fn too_large_a_reply_is_given_up_whether_announced_or_not() {
    let announced = |_: &Request| Act::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9437184\r\n\r\n".to_vec());
    let chunked = |_: &Request| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        Act::Repeat(
            head.to_vec(),
            format!("10000\r\n{}\r\n", " ".repeat(0x10000)).into_bytes(),
        )
    };
    for (failed, unhealthy) in [against(announced).await, against(chunked).await] {
        assert_eq!(
            (failed.code, unhealthy),
            (FailureCode::AgentResponseTooLarge, false)
        );
        assert!(!failed.retryable);
    }
}

#[tokio::test]
async fn a_large_reply_within_the_limit_is_taken() {
    let text = "x".repeat(4 << 20);
    let rest = json!({"artifacts": [{"parts": [{"data": text}]}]});
    let agent = Scripted::agent(move |request| send_result(request, "COMPLETED", &rest)).await;
    assert_eq!(
        reply(call_at(&agent.url, LONG).await)
            .output
            .as_text()
            .map(|text| text.len()),
        Some(4 << 20)
    );
}

#[tokio::test]
async fn of_an_endless_error_only_the_beginning_is_read() {
    let endless = |_: &Request| {
        let head = b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n";
        Act::Repeat(
            head.to_vec(),
            format!("1000\r\n{}\r\n", "e".repeat(0x1000)).into_bytes(),
        )
    };
    let (failed, _) = against(endless).await;
    assert_eq!(failed.code, FailureCode::AgentHttpError);
    assert!(failed.message.len() < 2048);
}

#[tokio::test]
async fn a_connection_that_breaks_may_be_tried_again() {
    for raw in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ] {
        let (failed, unhealthy) = against(|_| Act::Send(raw.into())).await;
        assert_eq!(
            (failed.code, unhealthy),
            (FailureCode::AgentConnectionLost, true),
            "{raw}"
        );
        assert!(failed.retryable && failed.reached_agent);
    }
}

#[tokio::test]
async fn an_agent_that_does_not_answer_in_time_may_be_tried_again() {
    let drip = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n ";
    for raw in ["", "HTTP/1.1 200 OK\r\nx:", drip] {
        let agent = Scripted::agent(|_| Act::Hang(raw.into())).await;
        let (failed, unhealthy) = failure(call_at(&agent.url, SHORT).await);
        assert_eq!(
            (failed.code, unhealthy),
            (FailureCode::AgentTimeout, true),
            "{raw}"
        );
        assert!(failed.retryable && failed.reached_agent);
    }
}

#[tokio::test]
async fn a_tls_handshake_that_never_ends_reaches_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (failed, unhealthy) = failure(call_at(&url, SHORT).await);
    assert_eq!((failed.code, unhealthy), (FailureCode::AgentTimeout, true));
    assert!(failed.retryable && !failed.reached_agent);
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (failed, unhealthy) = failure(call_at(&format!("http://{address}/secret"), LONG).await);
    assert_eq!((failed.code, unhealthy), (FailureCode::AgentUnreachable, true));
    assert!(failed.retryable && !failed.reached_agent);
    assert!(
        failed.message.contains(&address.to_string()) && !failed.message.contains("secret"),
        "{}",
        failed.message
    );
}

#[tokio::test]
async fn errors_of_json_rpc_are_told_apart() {
    use FailureCode::{AgentFailed, AgentProtocolError};
    for (code, expected, retryable) in [
        (-32700, AgentProtocolError, false),
        (-32602, AgentProtocolError, false),
        (-32603, AgentFailed, true),
        (-32005, AgentFailed, false),
        (-32009, AgentFailed, false),
        (1, AgentFailed, true),
    ] {
        let (failed, unhealthy) = against(move |request| error(request, code)).await;
        assert_eq!((failed.code, failed.retryable), (expected, retryable), "{code}");
        assert!(!unhealthy);
    }
}

#[tokio::test]
async fn the_ids_of_tasks_have_a_limit() {
    let rest = json!({"id": "x".repeat(1_000_000)});
    let (failed, _) = against(move |request| send_result(request, "COMPLETED", &rest)).await;
    assert_eq!(failed.code, FailureCode::AgentProtocolError);
}

#[tokio::test]
async fn what_an_agent_says_about_its_failure_is_quoted_without_control_characters() {
    let mut said = "\u{1b}[2J\r\nINFO forged".to_owned();
    write!(said, "{}", "x".repeat(10_000)).unwrap();
    let status = json!({"state": "TASK_STATE_FAILED", "message": {"parts": [{"text": said}]}});
    let (failed, _) =
        against(move |request| send_result(request, "FAILED", &json!({"status": status}))).await;
    assert_eq!(failed.code, FailureCode::AgentFailed);
    assert!(failed.message.contains("INFO forged") && !failed.message.contains(char::is_control));
    assert!(failed.message.len() < 2048);
}
