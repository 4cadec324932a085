//! Streams: what is told while an agent works, what it comes to, and what happens when they break.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use agentchains_machine::{FailureCode, RemoteTask};
use agentchains_ports::{CallOutcome, CallProgress};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{
    scripted::{Act, Request, Scripted, card, error, http_reply, result, send_result, task},
    support::{Ask as _, LONG, call, failure, output, reply, runner},
};

/// Remembers what was told.
#[derive(Default)]
struct Told {
    tasks: Mutex<Vec<RemoteTask>>,
    words: Mutex<Vec<String>>,
}

#[async_trait]
impl CallProgress for Told {
    async fn task_accepted(&self, task: RemoteTask) {
        self.tasks.lock().unwrap().push(task);
    }

    fn said(&self, text: &str) {
        self.words.lock().unwrap().push(text.to_owned());
    }
}

/// An agent whose card says that it streams.
async fn streaming(script: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Scripted {
    let card = |base: String| {
        let mut card = card(&base);
        card["capabilities"] = json!({"streaming": true});
        card
    };
    Scripted::agent_with_card(card, script).await
}

/// An agent that answers a message by these events, and a question about the task by `on_get`.
async fn telling(events: Vec<Value>, on_get: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Scripted {
    streaming(move |request| match request.method() {
        "SendStreamingMessage" => stream(request, &events),
        "GetTask" => on_get(request),
        _ => error(request, -32004),
    })
    .await
}

/// The whole of a stream.
fn stream(request: &Request, events: &[Value]) -> Act {
    http_reply("200 OK", &[EVENT_STREAM], lines(request, events).as_bytes())
}

const EVENT_STREAM: (&str, &str) = ("Content-Type", "text/event-stream; charset=utf-8");

fn lines(request: &Request, events: &[Value]) -> String {
    let line = |event: &Value| {
        let response = json!({"jsonrpc": "2.0", "id": request.body["id"], "result": event});
        format!("data: {response}\n\n")
    };
    events.iter().map(line).collect()
}

/// The beginning of a stream that goes on.
fn beginning(of: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{of}").into_bytes()
}

fn submitted() -> Value {
    json!({"task": task("SUBMITTED", &json!({}))})
}

/// The task comes to be in a state, saying this, with metadata.
fn status(state: &str, says: &str, metadata: &Value) -> Value {
    let mut status = json!({"state": format!("TASK_STATE_{state}")});
    if !says.is_empty() {
        status["message"] = json!({"messageId": says, "parts": [{"text": says}]});
    }
    json!({"statusUpdate": {"taskId": "t-1", "contextId": "c-1", "status": status, "metadata": metadata}})
}

fn artifact(id: &str, part: &Value, appends: bool) -> Value {
    let artifact = json!({"artifactId": id, "parts": [part]});
    json!({"artifactUpdate": {"taskId": "t-1", "contextId": "c-1", "artifact": artifact, "append": appends}})
}

fn done(data: &Value) -> Value {
    task("COMPLETED", &json!({"artifacts": [{"parts": [{"data": data}]}]}))
}

async fn call_told(agent: &Scripted, told: &Told) -> CallOutcome {
    let runner = runner(&[("a", agent.url.as_str())]).await;
    runner.ask(&call("a", json!({}), LONG), told).await
}

async fn outcome(agent: &Scripted) -> CallOutcome {
    call_told(agent, &Told::default()).await
}

#[tokio::test]
async fn what_an_agent_tells_while_it_works_is_passed_on_and_its_artifacts_are_put_together() {
    let events = vec![
        submitted(),
        status("WORKING", "Looking", &json!({})),
        artifact("a", &json!({"text": "draft"}), false),
        artifact("a", &json!({"text": "one"}), false),
        artifact("b", &json!({"data": {"n": 2.0}}), false),
        artifact("a", &json!({"text": "two"}), true),
        status("COMPLETED", "", &json!({})),
    ];
    let agent = telling(events, |request| error(request, -32001)).await;
    let told = Told::default();
    let reply = reply(call_told(&agent, &told).await);
    assert_eq!(
        output(&reply),
        json!({"parts": [{"text": "one"}, {"text": "two"}, {"data": {"n": 2}}]})
    );
    assert_eq!(*told.words.lock().unwrap(), ["Looking", "draft", "one", "two"]);
    let tasks = told.tasks.lock().unwrap();
    assert_eq!((tasks.len(), tasks[0].task_id.as_str()), (1, "t-1"));
    assert_eq!(tasks[0].context_id.as_deref(), Some("c-1"));
    assert_eq!(
        (
            agent.calls("SendStreamingMessage"),
            agent.calls("SendMessage"),
            agent.calls("GetTask")
        ),
        (1, 0, 1)
    );
    let sent = agent
        .requests()
        .into_iter()
        .find(|request| request.method() == "SendStreamingMessage");
    let head = sent.unwrap().head.to_lowercase();
    assert!(head.contains("\r\naccept: text/event-stream\r\n"), "{head}");
}

#[tokio::test]
async fn the_task_itself_has_the_last_word() {
    for (seen, expected) in [
        (done(&json!("final")), json!("final")),
        // What it leaves out, or sees late, was told before.
        (task("COMPLETED", &json!({})), json!({"text": "told"})),
        (task("WORKING", &json!({})), json!({"text": "told"})),
    ] {
        let events = vec![
            status("WORKING", "", &json!({})),
            artifact("a", &json!({"text": "told"}), false),
            status("COMPLETED", "", &json!({})),
        ];
        let agent = telling(events, move |request| result(request, &seen)).await;
        assert_eq!(output(&reply(outcome(&agent).await)), expected);
        assert_eq!(agent.calls("GetTask"), 1);
    }
}

#[tokio::test]
async fn what_each_call_of_a_model_used_is_added_up() {
    let used = |tokens: u32| json!({"adk_usage_metadata": {"promptTokenCount": f64::from(tokens), "candidatesTokenCount": 1.0}});
    let events = vec![
        submitted(),
        status("WORKING", "", &used(1000)),
        status("WORKING", "", &used(2000)),
        status("COMPLETED", "", &json!({})),
    ];
    let last = used(2000);
    let agent = telling(events, move |request| {
        result(request, &task("COMPLETED", &json!({"metadata": last})))
    })
    .await;
    let usage = reply(outcome(&agent).await).usage.unwrap();
    assert_eq!(
        (usage.input_tokens, usage.output_tokens, usage.lower_bound),
        (Some(3000), Some(2), false)
    );
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_taken_up_again_and_nothing_is_sent_twice() {
    for cut in ["", ": still here\n\n", "data: {\"jsonrpc\""] {
        let asked = AtomicUsize::new(0);
        let agent = streaming(move |request| match request.method() {
            "SendStreamingMessage" => {
                let told = [submitted(), artifact("a", &json!({"text": "half"}), false)];
                Act::Send(beginning(&format!("{}{cut}", lines(request, &told))))
            }
            "GetTask" if asked.fetch_add(1, Ordering::Relaxed) == 0 => {
                result(request, &task("WORKING", &json!({})))
            }
            "SubscribeToTask" => {
                let working = json!({"task": task("WORKING", &json!({}))});
                stream(request, &[working, status("COMPLETED", "", &json!({}))])
            }
            _ => result(request, &done(&json!("whole"))),
        })
        .await;
        assert_eq!(output(&reply(outcome(&agent).await)), "whole", "{cut:?}");
        let calls = [
            "SendStreamingMessage",
            "SubscribeToTask",
            "GetTask",
            "SendMessage",
        ];
        assert_eq!(calls.map(|method| agent.calls(method)), [1, 1, 2, 0], "{cut:?}");
    }
}

#[tokio::test]
async fn an_agent_that_tells_no_more_of_a_task_is_asked_for_it() {
    for code in [-32004, -32601, -32001] {
        let asked = AtomicUsize::new(0);
        let agent = streaming(move |request| match request.method() {
            "SendStreamingMessage" => stream(request, &[submitted()]),
            "GetTask" if asked.fetch_add(1, Ordering::Relaxed) < 2 => {
                result(request, &task("WORKING", &json!({})))
            }
            "GetTask" => result(request, &done(&json!("whole"))),
            _ => error(request, code),
        })
        .await;
        assert_eq!(output(&reply(outcome(&agent).await)), "whole", "{code}");
        assert_eq!(
            (agent.calls("SubscribeToTask"), agent.calls("GetTask")),
            (1, 3),
            "{code}"
        );
    }
}

#[tokio::test]
async fn the_end_of_another_task_is_not_that_of_ours() {
    let other = |mut event: Value| {
        event["statusUpdate"]["taskId"] = json!("t-2");
        event
    };
    let events = vec![submitted(), other(status("COMPLETED", "theirs", &json!({})))];
    let agent = telling(events, |request| error(request, -32001)).await;
    let told = Told::default();
    let (failed, _) = failure(call_told(&agent, &told).await);
    assert_eq!(failed.code, FailureCode::AgentFailed);
    assert_eq!(*told.words.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_reply_in_one_piece_is_understood_where_a_stream_was_asked_for() {
    let message = json!({"message": {"messageId": "m", "parts": [{"data": "whole"}]}});
    for whole in [json!({"task": done(&json!("whole"))}), message.clone()] {
        let agent = streaming(move |request| result(request, &whole)).await;
        assert_eq!(output(&reply(outcome(&agent).await)), "whole");
        assert_eq!(agent.calls("GetTask"), 0);
    }
    let agent = streaming(move |request| stream(request, std::slice::from_ref(&message))).await;
    assert_eq!(output(&reply(outcome(&agent).await)), "whole");
}

#[tokio::test]
async fn an_agent_that_does_not_stream_after_all_gets_the_message_without() {
    for code in [-32004, -32601] {
        let agent = streaming(move |request| match request.method() {
            "SendStreamingMessage" => error(request, code),
            _ => send_result(request, "COMPLETED", &json!({})),
        })
        .await;
        reply(outcome(&agent).await);
        assert_eq!(
            (agent.calls("SendStreamingMessage"), agent.calls("SendMessage")),
            (1, 1)
        );
    }
}

#[tokio::test]
async fn a_question_in_a_stream_that_stays_open_is_asked() {
    let agent = streaming(|request| match request.method() {
        "SendStreamingMessage" => {
            let told = [submitted(), status("INPUT_REQUIRED", "Which sum?", &json!({}))];
            Act::Hang(beginning(&lines(request, &told)))
        }
        _ => http_reply("503 Service Unavailable", &[], b""),
    })
    .await;
    let CallOutcome::InputRequired(question) = outcome(&agent).await else {
        panic!("it asks")
    };
    assert_eq!(
        (question.message.as_str(), question.id.as_deref()),
        ("Which sum?", Some("Which sum?"))
    );
    assert_eq!(agent.calls("CancelTask"), 0);
}

#[tokio::test]
async fn an_error_in_a_stream_is_the_outcome_where_no_task_was_named() {
    use FailureCode::{AgentFailed, AgentProtocolError};
    let rpc_error = r#"event: error\ndata: {"error":{"code":-32603,"message":"why"}}"#.replace("\\n", "\n");
    for (said, code, retryable) in [
        (rpc_error.as_str(), AgentFailed, true),
        ("event: error\ndata: why", AgentProtocolError, false),
        ("data: {\"a\":\"\\ud800\"}", AgentProtocolError, false),
        ("data: {}", AgentProtocolError, false),
        ("", AgentProtocolError, false),
    ] {
        let body = beginning(said);
        let agent = streaming(move |request| match request.method() {
            "SendStreamingMessage" => Act::Send(body.clone()),
            _ => error(request, -32601),
        })
        .await;
        let (failed, _) = failure(outcome(&agent).await);
        assert_eq!((failed.code, failed.retryable), (code, retryable), "{said}");
        assert!(failed.reached_agent, "{said}");
    }
}

#[tokio::test]
async fn an_error_in_a_stream_leaves_it_to_the_task_to_say_what_became_of_it() {
    let agent = streaming(|request| match request.method() {
        "SendStreamingMessage" => {
            let said = "event: error\ndata: {\"error\":{\"code\":-32603,\"message\":\"why\"}}\n\n";
            Act::Send(beginning(&format!("{}{said}", lines(request, &[submitted()]))))
        }
        _ => {
            let message = json!({"parts": [{"text": "no disk"}]});
            let status = json!({"state": "TASK_STATE_FAILED", "message": message});
            result(request, &task("FAILED", &json!({"status": status})))
        }
    })
    .await;
    let (failed, _) = failure(outcome(&agent).await);
    assert_eq!(failed.code, FailureCode::AgentFailed);
    assert!(failed.message.contains("no disk"), "{}", failed.message);
}

#[tokio::test]
async fn streams_have_limits() {
    let comment = format!(": {}\n", "x".repeat(1 << 20));
    for (first, unit) in [("data: ", "x".repeat(1 << 16)), ("", comment)] {
        let agent = streaming(move |request| match request.method() {
            "SendStreamingMessage" => Act::Repeat(beginning(first), unit.clone().into_bytes()),
            _ => error(request, -32601),
        })
        .await;
        let (failed, unhealthy) = failure(outcome(&agent).await);
        assert_eq!(
            (failed.code, failed.retryable, unhealthy),
            (FailureCode::AgentResponseTooLarge, false, false)
        );
    }
}

#[tokio::test]
async fn artifacts_in_many_pieces_have_the_limit_of_one_value() {
    let piece = json!({"text": "x".repeat(1 << 20)});
    let agent = streaming(move |request| match request.method() {
        "SendStreamingMessage" => {
            let mut told = vec![submitted()];
            told.extend((0..9).map(|_| artifact("a", &piece, true)));
            stream(request, &told)
        }
        "GetTask" => http_reply("500 Oops", &[], b""),
        _ => error(request, -32004),
    })
    .await;
    // Whether it is the pieces or the task that cannot be had, the attempt ends.
    let (failed, _) = failure(outcome(&agent).await);
    assert_eq!(failed.code, FailureCode::AgentHttpError);
}
