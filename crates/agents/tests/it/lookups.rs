//! Looking for the task that an agent has made of a message, where nobody knows whether it has one.

use std::sync::atomic::{AtomicUsize, Ordering};

use agentchains_machine::{AgentAnswer, ApprovalId, Call, FailureCode, MessageId, RemoteCancel, RemoteTask};
use agentchains_ports::{CallOutcome, NodeRunner};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    scripted::{Act, Request, Scripted, error, http_reply, result, send_result, task, text_reply},
    support::{Accepted, Ask as _, LONG, call, call_at, failure, output, own, reply, runner},
};

/// A call that only looks.
fn lookup() -> Call {
    Call {
        is_lookup: true,
        ..call("a", json!({}), LONG)
    }
}

/// A task that was made of our message.
fn ours() -> Value {
    let message_id = lookup().message_id.to_string();
    let history = json!([{"messageId": "x"}, {"messageId": message_id}]);
    task("WORKING", &json!({"id": "t-7", "history": history}))
}

/// A task that was not.
fn another() -> Value {
    task("COMPLETED", &json!({"history": [{"messageId": "x"}, 7]}))
}

fn done(request: &Request) -> Act {
    let artifacts = json!([{"parts": [{"data": "found"}]}]);
    result(
        request,
        &task("COMPLETED", &json!({"id": "t-7", "artifacts": artifacts})),
    )
}

fn listed(request: &Request, tasks: &[Value], next: &str) -> Act {
    result(request, &json!({"tasks": tasks, "nextPageToken": next}))
}

async fn look(agent: &Scripted, accepted: &Accepted) -> CallOutcome {
    let runner = runner(&[("a", agent.url.as_str())]).await;
    runner.ask(&lookup(), accepted).await
}

#[tokio::test]
async fn a_task_that_is_found_is_gone_on_with_and_nothing_is_sent() {
    let agent = Scripted::agent(|request| match request.method() {
        "ListTasks" if request.body["params"]["pageToken"] == "2" => {
            listed(request, &[another(), ours()], "")
        }
        "ListTasks" => listed(request, &[another(), json!(7)], "2"),
        "GetTask" => done(request),
        _ => error(request, -32603),
    })
    .await;
    let accepted = Accepted::default();
    assert_eq!(output(&reply(look(&agent, &accepted).await)), "found");
    assert_eq!(accepted.tasks()[0].task_id, "t-7");
    assert_eq!((agent.calls("SendMessage"), agent.calls("ListTasks")), (0, 2));
}

#[tokio::test]
async fn a_task_that_is_not_found_is_lost() {
    type Script = fn(&Request) -> Act;
    let none: Script = |request| listed(request, &[another()], "");
    let endless: Script = |request| listed(request, &[another()], "more");
    let unknown: Script = |request| error(request, -32601);
    let odd: Script = |request| result(request, &json!([]));
    for (name, script, pages) in [
        ("none", none, 1),
        ("too many", endless, 5),
        ("cannot be listed", unknown, 1),
        ("no list", odd, 1),
    ] {
        let agent = Scripted::agent(script).await;
        let accepted = Accepted::default();
        assert_eq!(look(&agent, &accepted).await, CallOutcome::TaskLost, "{name}");
        assert!(accepted.tasks().is_empty(), "{name}");
        assert_eq!(
            (agent.calls("SendMessage"), agent.calls("ListTasks")),
            (0, pages),
            "{name}"
        );
    }
    let no_card = Scripted::start(|_, _| http_reply("404 Not Found", &[], b"")).await;
    assert_eq!(look(&no_card, &Accepted::default()).await, CallOutcome::TaskLost);
}

#[tokio::test]
async fn trouble_that_passes_does_not_keep_a_task_from_being_found() {
    let asked = AtomicUsize::new(0);
    let agent = Scripted::agent(move |request| match request.method() {
        "ListTasks" if asked.fetch_add(1, Ordering::Relaxed) < 2 => http_reply("503 Busy", &[], b""),
        "ListTasks" => listed(request, &[ours()], ""),
        _ => done(request),
    })
    .await;
    assert_eq!(output(&reply(look(&agent, &Accepted::default()).await)), "found");
}

#[tokio::test]
async fn a_task_that_was_found_and_is_gone_is_lost() {
    let agent = Scripted::agent(|request| match request.method() {
        "ListTasks" => listed(request, &[ours()], ""),
        _ => error(request, -32001),
    })
    .await;
    assert_eq!(look(&agent, &Accepted::default()).await, CallOutcome::TaskLost);
}

#[tokio::test]
async fn where_the_sending_broke_off_the_task_is_looked_for_once() {
    use FailureCode as Code;
    type Script = fn(&Request) -> Act;
    let cases: [(&str, Script, bool, Code); 9] = [
        ("reset", |_| Act::Send(vec![]), true, Code::AgentConnectionLost),
        (
            "truncated",
            |_| text_reply("{\"jsonrpc\":"),
            true,
            Code::AgentProtocolError,
        ),
        (
            "500",
            |_| http_reply("500 Oops", &[], b""),
            true,
            Code::AgentHttpError,
        ),
        (
            "502",
            |_| http_reply("502 Oops", &[], b""),
            true,
            Code::AgentHttpError,
        ),
        (
            "504",
            |_| http_reply("504 Oops", &[], b""),
            true,
            Code::AgentHttpError,
        ),
        (
            "-32603",
            |request| error(request, -32603),
            true,
            Code::AgentFailed,
        ),
        (
            "503",
            |_| http_reply("503 Oops", &[], b""),
            false,
            Code::AgentHttpError,
        ),
        (
            "400",
            |_| http_reply("400 Oops", &[], b""),
            false,
            Code::AgentHttpError,
        ),
        (
            "-32602",
            |request| error(request, -32602),
            false,
            Code::AgentProtocolError,
        ),
    ];
    for (name, broken, is_looked_for, code) in cases {
        for is_there in [true, false] {
            let agent = Scripted::agent(move |request| match request.method() {
                "SendMessage" => broken(request),
                "ListTasks" if is_there => listed(request, &[another(), ours()], ""),
                "ListTasks" => listed(request, &[another()], ""),
                _ => done(request),
            })
            .await;
            let outcome = call_at(&agent.url, LONG).await;
            if is_looked_for && is_there {
                assert_eq!(output(&reply(outcome)), "found", "{name}");
            } else {
                assert_eq!(failure(outcome).0.code, code, "{name}");
            }
            assert_eq!(
                (agent.calls("SendMessage"), agent.calls("ListTasks")),
                (1, usize::from(is_looked_for)),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_in_the_history_is_not_sent_again() {
    let answer = AgentAnswer {
        message_id: MessageId::of_answer(ApprovalId::from_uuid(Uuid::from_u128(9))),
        question_id: Some("q".to_owned()),
        comment: Some("yes".to_owned()),
        data: None,
    };
    let message_id = answer.message_id.to_string();
    let looks = AtomicUsize::new(0);
    let agent = Scripted::agent(move |request| match request.method() {
        "GetTask" if looks.fetch_add(1, Ordering::Relaxed) < 2 => {
            let status = json!({"state": "TASK_STATE_INPUT_REQUIRED", "message": {"messageId": "q"}});
            let history = json!([{"messageId": "q"}, {"messageId": message_id}]);
            result(
                request,
                &task("", &json!({"id": "t-7", "status": status, "history": history})),
            )
        }
        "GetTask" => done(request),
        _ => send_result(request, "WORKING", &json!({})),
    })
    .await;
    let call = Call {
        answer: Some(Box::new(answer)),
        remote_task: Some(RemoteTask {
            task_id: "t-7".to_owned(),
            context_id: None,
        }),
        ..call("a", json!({}), LONG)
    };
    let runner = runner(&[("a", agent.url.as_str())]).await;
    let outcome = runner.ask(&call, &Accepted::default()).await;
    assert_eq!(output(&reply(outcome)), "found");
    assert_eq!((agent.calls("SendMessage"), agent.calls("GetTask")), (0, 3));
}

#[tokio::test]
async fn a_call_that_is_withdrawn_before_it_was_answered_has_its_task_cancelled() {
    let agent = Scripted::agent(|request| match request.method() {
        "ListTasks" => listed(request, &[another(), ours()], ""),
        "CancelTask" => result(request, &task("CANCELED", &json!({"id": "t-7"}))),
        _ => error(request, -32603),
    })
    .await;
    let runner = runner(&[("a", agent.url.as_str())]).await;
    let withdrawn = runner
        .withdraw(&own("a"), call("a", json!({}), LONG).message_id)
        .await;
    assert_eq!(withdrawn, Some(RemoteCancel::Confirmed));
    assert_eq!((agent.calls("SendMessage"), agent.calls("CancelTask")), (0, 1));
}

#[tokio::test]
async fn an_agent_that_may_only_just_have_got_the_message_is_asked_again() {
    let looks = AtomicUsize::new(0);
    let agent = Scripted::agent(move |request| match request.method() {
        "ListTasks" if looks.fetch_add(1, Ordering::Relaxed) == 0 => listed(request, &[another()], ""),
        "ListTasks" => listed(request, &[ours()], ""),
        "CancelTask" => error(request, -32002),
        "GetTask" => done(request),
        _ => error(request, -32603),
    })
    .await;
    let runner = runner(&[("a", agent.url.as_str())]).await;
    let withdrawn = runner.withdraw(&own("a"), lookup().message_id).await;
    assert_eq!(withdrawn, Some(RemoteCancel::Refused));
    assert_eq!(agent.calls("ListTasks"), 2);
}

#[tokio::test]
async fn an_agent_that_cannot_list_its_tasks_is_not_asked_twice() {
    let agent = Scripted::agent(|request| error(request, -32601)).await;
    let old = Scripted::agent_with_card(
        |base| json!({"name": "old", "url": base, "protocolVersion": "0.3.0"}),
        |request| error(request, -32601),
    )
    .await;
    for (agent, asked) in [(agent, 1), (old, 0)] {
        let runner = runner(&[("a", agent.url.as_str())]).await;
        let withdrawn = runner.withdraw(&own("a"), lookup().message_id).await;
        assert_eq!(withdrawn, Some(RemoteCancel::Unknown));
        assert_eq!(agent.requests().len() - 1, asked, "besides its card");
    }
}

#[tokio::test]
async fn nobody_knows_what_becomes_of_a_withdrawn_call_whose_task_is_not_found() {
    let agent = Scripted::agent(|request| listed(request, &[another()], "")).await;
    let runner = runner(&[("a", agent.url.as_str())]).await;
    let withdrawn = runner
        .withdraw(&own("a"), call("a", json!({}), LONG).message_id)
        .await;
    assert_eq!(withdrawn, Some(RemoteCancel::Unknown));
    assert_eq!(agent.calls("CancelTask"), 0);
}
