//! Following a task until it has ended, and giving it up.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use agentchains_machine::{FailureCode, RemoteCancel};
use serde_json::{Value, json};

use crate::{
    scripted::{Act, Request, Scripted, error, http_reply, result, send_result, task},
    support::{LONG, call_at, cancel_at, failure, reply},
};

fn done() -> Value {
    task(
        "COMPLETED",
        &json!({"artifacts": [{"parts": [{"data": {"ok": true}}]}], "metadata": {"cost_usd": 0.5}}),
    )
}

/// An agent that works until it was asked `polls` times, each time answering by `meanwhile`.
async fn agent(polls: usize, meanwhile: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Scripted {
    let asked = AtomicUsize::new(0);
    Scripted::agent(move |request| match request.method() {
        "SendMessage" => send_result(request, "SUBMITTED", &json!({})),
        "GetTask" if asked.fetch_add(1, Ordering::Relaxed) >= polls => result(request, &done()),
        "GetTask" => meanwhile(request),
        _ => result(request, &task("CANCELED", &json!({}))),
    })
    .await
}

#[tokio::test]
async fn a_task_is_asked_for_until_it_has_ended() {
    let agent = agent(2, |request| result(request, &task("WORKING", &json!({})))).await;
    assert_eq!(reply(call_at(&agent.url, LONG).await).output, json!({"ok": true}));
    assert_eq!((agent.calls("SendMessage"), agent.calls("GetTask")), (1, 3));
    let asked = agent
        .requests()
        .into_iter()
        .find(|request| request.method() == "GetTask")
        .unwrap();
    assert_eq!(asked.body["params"], json!({"id": "t-1", "historyLength": 0}));
}

#[tokio::test]
async fn trouble_that_passes_while_a_task_is_asked_for_changes_nothing() {
    let agent = agent(2, |_| http_reply("503 Service Unavailable", &[], b"")).await;
    assert_eq!(reply(call_at(&agent.url, LONG).await).output, json!({"ok": true}));
    assert_eq!((agent.calls("SendMessage"), agent.calls("CancelTask")), (1, 0));
}

#[tokio::test]
async fn trouble_that_stays_fails_the_attempt_and_cancels_the_task() {
    let agent = agent(usize::MAX, |_| http_reply("503 Service Unavailable", &[], b"")).await;
    let (failed, unhealthy) = failure(call_at(&agent.url, LONG).await);
    assert_eq!(
        (failed.code, failed.retryable, unhealthy),
        (FailureCode::AgentHttpError, true, true)
    );
    assert_eq!((agent.calls("GetTask"), agent.calls("CancelTask")), (5, 1));
}

#[tokio::test]
async fn a_task_that_works_for_ever_is_cancelled_when_the_time_is_over() {
    let agent = agent(usize::MAX, |request| {
        result(request, &task("WORKING", &json!({})))
    })
    .await;
    let (failed, unhealthy) = failure(call_at(&agent.url, Duration::from_millis(200)).await);
    assert_eq!((failed.code, unhealthy), (FailureCode::AgentTimeout, true));
    assert!(failed.retryable && failed.reached_agent);
    assert_eq!(agent.calls("CancelTask"), 1);
}

#[tokio::test]
async fn another_tasks_end_is_not_that_of_ours() {
    let agent = agent(usize::MAX, |request| {
        result(request, &task("COMPLETED", &json!({"id": "t-2"})))
    })
    .await;
    assert_eq!(
        failure(call_at(&agent.url, LONG).await).0.code,
        FailureCode::AgentProtocolError
    );
}

#[tokio::test]
async fn an_agent_that_loses_the_task_it_has_just_made_has_failed() {
    let agent = agent(usize::MAX, |request| error(request, -32001)).await;
    let (failed, _) = failure(call_at(&agent.url, LONG).await);
    assert_eq!((failed.code, failed.retryable), (FailureCode::AgentFailed, true));
}

#[tokio::test]
async fn what_becomes_of_a_cancelled_task_is_what_the_agent_says() {
    use RemoteCancel::{Confirmed, Refused, Unknown};
    type Script = fn(&Request) -> Act;
    let canceled: Script = |request| result(request, &task("CANCELED", &json!({})));
    let completed: Script = |request| result(request, &task("COMPLETED", &json!({})));
    let working: Script = |request| result(request, &task("WORKING", &json!({})));
    let not_cancelable: Script = |request| error(request, -32002);
    let not_found: Script = |request| error(request, -32001);
    let broken: Script = |_| Act::Send(vec![]);
    for (name, on_cancel, on_get, expected) in [
        ("cancelled at once", canceled, broken, Confirmed),
        ("cancelled a moment later", working, canceled, Confirmed),
        ("had ended", completed, broken, Refused),
        ("ended instead", working, completed, Refused),
        ("refused as it was cancelled", not_cancelable, canceled, Confirmed),
        ("refused as it goes on", not_cancelable, working, Refused),
        ("refused without a reason", not_cancelable, broken, Refused),
        ("not known", not_found, working, Unknown),
        ("no answer", broken, working, Unknown),
    ] {
        let agent = Scripted::agent(move |request| match request.method() {
            "CancelTask" => on_cancel(request),
            _ => on_get(request),
        })
        .await;
        assert_eq!(cancel_at(&agent.url, "t-1").await, expected, "{name}");
    }
}
