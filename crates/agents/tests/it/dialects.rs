//! The versions and bindings of A2A: what is sent in each, how it is answered, and how the right one is found.

use std::sync::atomic::{AtomicUsize, Ordering};

use agentchains_machine::{AgentAnswer, ApprovalId, Call, FailureCode, MessageId, RemoteCancel, RemoteTask};
use agentchains_ports::CallOutcome;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    scripted::{Act, Request, Scripted, error, http_reply, json_reply, result, send_result, task},
    support::{Accepted, Ask as _, LONG, call, call_at, cancel_at, failure, output, reply, runner},
};

/// An agent that offers one interface of this binding and version.
async fn speaking(
    binding: &'static str,
    version: &'static str,
    script: impl Fn(&Request) -> Act + Send + Sync + 'static,
) -> Scripted {
    Scripted::start(move |request, base| {
        if is_for_card(request) {
            let interface = json!({"url": format!("{base}/a/"), "protocolBinding": binding, "protocolVersion": version, "tenant": ""});
            return json_reply(&json!({"name": "x", "supportedInterfaces": [interface]}));
        }
        script(request)
    })
    .await
}

fn is_for_card(request: &Request) -> bool {
    request.head.contains("/.well-known/")
}

/// The method and the target of a request.
fn target(request: &Request) -> &str {
    request.head.split(" HTTP/").next().unwrap_or_default()
}

/// The header of this name, in small letters.
fn header(request: &Request, name: &str) -> Option<String> {
    let head = request.head.to_lowercase();
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.map(str::to_owned)
}

/// What was asked of an agent, its card apart.
fn asked(agent: &Scripted) -> Vec<Request> {
    let requests = agent.requests().into_iter();
    requests.filter(|request| !is_for_card(request)).collect()
}

fn done() -> Value {
    task(
        "COMPLETED",
        &json!({"artifacts": [{"parts": [{"data": {"n": 1.0}}]}]}),
    )
}

/// What is refused over HTTP+JSON.
fn refused(status: &str, reason: &str) -> Act {
    let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]);
    let code: u32 = status[..3].parse().unwrap();
    let body = json!({"error": {"code": code, "message": "no", "details": details}});
    http_reply(
        status,
        &[("Content-Type", "application/json")],
        body.to_string().as_bytes(),
    )
}

fn resumed() -> Call {
    Call {
        remote_task: Some(RemoteTask {
            task_id: "t-1".to_owned(),
            context_id: None,
        }),
        ..call("a", json!({}), LONG)
    }
}

async fn go_on(agent: &Scripted) -> CallOutcome {
    let runner = runner(&[("a", agent.url.as_str())]).await;
    runner.ask(&resumed(), &Accepted::default()).await
}

#[tokio::test]
async fn over_http_a_task_is_made_asked_for_and_cancelled_by_its_address() {
    let looks = AtomicUsize::new(0);
    let agent = speaking("HTTP+JSON", "1.0", move |request| match target(request) {
        "POST /a/message:send" => json_reply(&json!({"task": task("SUBMITTED", &json!({}))})),
        "GET /a/tasks/t-1?historyLength=0" if looks.fetch_add(1, Ordering::Relaxed) == 0 => {
            json_reply(&task("WORKING", &json!({})))
        }
        "GET /a/tasks/t-1?historyLength=0" => json_reply(&done()),
        "POST /a/tasks/t-1:cancel" => json_reply(&task("CANCELED", &json!({}))),
        _ => http_reply("418 Teapot", &[], b""),
    })
    .await;
    assert_eq!(output(&reply(call_at(&agent.url, LONG).await)), json!({"n": 1}));
    let sent = asked(&agent).remove(0);
    assert_eq!(sent.body["message"]["role"], "ROLE_USER");
    assert_eq!(
        sent.body["configuration"],
        json!({"returnImmediately": true, "historyLength": 0})
    );
    assert_eq!(
        header(&sent, "content-type").as_deref(),
        Some("application/a2a+json")
    );
    assert_eq!(header(&sent, "a2a-version").as_deref(), Some("1.0"));
    assert_eq!(cancel_at(&agent.url, "t-1").await, RemoteCancel::Confirmed);
}

#[tokio::test]
async fn over_http_a_refusal_is_understood_by_its_reason() {
    let lost = speaking("HTTP+JSON", "1.0", |_| refused("404 Not Found", "TASK_NOT_FOUND")).await;
    assert_eq!(go_on(&lost).await, CallOutcome::TaskLost);

    let ended = speaking("HTTP+JSON", "1.0", |request| match target(request) {
        "POST /a/tasks/t-1:cancel" => refused("400 Bad Request", "TASK_NOT_CANCELABLE"),
        _ => json_reply(&done()),
    })
    .await;
    assert_eq!(cancel_at(&ended.url, "t-1").await, RemoteCancel::Refused);

    use FailureCode::{AgentAuthError, AgentFailed, AgentHttpError, AgentRateLimited};
    for (status, reason, code, retryable) in [
        (
            "400 Bad Request",
            "CONTENT_TYPE_NOT_SUPPORTED",
            AgentFailed,
            false,
        ),
        ("404 Not Found", "SOMETHING_ELSE", AgentHttpError, false),
        ("403 Forbidden", "UNSUPPORTED_OPERATION", AgentAuthError, false),
        ("429 Too Many Requests", "TASK_NOT_FOUND", AgentRateLimited, true),
        ("503 Busy", "UNSUPPORTED_OPERATION", AgentHttpError, true),
    ] {
        let agent = speaking("HTTP+JSON", "1.0", move |_| refused(status, reason)).await;
        let (failed, _) = failure(call_at(&agent.url, LONG).await);
        assert_eq!((failed.code, failed.retryable), (code, retryable), "{status}");
    }
}

#[tokio::test]
async fn over_http_the_tenant_comes_before_the_rest_and_events_are_bare() {
    let agent = Scripted::start(|request, base| {
        if is_for_card(request) {
            let interface = json!({"url": base, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0", "tenant": "acme"});
            return json_reply(&json!({"capabilities": {"streaming": true}, "supportedInterfaces": [interface]}));
        }
        match target(request) {
            "POST /acme/message:stream" => {
                let event = json!({"task": done()});
                let event_stream = [("Content-Type", "text/event-stream")];
                http_reply("200 OK", &event_stream, format!("data: {event}\r\n\r\n").as_bytes())
            }
            "GET /acme/tasks/t-1?historyLength=0" => json_reply(&done()),
            _ => http_reply("418 Teapot", &[], b""),
        }
    })
    .await;
    assert_eq!(output(&reply(call_at(&agent.url, LONG).await)), json!({"n": 1}));
    assert_eq!(asked(&agent).len(), 2);
}

/// A task of version 0.3.
fn old_task(state: &str, rest: &Value) -> Value {
    let mut task = json!({"kind": "task", "id": "t-1", "contextId": "c-1", "status": {"state": state}});
    for (name, value) in rest.as_object().unwrap() {
        task[name] = value.clone();
    }
    task
}

#[tokio::test]
async fn in_version_0_3_a_task_is_made_asked_for_and_cancelled() {
    let parts = json!([
        {"kind": "text", "text": "see"},
        {"kind": "data", "data": {"n": 1.0}},
        {"kind": "file", "file": {"bytes": "_-8", "mimeType": "text/csv", "name": "out.csv"}},
        {"kind": "file", "file": {"uri": "https://example.com/r.pdf"}},
    ]);
    let looks = AtomicUsize::new(0);
    let agent = speaking("JSONRPC", "0.3.0", move |request| match request.method() {
        "message/send" => result(request, &old_task("submitted", &json!({}))),
        "tasks/get" if looks.fetch_add(1, Ordering::Relaxed) == 0 => {
            result(request, &old_task("working", &json!({})))
        }
        "tasks/get" => {
            let rest = json!({"artifacts": [{"artifactId": "a", "parts": parts}]});
            result(request, &old_task("completed", &rest))
        }
        "tasks/cancel" => result(request, &old_task("canceled", &json!({}))),
        _ => error(request, -32601),
    })
    .await;
    let expected = json!({"parts": [
        {"text": "see"}, {"data": {"n": 1}},
        {"raw": "/+8=", "mediaType": "text/csv", "filename": "out.csv"}, {"url": "https://example.com/r.pdf"},
    ]});
    assert_eq!(output(&reply(call_at(&agent.url, LONG).await)), expected);
    let sent = asked(&agent).remove(0);
    let message = &sent.body["params"]["message"];
    assert_eq!(
        (&message["kind"], &message["role"]),
        (&json!("message"), &json!("user"))
    );
    assert_eq!(message["parts"][0]["kind"], "data");
    assert_eq!(
        sent.body["params"]["configuration"],
        json!({"blocking": false, "historyLength": 0})
    );
    assert_eq!((target(&sent), header(&sent, "a2a-version")), ("POST /a/", None));
    assert_eq!(cancel_at(&agent.url, "t-1").await, RemoteCancel::Confirmed);
}

#[tokio::test]
async fn in_version_0_3_a_stream_may_end_in_a_question_that_is_not_called_final() {
    let agent = Scripted::start(|request, base| {
        if is_for_card(request) {
            return json_reply(&json!({"name": "old", "url": base, "capabilities": {"streaming": true}}));
        }
        let message = json!({"kind": "message", "messageId": "q", "role": "agent", "parts": [{"kind": "text", "text": "Which?"}]});
        let asks = json!({"state": "input-required", "message": message});
        let event = json!({"kind": "status-update", "taskId": "t-1", "contextId": "c-1", "status": asks, "final": false});
        match request.method() {
            "message/stream" => {
                let event = json!({"jsonrpc": "2.0", "id": request.body["id"], "result": event});
                let event_stream = [("Content-Type", "text/event-stream")];
                http_reply("200 OK", &event_stream, format!("data: {event}\n\n").as_bytes())
            }
            _ => result(request, &old_task("", &json!({"status": asks}))),
        }
    })
    .await;
    let CallOutcome::InputRequired(question) = call_at(&agent.url, LONG).await else {
        panic!("it asks")
    };
    assert_eq!(
        (question.message.as_str(), question.id.as_deref()),
        ("Which?", Some("q"))
    );
}

#[tokio::test]
async fn in_version_0_3_an_answer_whose_data_are_no_object_is_text() {
    let agent = speaking("JSONRPC", "0.3", |request| match request.method() {
        "message/send" => result(request, &old_task("completed", &json!({}))),
        _ => result(request, &old_task("input-required", &json!({}))),
    })
    .await;
    let question = match go_on(&agent).await {
        CallOutcome::InputRequired(question) => question,
        other => panic!("it asks: {other:?}"),
    };
    let answer = AgentAnswer {
        message_id: MessageId::of_answer(ApprovalId::from_uuid(Uuid::from_u128(9))),
        question_id: question.id,
        comment: Some("two".to_owned()),
        data: Some(json!(2)),
    };
    let call = Call {
        answer: Some(Box::new(answer)),
        ..resumed()
    };
    let runner = runner(&[("a", agent.url.as_str())]).await;
    reply(runner.ask(&call, &Accepted::default()).await);
    let requests = agent.requests();
    let sent = requests
        .iter()
        .find(|request| request.method() == "message/send")
        .unwrap();
    let message = &sent.body["params"]["message"];
    let text = |text: &str| json!({"kind": "text", "text": text});
    assert_eq!(message["parts"], json!([text("two"), text("2")]));
    assert_eq!(
        (&message["kind"], &message["taskId"]),
        (&json!("message"), &json!("t-1"))
    );
}

#[tokio::test]
async fn in_version_0_3_no_task_is_looked_for() {
    let agent = speaking("JSONRPC", "0.3", |_| Act::Send(vec![])).await;
    assert_eq!(
        failure(call_at(&agent.url, LONG).await).0.code,
        FailureCode::AgentConnectionLost
    );
    assert_eq!(asked(&agent).len(), 1);
    let call = Call {
        is_lookup: true,
        ..call("a", json!({}), LONG)
    };
    let runner = runner(&[("a", agent.url.as_str())]).await;
    let outcome = runner.ask(&call, &Accepted::default()).await;
    assert_eq!((outcome, asked(&agent).len()), (CallOutcome::TaskLost, 1));
}

#[tokio::test]
async fn an_agent_that_turns_out_to_be_older_than_its_card_is_remembered_as_such() {
    let unversioned =
        |base: &str| json!({"supportedInterfaces": [{"url": base, "protocolBinding": "JSONRPC"}]});
    let hybrid = |base: &str| {
        let interface = json!({"url": base, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"});
        json!({"supportedInterfaces": [interface], "url": base, "protocolVersion": "0.3.0"})
    };
    type Card = fn(&str) -> Value;
    for (card, code) in [
        (unversioned as Card, -32601),
        (unversioned, -32009),
        (hybrid, -32009),
    ] {
        let agent = Scripted::start(move |request, base| {
            if is_for_card(request) {
                return json_reply(&card(base));
            }
            match request.method() {
                "message/send" => result(request, &old_task("completed", &json!({}))),
                _ => error(request, code),
            }
        })
        .await;
        let runner = runner(&[("a", agent.url.as_str())]).await;
        for _ in 0..2 {
            reply(
                runner
                    .ask(&call("a", json!({}), LONG), &Accepted::default())
                    .await,
            );
        }
        assert_eq!(
            (agent.calls("SendMessage"), agent.calls("message/send")),
            (1, 2),
            "{code}"
        );
    }
}

#[tokio::test]
async fn an_agent_whose_card_names_version_1_alone_is_asked_in_no_other() {
    for code in [-32601, -32009] {
        let agent = speaking("JSONRPC", "1.0", move |request| error(request, code)).await;
        let (failed, _) = failure(call_at(&agent.url, LONG).await);
        assert!(!failed.retryable);
        assert_eq!(asked(&agent).len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_direct_answer_is_understood_in_each_dialect() {
    let v1 = json!({"message": {"messageId": "m", "parts": [{"text": "hi"}]}});
    let old = json!({"kind": "message", "messageId": "m", "parts": [{"kind": "text", "text": "hi"}]});
    for (binding, version, answer) in [
        ("JSONRPC", "1.0", v1.clone()),
        ("JSONRPC", "0.3", old),
        ("HTTP+JSON", "1.1", v1),
    ] {
        let agent = speaking(binding, version, move |request| match binding {
            "HTTP+JSON" => json_reply(&answer),
            _ => result(request, &answer),
        })
        .await;
        assert_eq!(
            output(&reply(call_at(&agent.url, LONG).await)),
            json!({"text": "hi"})
        );
    }
}

#[tokio::test]
async fn a_task_is_finished_in_each_dialect_by_the_interface_that_is_preferred() {
    let agent = Scripted::start(|request, base| {
        if is_for_card(request) {
            let offer = |path: &str, binding: &str, version: &str| {
                json!({"url": format!("{base}/{path}"), "protocolBinding": binding, "protocolVersion": version})
            };
            return json_reply(&json!({"supportedInterfaces": [
                offer("old", "JSONRPC", "0.3"), offer("rpc", "JSONRPC", "1.0"), offer("rest", "HTTP+JSON", "1.0"),
            ]}));
        }
        send_result(request, "COMPLETED", &json!({}))
    })
    .await;
    reply(call_at(&agent.url, LONG).await);
    assert_eq!(target(&asked(&agent)[0]), "POST /rpc");
}
