//! Attempts that are tried again: how often, when, and why not (language reference, section 8).

use std::time::Duration;

use agentchains_machine::{AttemptFailure, AttemptStatus, EventType, FailureCode};
use serde_json::{Value, json};

use crate::harness::{Run, broke, flow, refused};

fn retrying(retry: Value) -> Run {
    flow("a").node("a", json!({"retry": retry})).start()
}

fn exact(mut retry: Value) -> Run {
    retry["jitter"] = json!("none");
    retrying(retry)
}

#[test]
fn without_retry_there_is_one_attempt() {
    let mut run = flow("a").start();
    run.play("a~");
    assert_eq!(run.states(), "a:failed(agent_failed)");
    assert_eq!(run.status(), "failed(agent_failed)");
}

#[test]
fn the_last_attempt_decides() {
    let mut run = exact(json!({"max_attempts": 3}));
    run.play("a~");
    assert_eq!(run.states(), "a:waiting(retry)");
    run.wait("1s");
    run.play("a~");
    run.wait("2s");
    run.play("a~");
    assert_eq!(run.states(), "a:failed(agent_failed)");
    let statuses: Vec<_> = (1..=3).map(|number| run.attempt("a", number).status).collect();
    assert_eq!(statuses, [AttemptStatus::Failed; 3]);
    assert_eq!(run.count(EventType::NodeStarted), 3);
    assert_eq!(run.count(EventType::NodeRetrying), 2);
}

#[test]
fn a_retry_that_succeeds_completes_the_node() {
    let mut run = exact(json!({}));
    run.play("a~");
    run.wait("1s");
    run.play("a+");
    assert_eq!((run.status().as_str(), run.node("a").attempts), ("completed", 2));
    assert_eq!(
        run.events(),
        "execution.started, node.started a, node.retrying a, node.started a, node.completed a, execution.completed"
    );
}

#[test]
fn what_no_attempt_mends_is_not_tried_again() {
    let mut run = exact(json!({}));
    run.fails("a", refused());
    assert_eq!(run.states(), "a:failed(agent_rejected)");
}

#[test]
fn delays_grow_up_to_the_longest_one() {
    let mut run = exact(json!({
        "max_attempts": 6, "initial_interval": "500ms", "multiplier": 3, "max_interval": "10s",
    }));
    let mut delays = Vec::new();
    for _ in 0..5 {
        run.play("a~");
        delays.push(run.sleeps_for().unwrap().as_millis());
        run.wait(&format!("{}ms", delays[delays.len() - 1]));
    }
    assert_eq!(delays, [500, 1_500, 4_500, 10_000, 10_000]);
}

#[test]
fn delays_that_grow_beyond_numbers_are_the_longest_one() {
    let mut run = exact(
        json!({"max_attempts": 400, "initial_interval": "1s", "multiplier": 100, "max_interval": "1m"}),
    );
    for _ in 0..200 {
        run.play("a~");
        let delay = run.sleeps_for().unwrap();
        assert!(delay <= Duration::from_secs(60));
        run.wait("1m");
    }
    run.play("a~");
    assert_eq!(run.sleeps_for(), Some(Duration::from_secs(60)));
}

#[test]
fn without_an_interval_the_next_attempt_starts_at_once() {
    let mut run = exact(json!({"initial_interval": 0, "max_attempts": 400, "multiplier": 100}));
    for _ in 0..300 {
        run.play("a~");
        assert_eq!(run.states(), "a:running");
    }
}

#[test]
fn full_jitter_spreads_a_delay_between_nothing_and_all_of_it() {
    let mut delays = Vec::new();
    let mut run = retrying(json!({
        "max_attempts": 50, "initial_interval": "8s", "multiplier": 1, "max_interval": "8s", "jitter": "full",
    }));
    for _ in 0..40 {
        run.play("a~");
        delays.push(run.sleeps_for().unwrap_or_default());
        run.wait("8s");
    }
    let eight = Duration::from_secs(8);
    assert!(delays.iter().all(|delay| *delay <= eight), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay < eight / 4), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay > eight * 3 / 4), "{delays:?}");
}

#[test]
fn jitter_is_a_function_of_what_is_retried() {
    let delays = || {
        let mut run = retrying(json!({"initial_interval": "20s"}));
        run.play("a~");
        run.sleeps_for()
    };
    assert_eq!(delays(), delays());
}

#[test]
fn an_agent_that_says_when_to_come_back_is_not_called_before() {
    let after = |delay: &str| {
        let mut run = exact(json!({"initial_interval": "10s"}));
        let failure = AttemptFailure {
            code: FailureCode::AgentRateLimited,
            retry_after: Some(run.later(delay)),
            ..broke()
        };
        run.fails("a", failure);
        run.sleeps_for().unwrap().as_secs()
    };
    assert_eq!(after("45s"), 45);
    // A sooner moment does not shorten the delay.
    assert_eq!(after("2s"), 10);
}

#[test]
fn an_event_says_why_and_when_an_attempt_is_tried_again() {
    let mut run = exact(json!({}));
    run.play("a~");
    let data = run.last_data(EventType::NodeRetrying);
    assert_eq!(data["error"]["code"], "agent_failed");
    assert_eq!(data["due_at"], "2026-01-01T00:00:01.000Z");
    assert_eq!(
        (&data["status"], &data["attempt"]),
        (&json!("waiting"), &json!(1))
    );
    assert_eq!(data["waiting_on"]["kind"], "retry");
}

#[test]
fn time_that_is_not_up_changes_nothing() {
    let mut run = exact(json!({}));
    run.play("a~");
    assert!(run.wait("999ms").is_empty());
    assert_eq!(run.states(), "a:waiting(retry)");
    run.wait("1ms");
    assert_eq!(run.states(), "a:running");
}
