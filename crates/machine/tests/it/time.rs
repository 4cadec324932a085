//! Timeouts of attempts and of executions (language reference, sections 1, 8 and 10).

use std::time::Duration;

use agentchains_machine::{AttemptOutcome, RemoteCancel};
use serde_json::json;

use crate::harness::{flow, reply};

#[test]
fn an_attempt_s_deadline_is_the_node_s_timeout_else_the_agent_s_else_a_minute() {
    let mut run = flow("a b c").node("a", json!({"timeout": "5s"})).prepare();
    run.gate.terms_of("a").timeout = Some(Duration::from_secs(9));
    run.gate.terms_of("b").timeout = Some(Duration::from_secs(9));
    run = run.begin();
    for (node, timeout) in [("a", "5s"), ("b", "9s"), ("c", "60s")] {
        assert_eq!(run.call(node).deadline, run.later(timeout), "{node}");
    }
}

#[test]
fn an_execution_s_timeout_is_not_its_attempts_so_that_no_agent_is_blamed_for_it() {
    let run = flow("a").set(json!({"timeout": "20s"})).start();
    assert_eq!(run.call("a").deadline, run.later("60s"));
}

#[test]
fn an_execution_whose_timeout_is_over_fails_in_the_manner_of_a_cancel() {
    let mut run = flow("a b q? | a>b").set(json!({"timeout": "10m"})).start();
    assert_eq!(run.sleeps_for(), Some(Duration::from_secs(600)));
    run.wait("10m");
    assert_eq!(run.status(), "running");
    assert_eq!(run.aborts, [("a".to_owned(), 1)]);
    run.ends("a", AttemptOutcome::Aborted(Some(RemoteCancel::Confirmed)));
    assert_eq!(run.states(), "a:cancelled(confirmed) b:cancelled q:cancelled");
    assert_eq!(run.status(), "failed(execution_timeout)");
    assert_eq!(
        run.rows.events.last().unwrap().data.to_value()["timed_out"],
        json!(true)
    );
}

#[test]
fn calls_that_do_not_answer_the_end_of_the_execution_are_not_waited_for() {
    let mut run = flow("a").set(json!({"timeout": "10s"})).start();
    run.wait("10s");
    run.wait("4s");
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:cancelled(unknown)", "failed(execution_timeout)")
    );
}

#[test]
fn the_timeout_counts_while_people_are_waited_for() {
    let mut run = flow("q?").set(json!({"timeout": "1h"})).start();
    assert_eq!(run.status(), "paused(approval)");
    run.wait("1h");
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("q:cancelled", "failed(execution_timeout)")
    );
}

#[test]
fn the_timeout_counts_during_a_pause_and_over_a_restart() {
    let mut run = flow("a b | a>b").set(json!({"timeout": "1h"})).start();
    run.pause().unwrap();
    run.play("a+");
    run.reload();
    assert_eq!(run.sleeps_for(), Some(Duration::from_secs(3_600)));
    run.wait("2h");
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:completed b:cancelled", "failed(execution_timeout)")
    );
}

#[test]
fn a_result_that_comes_with_the_timeout_counts() {
    let mut run = flow("a").set(json!({"timeout": "1h"})).start();
    run.now = run.later("1h");
    run.ends("a", reply(json!("just in time")));
    assert_eq!(run.state("a"), "completed");
}

#[test]
fn an_execution_that_is_done_in_time_never_times_out() {
    let mut run = flow("a").set(json!({"timeout": "1h"})).start();
    run.play("a+");
    assert!(run.wait("2h").is_empty());
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_cancel_takes_the_place_of_a_timeout_that_is_under_way() {
    let mut run = flow("a").set(json!({"timeout": "10s"})).start();
    run.wait("10s");
    run.cancel().unwrap();
    run.aborted("a");
    assert_eq!(run.status(), "cancelled(execution_timeout)");
}

#[test]
fn a_timeout_during_a_drain_aborts_what_is_in_flight_and_the_failure_stays_the_reason() {
    let mut run = flow("a b").set(json!({"timeout": "10s"})).start();
    run.play("a-");
    run.wait("10s");
    assert_eq!(run.aborts, [("b".to_owned(), 1)]);
    run.aborted("b");
    assert_eq!(run.states(), "a:failed(agent_rejected) b:cancelled");
    assert_eq!(run.status(), "failed(agent_rejected)");
}

#[test]
fn a_parked_execution_needs_no_place_in_memory() {
    let mut run = flow("a q? | a>q").start();
    assert!(!run.machine.is_parked());
    run.play("a+");
    assert!(run.machine.is_parked());
    run.play("q=approve");
    assert!(run.machine.is_parked());

    let mut run = flow("a").node("a", json!({"retry": {"jitter": "none"}})).start();
    run.play("a~");
    assert!(run.machine.is_parked());
    run.gate.busy("a");
    run.wait("1s");
    assert!(
        !run.machine.is_parked(),
        "it waits for a place among the agent's calls"
    );
}
