//! Tools of MCP servers, of both generations of the protocol.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agentchains_agents::AgentRunner;
use agentchains_cost::ReportedCost;
use serde_json::{Value, json};

use super::{Heard, attempt, make, runner};
use crate::{
    scripted::{Act, Request, Scripted, error, http_reply, json_reply, result},
    support::{Ask as _, LONG, call, failure, reply},
};

/// A server of the generation that has sessions, which answers the calls of tools by the script.
fn older(request: &Request, tools: impl Fn(&Request) -> Act) -> Act {
    match request.method() {
        "initialize" => {
            let initialized = json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "scripted", "version": "1"},
            });
            let body = json!({"jsonrpc": "2.0", "id": request.body["id"], "result": initialized}).to_string();
            let headers = [("Content-Type", "application/json"), ("Mcp-Session-Id", "s-1")];
            http_reply("200 OK", &headers, body.as_bytes())
        }
        "tools/call" => tools(request),
        method if method.starts_with("notifications/") => http_reply("202 Accepted", &[], b""),
        // What it does not know, it refuses before it has looked at what it is.
        _ => http_reply("400 Bad Request", &[], b"Bad Request: no session"),
    }
}

/// A server of the generation without sessions.
pub(super) fn newer(request: &Request, tools: impl Fn(&Request) -> Act) -> Act {
    match request.method() {
        "server/discover" => {
            let discovered = json!({
                "resultType": "complete",
                "supportedVersions": ["2025-11-25", "2026-07-28"],
                "capabilities": {"tools": {}},
                "ttlMs": 0,
                "cacheScope": "private",
            });
            result(request, &discovered)
        }
        "tools/call" => tools(request),
        _ => error(request, -32601),
    }
}

fn text_result(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

fn is_ended(request: &Request) -> bool {
    request.head.starts_with("DELETE ")
}

async fn agent_of(server: &Scripted) -> AgentRunner {
    runner(
        &format!("{}/mcp", server.url),
        "mcp",
        json!({"mcp": {"tool": "search"}}),
    )
    .await
}

#[tokio::test]
async fn a_tool_is_called_in_a_session_that_later_calls_share() {
    let tools = |request: &Request| result(request, &text_result("{\"hits\": 2.0}"));
    let server = Scripted::start(move |request, _| older(request, tools)).await;
    let runner = agent_of(&server).await;
    for _ in 0..2 {
        let reply = reply(attempt(&runner, json!({"q": "x"})).await);
        assert_eq!(reply.output, json!({"hits": 2}));
    }
    let methods: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.method().to_owned())
        .collect();
    assert_eq!(
        methods,
        [
            "server/discover",
            "initialize",
            "notifications/initialized",
            "tools/call",
            "tools/call"
        ]
    );
    let last = server.requests().pop().unwrap();
    let head = last.head.to_lowercase();
    assert!(head.contains("\r\nmcp-session-id: s-1\r\n"), "{head}");
    assert!(
        head.contains("\r\nmcp-protocol-version: 2025-06-18\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nuser-agent: agentchains/"), "{head}");
    assert_eq!(
        (&last.body["params"]["name"], &last.body["params"]["arguments"]),
        (&json!("search"), &json!({"q": "x"}))
    );
}

#[tokio::test]
async fn a_server_without_sessions_is_called_with_what_it_needs_in_each_request() {
    let tools = |request: &Request| {
        let called = json!({
            "resultType": "complete",
            "content": [{"type": "text", "text": "two"}],
            "structuredContent": {"hits": 2},
            "_meta": {"cost_usd": "0.5", "usage": {"input_tokens": 7}},
        });
        result(request, &called)
    };
    let server = Scripted::start(move |request, _| newer(request, tools)).await;
    let reply = reply(attempt(&agent_of(&server).await, json!({})).await);
    assert_eq!(reply.output, json!({"hits": 2}));
    assert_eq!(reply.cost, ReportedCost::Usd("0.5".parse().unwrap()));
    assert_eq!(reply.usage.unwrap().input_tokens, Some(7));
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let head = requests[1].head.to_lowercase();
    for header in [
        "mcp-protocol-version: 2026-07-28",
        "mcp-method: tools/call",
        "mcp-name: search",
    ] {
        assert!(head.contains(&format!("\r\n{header}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn the_config_names_the_tool_and_its_arguments() {
    for (config, tool, arguments) in [
        (json!({}), "search", json!({"topic": "quantum computing"})),
        (json!({"q": 1}), "search", json!({"q": 1})),
        (
            json!({"tool": "add", "arguments": {"a": 1}, "note": "x"}),
            "add",
            json!({"a": 1}),
        ),
    ] {
        let tools = |request: &Request| result(request, &text_result("ok"));
        let server = Scripted::start(move |request, _| newer(request, tools)).await;
        reply(attempt(&agent_of(&server).await, config).await);
        let params = server.requests().pop().unwrap().body["params"].clone();
        assert_eq!(
            (&params["name"], &params["arguments"]),
            (&json!(tool), &arguments)
        );
    }
}

#[tokio::test]
async fn what_cannot_be_called_is_not_sent() {
    let server = Scripted::start(|request, _| error(request, -32601)).await;
    let with_tool = agent_of(&server).await;
    let without_tool = runner(&server.url, "mcp", json!({})).await;
    for (runner, config, said) in [
        (without_tool, json!({}), "which tool"),
        (with_tool, json!({"arguments": [1]}), "`arguments`"),
    ] {
        let (failure, unhealthy) = failure(attempt(&runner, config).await);
        assert_eq!(
            (
                failure.code.as_str(),
                failure.retryable,
                failure.reached_agent,
                unhealthy
            ),
            ("agent_failed", false, false, false)
        );
        assert!(failure.message.contains(said), "{}", failure.message);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_result_may_come_at_the_end_of_a_stream() {
    let tools = |request: &Request| {
        let done = json!({"jsonrpc": "2.0", "id": request.body["id"], "result": text_result("done")});
        let events = format!(": hello\r\n\r\nevent: message\r\ndata: {done}\r\n\r\n");
        http_reply(
            "200 OK",
            &[("Content-Type", "text/event-stream")],
            events.as_bytes(),
        )
    };
    let server = Scripted::start(move |request, _| older(request, tools)).await;
    let reply = reply(attempt(&agent_of(&server).await, json!({})).await);
    assert_eq!(reply.output, json!({"text": "done"}));
}

#[tokio::test]
async fn progress_is_passed_on_and_a_call_that_is_given_up_is_cancelled() {
    let tools = |request: &Request| {
        let token = &request.body["params"]["_meta"]["progressToken"];
        let note = json!({
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {"progressToken": token, "progress": 1, "total": 2, "message": "halfway"},
        });
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        Act::Hang(format!("{head}data: {note}\n\n").into_bytes())
    };
    let server = Scripted::start(move |request, _| older(request, tools)).await;
    let (heard, runner) = (Heard::default(), agent_of(&server).await);
    let attempt = call("a", json!({}), LONG);
    tokio::select! {
        outcome = runner.ask(&attempt, &heard) => panic!("it never ends, but: {outcome:?}"),
        () = until(|| *heard.0.lock().unwrap() == ["halfway"]) => {}
    }
    until(|| server.calls("notifications/cancelled") == 1).await;
    drop(runner);
    until(|| server.requests().iter().any(is_ended)).await;
}

#[tokio::test]
async fn a_session_that_the_server_has_forgotten_is_begun_again() {
    let forgotten = Arc::new(AtomicBool::new(true));
    let tools = move |request: &Request| {
        if forgotten.swap(false, Ordering::Relaxed) {
            return http_reply("404 Not Found", &[], b"");
        }
        result(request, &text_result("ok"))
    };
    let server = Scripted::start(move |request, _| older(request, &tools)).await;
    let reply = reply(attempt(&agent_of(&server).await, json!({})).await);
    assert_eq!(reply.output, json!({"text": "ok"}));
    assert_eq!((server.calls("initialize"), server.calls("tools/call")), (2, 2));
}

#[tokio::test]
async fn a_failure_says_whether_another_attempt_may_help() {
    for (act, code, retryable, is_unhealthy) in [
        (Fault::Tool, "agent_failed", true, false),
        (Fault::Error(-32602), "agent_failed", false, false),
        (Fault::Error(-32603), "agent_failed", true, false),
        (
            Fault::Status("401 Unauthorized"),
            "agent_auth_error",
            false,
            false,
        ),
        (
            Fault::Status("429 Too Many Requests"),
            "agent_rate_limited",
            true,
            true,
        ),
        (
            Fault::Status("503 Service Unavailable"),
            "agent_http_error",
            true,
            true,
        ),
        (Fault::NoMessage, "agent_protocol_error", false, false),
        (Fault::BrokenStream, "agent_connection_lost", true, true),
    ] {
        let server = Scripted::start(move |request, _| newer(request, |request| act.play(request))).await;
        let (failure, unhealthy) = failure(attempt(&agent_of(&server).await, json!({})).await);
        assert_eq!(
            (failure.code.as_str(), failure.retryable, unhealthy),
            (code, retryable, is_unhealthy),
            "{act:?}: {}",
            failure.message
        );
        assert!(failure.reached_agent, "{act:?}");
        assert_eq!(server.calls("tools/call"), 1, "{act:?}");
    }
}

/// How a call of a tool goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Tool,
    Error(i64),
    Status(&'static str),
    NoMessage,
    BrokenStream,
}

impl Fault {
    fn play(self, request: &Request) -> Act {
        match self {
            Self::Tool => {
                let mut failed = text_result("no disk");
                failed["isError"] = json!(true);
                result(request, &failed)
            }
            Self::Error(code) => error(request, code),
            Self::Status(status) => http_reply(status, &[], b"no"),
            Self::NoMessage => json_reply(&json!({"hello": 1})),
            Self::BrokenStream => http_reply("200 OK", &[("Content-Type", "text/event-stream")], b": hi\n\n"),
        }
    }
}

#[tokio::test]
async fn a_server_that_refuses_to_begin_was_not_asked_for_the_tool() {
    let server = Scripted::start(|_, _| http_reply("401 Unauthorized", &[], b"who?")).await;
    let (failure, unhealthy) = failure(attempt(&agent_of(&server).await, json!({})).await);
    assert_eq!(
        (failure.code.as_str(), failure.reached_agent, unhealthy),
        ("agent_auth_error", false, false)
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_unhealthy() {
    let server = Scripted::start(|_, _| Act::Hang(Vec::new())).await;
    let slow = call("a", json!({}), Duration::from_millis(50));
    let (failure, unhealthy) = failure(make(&agent_of(&server).await, &slow).await);
    assert_eq!((failure.code.as_str(), unhealthy), ("agent_timeout", true));
}

/// Lets other tasks go on until something holds, as the server hears of it in its own time.
async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.unwrap();
}
