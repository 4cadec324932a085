//! Attempts whose agents ask something before they go on (language reference, section 7, `agent_call`).

use agentchains_machine::{
    AgentAnswer, AgentQuestion, ApprovalKind, ApprovalStatus, AttemptOutcome, AttemptStatus, Decision, Input,
    MessageId, NodePath, RemoteCancel, hash_of,
};
use serde_json::{Value, json};

use crate::harness::{Flow, Run, asks, body, flow, reply_costing, usd};

/// A call that may cost 0.4 of 1 USD, with another node behind it.
fn paid() -> Flow {
    flow("a b | a>b")
        .set(json!({"max_budget": 1}))
        .node("a", json!({"max_cost": 0.4, "timeout": "30s"}))
}

fn asked() -> Run {
    let mut run = paid().start();
    run.play("a!");
    run
}

fn answer(run: &mut Run, node: &str, comment: &str, data: Value) {
    let decision = Decision {
        comment: Some(comment.into()),
        data: Some(data),
        ..run.decision(node, "answer", "bob")
    };
    run.step(Input::Decide(decision)).unwrap();
}

fn purse(run: &Run) -> (String, String) {
    let row = &run.rows.execution;
    (row.spent.to_string(), row.reserved.to_string())
}

#[test]
fn what_an_agent_asks_is_put_to_people_as_it_came() {
    let mut run = flow("a").start();
    let shown = json!([{"text": "Which sum?"}, {"data": {"type": "integer"}}]);
    run.ends(
        "a",
        AttemptOutcome::InputRequired(AgentQuestion {
            id: Some("m-1".into()),
            message: "Which sum?".into(),
            shown: shown.clone().into(),
            form: Some(json!({"type": "integer"})),
            may_move_on: false,
        }),
    );
    let question = run.question("a");
    assert_eq!(
        (question.kind, question.status),
        (ApprovalKind::AgentInput, ApprovalStatus::Pending)
    );
    assert_eq!(
        (question.message.as_str(), question.shown.clone()),
        ("Which sum?", shown.clone().into())
    );
    assert_eq!(
        (question.form, question.expires_at),
        (Some(json!({"type": "integer"})), None)
    );
    assert_eq!(question.actions, ["answer", "reject"]);
    let asked = json!({"message": "Which sum?", "shown": shown, "form": {"type": "integer"}});
    assert_eq!(question.shown_hash, hash_of(&asked.into()));
    assert_eq!(
        (run.state("a"), run.status()),
        ("waiting(agent_input)".into(), "paused(approval)".into())
    );
}

#[test]
fn an_answer_goes_to_the_task_that_asked_as_the_same_attempt_with_as_much_time_as_at_first() {
    let mut run = asked();
    let sent = run.call("a").clone();
    run.wait("2h");
    answer(&mut run, "a", "Two.", json!(2));
    let call = run.call("a").clone();
    assert_eq!(call.remote_task.as_ref().unwrap().task_id, "of-a");
    assert_eq!(
        (call.attempt, call.message_id, call.deadline),
        (1, sent.message_id, run.later("30s"))
    );
    assert!(!call.admitted, "the answer to a question is no new call");
    let expected = AgentAnswer {
        message_id: MessageId::of_answer(run.question("a").id),
        question_id: Some("Which?".into()),
        comment: Some("Two.".into()),
        data: Some(json!(2)),
    };
    assert_eq!(call.answer.as_deref(), Some(&expected));
    run.play("a+ b+");
    assert_eq!(
        (run.status().as_str(), run.called().as_str()),
        ("completed", "a a b")
    );
    assert_eq!(run.node("a").attempts, 1);
}

#[test]
fn what_was_reserved_stays_reserved_until_the_one_charge_at_the_end() {
    let mut run = asked();
    assert_eq!(purse(&run), ("0".into(), "0.4".into()));
    assert_eq!(run.attempt("a", 1).status, AttemptStatus::Running);
    run.play("a=answer a!");
    assert_eq!(purse(&run), ("0".into(), "0.4".into()));
    run.play("a=answer");
    run.ends("a", reply_costing(json!({}), "0.3"));
    assert_eq!(purse(&run), ("0.3".into(), "0".into()));
    assert_eq!(
        run.rows.attempts.keys().filter(|(node, _)| node == "a").count(),
        1
    );
}

#[test]
fn a_call_that_does_not_fit_beside_what_is_reserved_waits_for_the_answer() {
    let mut run = flow("a b")
        .set(json!({"max_budget": 1}))
        .node("a", json!({"max_cost": 0.6}))
        .node("b", json!({"max_cost": 0.6}))
        .start();
    run.play("a!");
    assert_eq!(run.states(), "a:waiting(agent_input) b:pending");
    run.play("a=answer a+");
    assert_eq!(run.states(), "a:completed b:running");
}

#[test]
fn a_rejection_cancels_the_task_and_fails_the_node_for_good() {
    let mut run = paid().node("a", json!({"retry": {"max_attempts": 3}})).start();
    run.play("a! a=reject");
    assert_eq!(
        (run.states().as_str(), run.aborts.as_slice()),
        ("a:running b:pending", &[("a".into(), 1)][..])
    );
    run.crash();
    assert_eq!(run.aborts.len(), 2, "nobody may have heard of the first one");
    run.play("a+");
    assert_eq!(run.state("a"), "running", "what was refused does not complete");
    run.ends("a", AttemptOutcome::Aborted(Some(RemoteCancel::Refused)));
    assert_eq!(
        run.states(),
        "a:failed(approval_rejected, refused) b:skipped(upstream_failed by a)"
    );
    assert_eq!(run.status(), "failed(approval_rejected)");
    assert_eq!(run.attempt("a", 1).status, AttemptStatus::Failed);
    assert_eq!(run.rows.execution.reserved, usd("0"));
    assert!(!run.rows.execution.cost_known, "the agent had been at work");
    assert!(run.aborted("a").is_empty());
}

#[test]
fn each_question_of_a_task_is_decided_for_itself() {
    let mut run = asked();
    let first = run.question("a").id;
    run.play("a=answer");
    let told = run.call("a").answer.clone().unwrap();
    run.ends("a", asks("And which account?"));
    let second = run.question("a");
    assert_ne!(second.id, first);
    assert_eq!(second.message, "And which account?");
    run.play("a=answer");
    let told_then = run.call("a").answer.clone().unwrap();
    assert_ne!(told.message_id, told_then.message_id);
    assert_eq!(told_then.question_id.as_deref(), Some("And which account?"));
    run.play("a+ b+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_task_that_asks_takes_no_place_and_is_told_the_answer_once_there_is_one() {
    let mut run = flow("a b").set(json!({"max_concurrency": 1})).start();
    assert_eq!(run.states(), "a:running b:pending");
    run.play("a!");
    assert_eq!(run.states(), "a:waiting(agent_input) b:running");
    run.play("a=answer");
    assert_eq!(run.states(), "a:waiting(agent_input) b:running");
    run.play("b+");
    assert_eq!(run.states(), "a:running b:completed");
}

#[test]
fn an_answer_during_a_pause_is_sent_on_resume() {
    let mut run = flow("a b").start();
    run.play("a!");
    run.pause().unwrap();
    run.play("a=answer b+");
    assert_eq!(
        (run.status().as_str(), run.called().as_str()),
        ("paused(user)", "a b")
    );
    run.resume().unwrap();
    assert_eq!(
        (run.state("a").as_str(), run.called().as_str()),
        ("running", "a b a")
    );
}

#[test]
fn nothing_is_sent_after_a_crash_while_nobody_has_answered() {
    let mut run = asked();
    run.crash();
    assert_eq!(
        (run.state("a").as_str(), run.called().as_str()),
        ("waiting(agent_input)", "a")
    );
    run.play("a=answer");
    assert_eq!(run.call("a").remote_task.as_ref().unwrap().task_id, "of-a");
}

#[test]
fn after_a_crash_the_task_is_gone_on_with_and_the_answer_still_known() {
    let mut run = asked();
    run.play("a=answer");
    let told = run.call("a").clone();
    run.crash();
    assert_eq!(*run.call("a"), told);
    run.play("a+ b+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_task_that_is_lost_over_a_question_is_an_unknown_outcome() {
    let mut run = asked();
    run.play("a=answer");
    run.ends("a", AttemptOutcome::Lost);
    let call = run.call("a");
    assert_eq!((&call.remote_task, &call.answer, call.attempt), (&None, &None, 1));
}

#[test]
fn a_cancel_withdraws_the_question_and_cancels_the_task() {
    let mut run = asked();
    run.cancel().unwrap();
    assert_eq!(run.question("a").status, ApprovalStatus::Withdrawn);
    assert_eq!(
        (run.status().as_str(), run.aborts.as_slice()),
        ("cancelling", &[("a".into(), 1)][..])
    );
    run.ends("a", AttemptOutcome::Aborted(Some(RemoteCancel::Confirmed)));
    assert_eq!(run.states(), "a:cancelled(confirmed) b:cancelled");
    assert_eq!(
        (run.status().as_str(), purse(&run).1.as_str()),
        ("cancelled", "0")
    );
}

#[test]
fn a_cancelled_task_is_not_waited_for_longer_than_a_moment() {
    let mut run = asked();
    run.cancel().unwrap();
    run.wait("4s");
    assert_eq!(run.status(), "cancelled");
}

#[test]
fn who_asks_when_all_is_over_is_not_heard() {
    let mut run = paid().start();
    run.cancel().unwrap();
    // The call had ended before it could be aborted.
    run.play("a!");
    assert_eq!(run.aborts, [("a".into(), 1), ("a".into(), 1)]);
    run.ends("a", AttemptOutcome::Aborted(Some(RemoteCancel::Confirmed)));
    assert_eq!(run.state("a"), "cancelled(confirmed)");

    let mut run = flow("f a").start();
    run.play("f- a!");
    assert_eq!(
        (run.state("a").as_str(), run.aborts.as_slice()),
        ("running", &[("a".into(), 1)][..])
    );
    run.aborted("a");
    assert_eq!(
        (run.status().as_str(), run.rows.approvals.len()),
        ("failed(agent_rejected)", 0)
    );
}

#[test]
fn a_failure_elsewhere_gives_up_what_an_agent_asks() {
    for on_failure in ["drain", "cancel"] {
        let mut run = flow("f a b | a>b").set(json!({"on_failure": on_failure})).start();
        run.play("a! f-");
        assert_eq!(
            run.question("a").status,
            ApprovalStatus::Withdrawn,
            "{on_failure}"
        );
        assert_eq!(run.aborts, [("a".into(), 1)], "{on_failure}");
        run.aborted("a");
        assert_eq!(
            run.states(),
            "f:failed(agent_rejected) a:cancelled b:skipped(execution_failed by f)"
        );
    }
    let mut run = flow("f a").set(json!({"on_failure": "continue"})).start();
    run.play("a! f- a=answer a+");
    assert_eq!(run.states(), "f:failed(agent_rejected) a:completed");
}

#[test]
fn the_execution_s_timeout_goes_on_while_an_agent_asks_and_the_attempt_s_does_not() {
    let mut run = paid().set(json!({"timeout": "1h"})).start();
    run.play("a!");
    assert_eq!(run.sleeps_for().unwrap().as_secs(), 3_600);
    run.wait("59m");
    assert_eq!(run.state("a"), "waiting(agent_input)");
    run.wait("1m");
    assert_eq!(
        (run.question("a").status, run.aborts.len()),
        (ApprovalStatus::Withdrawn, 1)
    );
    run.aborted("a");
    assert_eq!(run.status(), "failed(execution_timeout)");
}

#[test]
fn a_group_that_is_satisfied_cancels_a_task_that_asks() {
    let mut config = body("a b");
    config["mode"] = json!("any");
    let mut run = flow("g&").config("g", config).start();
    run.play("g/a! g/b+");
    assert_eq!(run.question("g/a").status, ApprovalStatus::Withdrawn);
    assert_eq!(run.aborts, [("g/a".into(), 1)]);
    run.aborted("g/a");
    assert_eq!(
        (run.state("g").as_str(), run.status().as_str()),
        ("completed", "completed")
    );
}

#[test]
fn a_rejection_inside_of_a_loop_is_a_failure_of_its_iteration() {
    let config = json!({"items": [1, 2], "body": body("a"), "max_iterations": 5});
    let mut run = flow("l*").config("l", config).start();
    run.play("l[0]/a! l[0]/a=answer l[0]/a+ l[1]/a! l[1]/a=reject");
    run.aborted("l[1]/a");
    assert_eq!(run.state("l"), "failed(loop_failed)");
    assert_eq!(run.status(), "failed(approval_rejected)");
}

#[test]
fn the_data_of_an_answer_fits_the_agent_s_form_where_that_is_one() {
    for (form, data, comment, fits) in [
        (json!({"type": "integer"}), Some(json!(7)), None, true),
        (json!({"type": "integer"}), Some(json!("7")), None, false),
        (json!({"type": "integer"}), Some(json!("7")), Some("seven"), false),
        (json!({"type": "integer"}), None, Some("seven"), true),
        (json!({"type": "integer"}), None, None, false),
        (json!({"type": "whole"}), Some(json!("7")), None, true),
    ] {
        let mut run = flow("a").start();
        let question = AgentQuestion {
            id: None,
            message: "Which sum?".to_owned(),
            shown: json!([]).into(),
            form: Some(form.clone()),
            may_move_on: false,
        };
        run.ends("a", AttemptOutcome::InputRequired(question));
        let decision = Decision {
            data: data.clone(),
            comment: comment.map(str::to_owned),
            ..run.decision("a", "answer", "bob")
        };
        let decided = run.step(Input::Decide(decision));
        assert_eq!(decided.is_ok(), fits, "{form} {data:?} {comment:?}");
    }
}

/// An agent asks for an authorisation, which somebody may give it elsewhere.
fn authorised_elsewhere() -> Run {
    let mut run = paid().start();
    run.accepts("a", "task-7");
    let question = AgentQuestion {
        id: Some("m-1".into()),
        message: "Who may do that?".into(),
        shown: json!([]).into(),
        form: None,
        may_move_on: true,
    };
    run.ends("a", AttemptOutcome::InputRequired(question));
    run
}

fn moved_on(run: &mut Run, attempt: u32) {
    run.feed(Input::TaskMovedOn {
        path: NodePath::top_level("a"),
        attempt,
    });
}

#[test]
fn an_agent_that_may_be_authorised_elsewhere_is_looked_at_soon_and_then_less_and_less_often() {
    let mut run = authorised_elsewhere();
    for (looked, seconds) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
        if looked == 3 {
            run.crash();
        }
        assert_eq!(run.sleeps_for().unwrap().as_secs(), seconds);
        run.wait(&format!("{seconds}s"));
        assert_eq!(run.looks.len(), looked + 1);
        assert_eq!(run.status(), "paused(approval)");
    }
    assert!(
        asked().sleeps_for().is_none(),
        "a question for input waits for people alone"
    );
}

#[test]
fn a_task_that_goes_on_by_itself_is_followed_and_its_question_withdrawn() {
    let mut run = authorised_elsewhere();
    let sent = run.call("a").clone();
    run.wait("30s");
    moved_on(&mut run, 1);
    assert_eq!(run.question("a").status, ApprovalStatus::Withdrawn);
    let call = run.call("a").clone();
    assert_eq!(
        (
            call.answer,
            call.remote_task.unwrap().task_id.as_str(),
            call.message_id
        ),
        (None, "task-7", sent.message_id)
    );
    assert_eq!(run.status(), "running");
    run.ends("a", reply_costing(json!(1), "0.1"));
    run.play("b+");
    assert_eq!((run.status().as_str(), run.node("a").attempts), ("completed", 1));
}

#[test]
fn a_task_that_was_answered_meanwhile_or_is_another_attempt_s_is_not_gone_on_with_twice() {
    let mut run = authorised_elsewhere();
    moved_on(&mut run, 2);
    assert_eq!(run.status(), "paused(approval)");
    answer(&mut run, "a", "bob may", json!({}));
    let calls = run.calls.len();
    moved_on(&mut run, 1);
    assert_eq!(
        (run.calls.len(), run.states().as_str()),
        (calls, "a:running b:pending")
    );
}
