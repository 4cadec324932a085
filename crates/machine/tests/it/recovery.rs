//! After a crash: what becomes of the attempts that were in flight (language reference, section 8).

use agentchains_machine::{AttemptOutcome, AttemptStatus, Input};
use agentchains_workflow::OnUnknown;
use serde_json::json;

use crate::harness::{flow, usd};

#[test]
fn an_attempt_whose_task_is_known_is_gone_on_with_and_not_sent_again() {
    let mut run = flow("a").start();
    let sent = run.call("a").clone();
    run.accepts("a", "task-7");
    run.crash();
    let again = run.call("a").clone();
    assert_eq!(again.remote_task.as_ref().unwrap().task_id, "task-7");
    assert_eq!((again.attempt, again.message_id), (1, sent.message_id));
    assert!(!again.admitted, "the admission went with the process");
    run.play("a+");
    assert_eq!((run.status().as_str(), run.node("a").attempts), ("completed", 1));
}

#[test]
fn an_attempt_whose_outcome_is_unknown_is_sent_again_under_the_same_message_id() {
    let mut run = flow("a b | a>b").config("b", json!({"x": "{{a.by}}"})).start();
    run.play("a+");
    let sent = run.call("b").clone();
    run.crash();
    let again = run.call("b").clone();
    assert_eq!(again.remote_task, None);
    assert_eq!(
        (again.attempt, again.message_id, again.deadline),
        (1, sent.message_id, sent.deadline)
    );
    assert_eq!(
        (&again.request, &again.upstream, &again.input),
        (&sent.request, &sent.upstream, &sent.input)
    );
    run.play("b+");
    assert_eq!(run.status(), "completed");
    assert_eq!(run.called(), "a b b");
}

#[test]
fn on_unknown_of_the_node_goes_before_the_agent_s() {
    let after_crash = |node: Option<&str>, agent: OnUnknown| {
        let mut flow = flow("a");
        if let Some(node) = node {
            flow = flow.node("a", json!({"on_unknown": node}));
        }
        let mut run = flow.prepare();
        run.gate.terms_of("a").on_unknown = agent;
        run = run.begin();
        run.crash();
        run.states()
    };
    assert_eq!(after_crash(None, OnUnknown::Resend), "a:running");
    assert_eq!(after_crash(None, OnUnknown::Fail), "a:failed(outcome_unknown)");
    assert_eq!(after_crash(Some("resend"), OnUnknown::Fail), "a:running");
    assert_eq!(
        after_crash(Some("fail"), OnUnknown::Resend),
        "a:failed(outcome_unknown)"
    );
}

#[test]
fn an_attempt_that_ends_unknown_is_posted_and_its_reservation_given_back() {
    let mut run = flow("a")
        .set(json!({"max_budget": 1}))
        .node("a", json!({"on_unknown": "fail", "max_cost": 0.4}))
        .start();
    assert_eq!(run.rows.execution.reserved, usd("0.4"));
    run.crash();
    let line = run.attempt("a", 1);
    assert_eq!((line.status, line.cost_known), (AttemptStatus::Failed, false));
    assert_eq!(run.rows.execution.reserved, usd("0"));
    assert!(!run.rows.execution.cost_known);
}

#[test]
fn a_task_that_the_agent_has_lost_is_an_unknown_outcome() {
    let lost = |on_unknown: &str| {
        let mut run = flow("a").node("a", json!({"on_unknown": on_unknown})).start();
        run.accepts("a", "task-7");
        run.crash();
        run.ends("a", AttemptOutcome::Lost);
        run
    };
    let run = lost("resend");
    assert_eq!(
        (run.states().as_str(), run.called().as_str()),
        ("a:running", "a a a")
    );
    assert_eq!(run.call("a").remote_task, None);
    assert_eq!(lost("fail").states(), "a:failed(outcome_unknown)");
}

#[test]
fn completed_nodes_are_not_called_again() {
    let mut run = flow("a b c | a>c b>c").start();
    run.play("a+");
    run.crash();
    run.play("b+");
    run.crash();
    run.play("c+");
    assert_eq!(
        (run.status().as_str(), run.called().as_str()),
        ("completed", "a b b c c")
    );
}

#[test]
fn a_resend_is_no_new_attempt() {
    let mut run = flow("a")
        .node("a", json!({"retry": {"max_attempts": 2, "jitter": "none"}}))
        .start();
    for _ in 0..5 {
        run.crash();
    }
    assert_eq!(run.node("a").attempts, 1);
    run.play("a~");
    run.wait("1s");
    run.crash();
    run.play("a~");
    assert_eq!(
        (run.states().as_str(), run.node("a").attempts),
        ("a:failed(agent_failed)", 2)
    );
}

#[test]
fn a_crash_while_cancelling_aborts_again() {
    let mut run = flow("a").start();
    run.accepts("a", "task-7");
    run.cancel().unwrap();
    run.crash();
    assert_eq!(run.aborts, [("a".to_owned(), 1), ("a".to_owned(), 1)]);
    assert_eq!(run.called(), "a");
    run.wait("4s");
    assert_eq!(run.status(), "cancelled");
}

#[test]
fn a_crash_while_draining_sends_again_what_was_in_flight_and_nothing_else() {
    let mut run = flow("a b c | b>c").start();
    run.play("a-");
    run.crash();
    assert_eq!(
        (run.state("b").as_str(), run.called().as_str()),
        ("running", "b a b")
    );
    run.play("b+");
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:completed c:skipped(execution_failed by a)"
    );
}

#[test]
fn a_task_that_is_lost_while_aborting_is_not_sent_again() {
    let mut run = flow("a").start();
    run.accepts("a", "task-7");
    run.cancel().unwrap();
    run.ends("a", AttemptOutcome::Lost);
    assert_eq!(
        (run.states().as_str(), run.called().as_str()),
        ("a:cancelled", "a")
    );
    assert_eq!(run.status(), "cancelled");
}

#[test]
fn a_crash_while_draining_goes_on_with_a_task_that_is_known() {
    let mut run = flow("a b").start();
    run.accepts("b", "task-7");
    run.play("a-");
    run.crash();
    assert_eq!(run.state("b"), "running");
    run.play("b+");
    assert_eq!(run.states(), "a:failed(agent_rejected) b:completed");
}

#[test]
fn attempts_in_flight_are_recovered_during_a_pause_and_nothing_else_starts() {
    let mut run = flow("a b | a>b").start();
    run.pause().unwrap();
    run.crash();
    assert_eq!(
        (run.called().as_str(), run.status().as_str()),
        ("a a", "paused(user)")
    );
    run.play("a+");
    assert_eq!(run.state("b"), "pending");
}

#[test]
fn a_queue_is_built_again_from_the_rows() {
    let mut run = flow("a b c").set(json!({"max_concurrency": 1})).start();
    run.crash();
    run.play("a+");
    assert_eq!(run.running(), "b");
    let mut run = flow("a b c d | a>c b>c c>d")
        .set(json!({"scheduling": "layered"}))
        .start();
    run.play("a+ b+");
    run.crash();
    run.play("c+");
    assert_eq!(run.running(), "d");
}

#[test]
fn what_time_changed_while_nobody_looked_happens_at_once() {
    let mut run = flow("a q?")
        .node("a", json!({"retry": {"jitter": "none"}}))
        .config("q", json!({"timeout": "1m", "on_timeout": "approve"}))
        .start();
    run.play("a~");
    run.now = run.later("1h");
    run.crash();
    assert_eq!(run.states(), "a:running q:completed");
}

#[test]
fn the_first_task_of_an_attempt_is_kept() {
    let mut run = flow("a").start();
    run.accepts("a", "task-7");
    assert!(run.accepts("a", "task-8").is_empty());
    run.crash();
    assert_eq!(run.call("a").remote_task.as_ref().unwrap().task_id, "task-7");
}

#[test]
fn recovering_what_was_not_interrupted_changes_nothing() {
    let mut run = flow("q?").start();
    run.reload();
    assert!(run.feed(Input::Recover).is_empty());
}

#[test]
fn a_person_may_have_an_attempt_of_unknown_outcome_sent_again() {
    let mut run = flow("a")
        .node("a", json!({"on_unknown": "ask", "max_cost": 0.5}))
        .start();
    run.crash();
    assert_eq!(
        (run.state("a"), run.status()),
        ("waiting(outcome)".into(), "paused(approval)".into())
    );
    assert_eq!(run.rows.execution.reserved, usd("0.5"));
    let first = run.call("a").message_id;
    run.decide("a", "resend", "bob").unwrap();
    assert_eq!((run.called().as_str(), run.call("a").message_id), ("a a", first));
    assert_eq!(run.call("a").attempt, 1);
    run.play("a+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_person_may_give_up_an_attempt_of_unknown_outcome() {
    let mut run = flow("a").node("a", json!({"on_unknown": "ask"})).start();
    run.crash();
    run.decide("a", "fail", "bob").unwrap();
    assert_eq!(run.status(), "failed(outcome_unknown)");
}

#[test]
fn what_a_person_said_during_a_pause_is_done_after_it_and_survives_a_crash() {
    let mut run = flow("a b").node("a", json!({"on_unknown": "ask"})).start();
    run.pause().unwrap();
    run.crash();
    run.decide("a", "resend", "bob").unwrap();
    assert_eq!(run.state("a"), "waiting(outcome)");
    run.crash();
    run.resume().unwrap();
    assert_eq!(run.state("a"), "running");
}

#[test]
fn an_attempt_of_unknown_outcome_is_posted_when_the_execution_ends() {
    let mut run = flow("a")
        .node("a", json!({"on_unknown": "ask", "max_cost": 0.5}))
        .start();
    run.crash();
    run.cancel().unwrap();
    assert_eq!(
        (run.states().as_str(), run.status()),
        ("a:cancelled", "cancelled".into())
    );
    assert_eq!(run.rows.execution.reserved, agentchains_cost::Usd::ZERO);
}

#[test]
fn an_agent_that_can_be_asked_is_asked_for_the_task_of_an_attempt_before_on_unknown_decides() {
    for (on_unknown, state) in [
        ("resend", "a:running"),
        ("ask", "a:waiting(outcome)"),
        ("fail", "a:failed(outcome_unknown)"),
    ] {
        let mut run = flow("a").node("a", json!({"on_unknown": on_unknown})).prepare();
        run.gate.terms_of("a").finds_tasks = true;
        let mut run = run.begin();
        let sent = run.call("a").clone();
        run.crash();
        let lookup = run.call("a").clone();
        assert!(lookup.is_lookup && !lookup.admitted);
        assert_eq!(
            (lookup.message_id, run.states().as_str()),
            (sent.message_id, "a:running")
        );
        run.ends("a", AttemptOutcome::Lost);
        assert_eq!(run.states(), state);
        assert_eq!(run.calls.len(), if on_unknown == "resend" { 3 } else { 2 });
        assert!(!run.calls.last().unwrap().is_lookup || on_unknown != "resend");
    }
}

#[test]
fn a_task_that_is_found_after_a_crash_is_gone_on_with_whatever_on_unknown_says() {
    let mut run = flow("a").node("a", json!({"on_unknown": "fail"})).prepare();
    run.gate.terms_of("a").finds_tasks = true;
    let mut run = run.begin();
    run.crash();
    run.accepts("a", "task-7");
    run.crash();
    let call = run.call("a").clone();
    assert_eq!(
        (call.is_lookup, call.remote_task.unwrap().task_id.as_str()),
        (false, "task-7")
    );
    run.play("a+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn quarantine_ends_an_execution_without_touching_its_agents_again() {
    let mut run = flow("a b c | a>c b>c")
        .set(json!({"max_budget": 1}))
        .node("b", json!({"max_cost": 0.4}))
        .start();
    run.accepts("b", "task-7");
    run.play("a+");
    run.feed(Input::Quarantine);
    assert_eq!(run.status(), "failed(quarantined)");
    assert_eq!(run.states(), "a:completed b:failed(quarantined) c:cancelled");
    assert_eq!((run.called().as_str(), run.aborts.len()), ("a b", 0));
    assert_eq!(run.rows.execution.reserved, usd("0"));
}

#[test]
fn quarantine_ends_what_has_not_begun_and_what_is_paused() {
    let mut run = flow("a").prepare();
    run.feed(Input::Quarantine);
    assert_eq!(
        (run.status().as_str(), run.called().as_str()),
        ("failed(quarantined)", "")
    );
    let mut run = flow("a").start();
    run.pause().unwrap();
    run.feed(Input::Quarantine);
    assert_eq!(run.status(), "failed(quarantined)");
}
