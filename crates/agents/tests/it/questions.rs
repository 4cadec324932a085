//! Tasks that ask: the question, the answer, and what is seen of both while they are on their way.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agentchains_machine::{AgentAnswer, ApprovalId, Call, MessageId, RemoteTask};
use agentchains_ports::{CallOutcome, NodeRunner};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    scripted::{Act, Request, Scripted, card, error, http_reply, result, send_result, task},
    support::{Accepted, Ask as _, LONG, call, output, own, reply, runner},
};

type Script = Box<dyn Fn(&Request) -> Act + Send + Sync>;

/// A task that asks a question of this id.
fn asking(id: &str) -> Value {
    let parts = json!([{"text": "Which sum?"}, {"data": {"type": "integer"}}]);
    let message = json!({"messageId": id, "role": "ROLE_AGENT", "parts": parts});
    task(
        "",
        &json!({"status": {"state": "TASK_STATE_INPUT_REQUIRED", "message": message}}),
    )
}

fn working() -> Value {
    task("WORKING", &json!({}))
}

fn done() -> Value {
    task(
        "COMPLETED",
        &json!({"artifacts": [{"parts": [{"data": "paid"}]}]}),
    )
}

/// An agent whose task is seen in these states, one after the other, the last for ever. A message to it is answered by
/// `on_message`, which is told how many came before.
async fn agent(
    seen: Vec<Value>,
    on_message: impl Fn(&Request, usize) -> Act + Send + Sync + 'static,
) -> Scripted {
    let (looks, messages) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Scripted::agent(move |request| match request.method() {
        "SendMessage" => on_message(request, messages.fetch_add(1, Ordering::Relaxed)),
        "GetTask" => {
            let look = looks.fetch_add(1, Ordering::Relaxed);
            result(request, seen.get(look).or(seen.last()).unwrap())
        }
        _ => result(request, &task("CANCELED", &json!({}))),
    })
    .await
}

/// An agent that goes on to work when it is told something.
async fn listening(seen: Vec<Value>) -> Scripted {
    agent(seen, |request, _| send_result(request, "WORKING", &json!({}))).await
}

/// An attempt whose task has asked the question of the id `q`, with a person's answer to it.
fn answering(comment: Option<&str>, data: Option<Value>) -> Call {
    let answer = AgentAnswer {
        message_id: MessageId::of_answer(ApprovalId::from_uuid(Uuid::from_u128(9))),
        question_id: Some("q".to_owned()),
        comment: comment.map(str::to_owned),
        data,
    };
    Call {
        answer: Some(Box::new(answer)),
        remote_task: Some(RemoteTask {
            task_id: "t-1".to_owned(),
            context_id: Some("c-1".to_owned()),
        }),
        ..call("a", json!({}), LONG)
    }
}

async fn go_on(agent: &Scripted, call: &Call) -> CallOutcome {
    let runner = runner(&[("a", agent.url.as_str())]).await;
    runner.ask(call, &Accepted::default()).await
}

/// The messages that an agent got.
fn messages(agent: &Scripted) -> Vec<Value> {
    let requests = agent.requests().into_iter();
    let sent = requests.filter(|request| request.method() == "SendMessage");
    sent.map(|request| request.body["params"]["message"].clone())
        .collect()
}

#[track_caller]
fn question_of(outcome: CallOutcome) -> String {
    match outcome {
        CallOutcome::InputRequired(question) => question.id.unwrap(),
        other => panic!("expected a question, got {other:?}"),
    }
}

#[tokio::test]
async fn a_task_that_asks_is_named_and_left_to_wait() {
    for (state, said) in [
        ("INPUT_REQUIRED", "Which sum?"),
        ("AUTH_REQUIRED", "The agent asks for an authorisation: Which sum?"),
    ] {
        let mut asks = asking("q");
        asks["status"]["state"] = format!("TASK_STATE_{state}").into();
        let agent = agent(vec![asks], |request, _| {
            send_result(request, "SUBMITTED", &json!({}))
        })
        .await;
        let runner = runner(&[("a", agent.url.as_str())]).await;
        let accepted = Arc::new(Accepted::default());
        let outcome = runner.ask(&call("a", json!({}), LONG), accepted.as_ref()).await;
        let CallOutcome::InputRequired(question) = outcome else {
            panic!("it asks: {outcome:?}")
        };
        assert_eq!(
            (question.message.as_str(), question.id.as_deref()),
            (said, Some("q"))
        );
        assert_eq!(question.form, Some(json!({"type": "integer"})));
        assert_eq!(
            question.shown,
            json!([{"text": "Which sum?"}, {"data": {"type": "integer"}}])
        );
        assert_eq!((accepted.tasks().len(), agent.calls("CancelTask")), (1, 0));
    }
}

#[tokio::test]
async fn an_answer_goes_to_the_task_that_asked() {
    let agent = listening(vec![asking("q"), working(), done()]).await;
    let call = answering(Some("Two."), Some(json!(2)));
    assert_eq!(output(&reply(go_on(&agent, &call).await)), "paid");
    let requests = agent.requests();
    let sent = requests
        .iter()
        .find(|request| request.method() == "SendMessage")
        .unwrap();
    let message_id = call.answer.unwrap().message_id.to_string();
    assert_eq!(
        sent.body["params"],
        json!({
            "message": {
                "messageId": message_id, "taskId": "t-1", "contextId": "c-1", "role": "ROLE_USER",
                "parts": [{"text": "Two."}, {"data": 2, "mediaType": "application/json"}],
            },
            "configuration": {"returnImmediately": true, "historyLength": 0},
        })
    );
    assert_eq!(agent.calls("SendMessage"), 1);
}

#[tokio::test]
async fn an_answer_says_what_the_person_said_in_a_form_that_the_agent_takes() {
    let text_only = |base: String| {
        let mut card = card(&base);
        card["defaultInputModes"] = json!(["text/plain"]);
        card
    };
    for (comment, data, expected) in [
        (None, None, json!([{"text": "ok"}])),
        (Some(""), None, json!([{"text": "ok"}])),
        (Some("no"), None, json!([{"text": "no"}])),
        (None, Some(json!(null)), json!([{"text": "null"}])),
        (
            Some("x"),
            Some(json!({"a": 1})),
            json!([{"text": "x"}, {"text": "{\"a\":1}"}]),
        ),
    ] {
        let agent = Scripted::agent_with_card(text_only, |request| match request.method() {
            "SendMessage" => send_result(request, "COMPLETED", &json!({})),
            _ => result(request, &asking("q")),
        })
        .await;
        reply(go_on(&agent, &answering(comment, data)).await);
        assert_eq!(messages(&agent)[0]["parts"], expected);
    }
}

#[tokio::test]
async fn an_answer_that_the_task_has_already_is_not_sent_again() {
    for seen in [vec![working(), done()], vec![done()]] {
        let agent = listening(seen).await;
        assert_eq!(
            output(&reply(go_on(&agent, &answering(None, None)).await)),
            "paid"
        );
        assert_eq!(agent.calls("SendMessage"), 0);
    }
}

#[tokio::test]
async fn the_question_that_was_answered_may_still_be_seen_for_a_while() {
    let old = asking("q");
    let agent = agent(
        vec![old.clone(), old.clone(), old.clone(), done()],
        move |request, _| result(request, &json!({"task": old})),
    )
    .await;
    assert_eq!(
        output(&reply(go_on(&agent, &answering(None, None)).await)),
        "paid"
    );
    assert_eq!((agent.calls("SendMessage"), agent.calls("GetTask")), (1, 4));
}

#[tokio::test]
async fn another_question_of_the_same_task_is_asked_as_well() {
    let told = listening(vec![asking("q"), working(), asking("r")]).await;
    assert_eq!(question_of(go_on(&told, &answering(None, None)).await), "r");
    // It came to ask something else before it was told anything.
    let not_told = listening(vec![asking("r")]).await;
    assert_eq!(question_of(go_on(&not_told, &answering(None, None)).await), "r");
    assert_eq!((told.calls("SendMessage"), not_told.calls("SendMessage")), (1, 0));
}

#[tokio::test]
async fn the_same_words_are_another_question_once_the_agent_has_worked_on() {
    let agent = listening(vec![asking("q"), working(), asking("q")]).await;
    assert_eq!(question_of(go_on(&agent, &answering(None, None)).await), "q");
    assert_eq!(agent.calls("SendMessage"), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_sent_again_while_the_task_still_asks() {
    let agent = agent(vec![asking("q")], |request, before| match before {
        0 => http_reply("503 Service Unavailable", &[], b""),
        1 => Act::Send(Vec::new()),
        _ => send_result(request, "COMPLETED", &json!({})),
    })
    .await;
    reply(go_on(&agent, &answering(Some("yes"), None)).await);
    let sent = messages(&agent);
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|message| *message == sent[0]));
}

#[tokio::test]
async fn an_agent_may_answer_an_answer_without_the_task() {
    let agent = agent(vec![asking("q")], |request, _| {
        result(
            request,
            &json!({"message": {"messageId": "m", "parts": [{"text": "paid"}]}}),
        )
    })
    .await;
    let outcome = go_on(&agent, &answering(None, None)).await;
    assert_eq!(output(&reply(outcome)), json!({"text": "paid"}));
}

#[tokio::test]
async fn a_task_that_is_forgotten_while_it_asks_is_lost() {
    let agent = Scripted::agent(|request| error(request, -32001)).await;
    assert_eq!(go_on(&agent, &answering(None, None)).await, CallOutcome::TaskLost);
    let agent = self::agent(vec![asking("q")], |request, _| error(request, -32001)).await;
    assert_eq!(go_on(&agent, &answering(None, None)).await, CallOutcome::TaskLost);
}

#[tokio::test]
async fn a_task_has_moved_on_when_it_shows_another_question_or_none() {
    let lost: fn(&Request) -> Act = |request| error(request, -32001);
    let shows = |seen: Value| move |request: &Request| result(request, &seen);
    let cases: [(&str, Script, Option<&str>, bool); 7] = [
        ("the same", Box::new(shows(asking("q"))), Some("q"), false),
        ("another", Box::new(shows(asking("r"))), Some("q"), true),
        ("unknown", Box::new(shows(asking("q"))), None, false),
        ("at work", Box::new(shows(working())), Some("q"), true),
        ("done", Box::new(shows(done())), None, true),
        ("lost", Box::new(lost), Some("q"), false),
        ("no answer", Box::new(|_| Act::Send(Vec::new())), Some("q"), false),
    ];
    for (name, script, asked, expected) in cases {
        let agent = Scripted::agent(script).await;
        let runner = runner(&[("a", agent.url.as_str())]).await;
        let task = RemoteTask {
            task_id: "t-1".to_owned(),
            context_id: None,
        };
        assert_eq!(
            runner.has_moved_on(&own("a"), &task, asked).await,
            expected,
            "{name}"
        );
        assert_eq!(agent.calls("SendMessage"), 0, "{name}");
    }
}

#[tokio::test]
async fn a_task_that_keeps_its_state_without_the_words_of_what_was_answered_asks_nothing_new() {
    let at = |time: &str, message: Option<&str>| {
        let mut task = message.map_or_else(|| asking("q"), asking);
        task["status"]["timestamp"] = time.into();
        if message.is_none() {
            task["status"]["message"] = Value::Null;
        }
        task
    };
    let wordless = at("2026-11-23T01:55:30Z", None);
    let asks = at("2026-11-23T01:55:30Z", Some("q"));
    let agent = agent(vec![asks.clone(), wordless.clone(), done()], {
        let wordless = wordless.clone();
        move |request, _| result(request, &json!({"task": wordless}))
    })
    .await;
    let answered = reply(go_on(&agent, &answering(Some("Two."), None)).await);
    assert_eq!((output(&answered), messages(&agent).len()), (json!("paid"), 1));

    let anew = at("2026-11-23T01:56:00Z", None);
    let agent = listening(vec![asks, anew]).await;
    let asked = question_of(go_on(&agent, &answering(Some("Two."), None)).await);
    assert_eq!(asked, "2026-11-23T01:56:00Z");

    let call = answering(Some("Two."), None);
    let mut knows = wordless;
    knows["history"] = json!([{"messageId": call.answer.as_ref().unwrap().message_id.to_string()}]);
    let agent = listening(vec![knows, done()]).await;
    let answered = reply(go_on(&agent, &call).await);
    assert_eq!((output(&answered), messages(&agent).len()), (json!("paid"), 0));
}
