//! What agents do with a message, and what the runner must make of it, whatever they are built on.

use std::future::Future;

use agentchains_machine::{Call, FailureCode, RemoteCancel};
use agentchains_ports::{CallOutcome, NodeRunner};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    support::{failure, output, own, reply},
    usage,
    way::{Seen, Shared, answered, question},
};

/// Plays every behaviour on every way, all at the same time, and fails with all that went wrong.
pub(crate) async fn check_all(ways: Vec<Shared>) {
    let mut cases = Cases::default();
    for way in ways {
        cases.add(&way, "echo", values_come_back_as_they_were);
        cases.add(&way, "chunks", chunks_are_put_together);
        cases.add(&way, "parts", parts_of_every_kind_are_kept);
        cases.add(&way, "ask", a_question_is_asked_and_its_answer_continues_the_task);
        cases.add(&way, "auth", an_authorisation_is_asked_for);
        cases.add(&way, "fail", a_failed_task_says_why);
        cases.add(&way, "reject", a_rejected_task_is_not_tried_again);
        cases.add(&way, "message", a_message_in_the_place_of_a_task_is_an_answer);
        cases.add(&way, "slow", a_task_that_works_is_cancelled);
        cases.add(&way, "crash", a_crash_of_the_agent_is_a_failure);
        cases.add(&way, "resume", a_known_task_is_asked_for_and_not_sent_again);
        cases.add(&way, "lookup", a_message_is_looked_for_where_tasks_are_listed);
        cases.add(&way, "usage", usage::what_agents_say_that_they_used_is_understood);
    }
    cases.finish().await;
}

/// Cases under way, each a task that panics where it fails.
#[derive(Default)]
struct Cases(JoinSet<(String, Option<String>)>);

impl Cases {
    fn add<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        way: &Shared,
        name: &'static str,
        case: fn(Shared) -> F,
    ) {
        let title = format!("{} {name}", way.path);
        let played = tokio::spawn(case(Shared::clone(way)));
        self.0.spawn(async move {
            let panicked = played.await.err().map(|error| {
                let panic = error.into_panic();
                let text = panic.downcast_ref::<String>().cloned();
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    .unwrap_or_default()
            });
            (title, panicked)
        });
    }

    async fn finish(mut self) {
        let mut failed = Vec::new();
        while let Some(ended) = self.0.join_next().await {
            let (title, panicked) = ended.unwrap();
            failed.extend(panicked.map(|message| format!("{title}: {message}")));
        }
        failed.sort();
        assert!(
            failed.is_empty(),
            "{} cases failed:\n{}",
            failed.len(),
            failed.join("\n")
        );
    }
}

async fn values_come_back_as_they_were(way: Shared) {
    let config =
        json!({"do": "echo", "n": 120, "half": 0.5, "text": "grüße", "deep": {"list": [1, null, true, "x"]}});
    let replied = reply(way.call(&way.ask("echo", config.clone()), &Seen::default()).await);
    assert_eq!(output(&replied), json!({"echo": config}));
}

async fn chunks_are_put_together(way: Shared) {
    let seen = Seen::default();
    let replied = reply(way.call(&way.ask("chunks", json!({"do": "chunks"})), &seen).await);
    assert_eq!(
        output(&replied),
        json!({"parts": [{"text": "one"}, {"text": "two"}, {"text": "three"}]})
    );
    let said = seen.said();
    assert!(
        !way.streams() || said.contains("writing two"),
        "progress: {said:?}"
    );
}

async fn parts_of_every_kind_are_kept(way: Shared) {
    let replied = reply(
        way.call(&way.ask("parts", json!({"do": "parts"})), &Seen::default())
            .await,
    );
    let mut parts = output(&replied)["parts"].take();
    // A2A 0.3 has no media types of texts and data.
    for part in parts.as_array_mut().unwrap().iter_mut().take(2) {
        part.as_object_mut().unwrap().remove("mediaType");
    }
    assert_eq!(
        parts,
        json!([
            {"text": "see attachments"},
            {"data": {"rows": [{"n": 1}, {"n": 2}]}},
            {"raw": "aGVsbG8sd29ybGQK", "filename": "out.csv", "mediaType": "text/csv"},
            {"url": "https://example.com/report.pdf", "filename": "report.pdf", "mediaType": "application/pdf"},
        ])
    );
}

async fn a_question_is_asked_and_its_answer_continues_the_task(way: Shared) {
    let (call, seen) = (way.ask("ask", json!({"do": "ask"})), Seen::default());
    let asked = question(way.call(&call, &seen).await);
    assert_eq!(asked.message, "Approve the payment of 12 EUR?");
    let form =
        json!({"type": "object", "properties": {"approve": {"type": "boolean"}}, "required": ["approve"]});
    assert_eq!(asked.form, Some(form));
    assert!(!asked.may_move_on);

    let going_on = answered(&call, &asked, seen.task(), Some(json!({"approve": true})));
    let replied = reply(way.call(&going_on, &Seen::default()).await);
    assert_eq!(
        output(&replied),
        json!({"told": ["Go ahead."], "data": [{"approve": true}]})
    );
}

async fn an_authorisation_is_asked_for(way: Shared) {
    let (call, seen) = (way.ask("auth", json!({"do": "auth"})), Seen::default());
    let asked = question(way.call(&call, &seen).await);
    assert!(asked.message.contains("Sign in first."), "{}", asked.message);
    assert!(asked.may_move_on);
    let task = seen.task();
    let id = asked.id.as_deref();
    assert!(!way.runner().has_moved_on(&own("a"), &task, id).await);

    let going_on = answered(&call, &asked, task.clone(), None);
    let replied = reply(way.call(&going_on, &Seen::default()).await);
    assert_eq!(output(&replied), json!({"told": ["Go ahead."], "data": []}));
    assert!(way.runner().has_moved_on(&own("a"), &task, id).await);
}

async fn a_failed_task_says_why(way: Shared) {
    let outcome = way
        .call(&way.ask("fail", json!({"do": "fail"})), &Seen::default())
        .await;
    let (failed, _) = failure(outcome);
    assert_eq!((failed.code, failed.retryable), (FailureCode::AgentFailed, true));
    assert!(failed.message.contains("out of paper"), "{}", failed.message);
}

async fn a_rejected_task_is_not_tried_again(way: Shared) {
    let outcome = way
        .call(&way.ask("reject", json!({"do": "reject"})), &Seen::default())
        .await;
    let (failed, _) = failure(outcome);
    assert_eq!(
        (failed.code, failed.retryable),
        (FailureCode::AgentRejected, false)
    );
    assert!(failed.message.contains("not my trade"), "{}", failed.message);
}

async fn a_message_in_the_place_of_a_task_is_an_answer(way: Shared) {
    let seen = Seen::default();
    let replied = reply(
        way.call(&way.ask("message", json!({"do": "message"})), &seen)
            .await,
    );
    assert_eq!(output(&replied), json!({"said": "no task was needed"}));
    assert!(seen.has_no_task());
}

async fn a_task_that_works_is_cancelled(way: Shared) {
    let (call, seen) = (way.ask("slow", json!({"do": "slow"})), Seen::default());
    tokio::select! {
        outcome = way.call(&call, &seen) => panic!("it works for ever: {outcome:?}"),
        () = seen.accepted() => {}
    }
    assert_eq!(
        way.runner().cancel(&own("a"), &seen.task()).await,
        RemoteCancel::Confirmed
    );
}

async fn a_crash_of_the_agent_is_a_failure(way: Shared) {
    if !way.tells_of_crashes() {
        return;
    }
    let outcome = way
        .call(&way.ask("crash", json!({"do": "crash"})), &Seen::default())
        .await;
    let (failed, _) = failure(outcome);
    assert_eq!(failed.code, FailureCode::AgentFailed, "{}", failed.message);
    assert!(failed.reached_agent);
}

async fn a_known_task_is_asked_for_and_not_sent_again(way: Shared) {
    let (call, seen) = (
        way.ask("resume", json!({"do": "echo", "case": "resume"})),
        Seen::default(),
    );
    let first = reply(way.call(&call, &seen).await);
    let known = Call {
        remote_task: Some(seen.task()),
        ..call
    };
    let again = Seen::default();
    assert_eq!(output(&reply(way.call(&known, &again).await)), output(&first));
    assert!(again.has_no_task() || again.task() == seen.task());
}

async fn a_message_is_looked_for_where_tasks_are_listed(way: Shared) {
    let call = way.ask("lookup", json!({"do": "echo", "case": "lookup"}));
    let lookup = |call: &Call| Call {
        is_lookup: true,
        ..call.clone()
    };
    let outcome = way.call(&lookup(&call), &Seen::default()).await;
    assert_eq!(outcome, CallOutcome::TaskLost, "before it was sent");
    let first = reply(way.call(&call, &Seen::default()).await);
    let outcome = way.call(&lookup(&call), &Seen::default()).await;
    if way.lists_tasks() {
        assert_eq!(output(&reply(outcome)), output(&first));
    } else {
        assert_eq!(outcome, CallOutcome::TaskLost, "A2A 0.3 lists no tasks");
    }
}
