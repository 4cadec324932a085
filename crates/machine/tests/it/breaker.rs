//! Agents that may not be called at the moment: open breakers and busy agents (language reference, section 8).

use agentchains_machine::{EventType, Input};
use serde_json::{Value, json};

use crate::harness::{Run, flow};

/// A node whose agent's breaker opens again in 30 seconds.
fn open(node: Value) -> Run {
    let mut run = flow("a").node("a", node).prepare();
    let retry_at = run.later("30s");
    run.gate.open("a", retry_at);
    run.begin()
}

#[test]
fn an_open_breaker_refuses_at_once_without_attempt_or_reservation() {
    let run = open(json!({"max_cost": 1}));
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:failed(circuit_open)", "failed(circuit_open)")
    );
    assert_eq!((run.called().as_str(), run.node("a").attempts), ("", 0));
    assert_eq!(run.count(EventType::NodeStarted), 0);
}

#[test]
fn a_node_waits_for_the_breaker_as_long_as_it_says() {
    let mut run = open(json!({"breaker_wait": "1m"}));
    assert_eq!(run.states(), "a:waiting(breaker)");
    assert_eq!(run.sleeps_for().unwrap().as_secs(), 30);
    run.gate.well("a");
    run.wait("30s");
    assert_eq!((run.states().as_str(), run.node("a").attempts), ("a:running", 1));
}

#[test]
fn waiting_ends_when_it_is_over_even_between_two_tries() {
    let mut run = open(json!({"breaker_wait": "10s"}));
    assert_eq!(run.sleeps_for().unwrap().as_secs(), 10);
    run.wait("10s");
    assert_eq!(run.states(), "a:failed(circuit_open)");
}

#[test]
fn a_breaker_that_stays_open_is_asked_again_and_the_wait_is_not_prolonged() {
    let mut run = open(json!({"breaker_wait": "1m"}));
    let retry_at = run.later("60s");
    run.gate.open("a", retry_at);
    run.wait("30s");
    assert_eq!(run.states(), "a:waiting(breaker)");
    assert_eq!(run.count(EventType::NodeWaiting), 1);
    run.wait("30s");
    assert_eq!(run.states(), "a:failed(circuit_open)");
}

#[test]
fn with_retry_a_node_waits_five_minutes() {
    let mut run = open(json!({"retry": {}}));
    let retry_at = run.later("1h");
    run.gate.open("a", retry_at);
    run.wait("30s");
    assert_eq!(run.states(), "a:waiting(breaker)");
    run.wait("269s");
    assert_eq!(run.states(), "a:waiting(breaker)");
    run.wait("1s");
    assert_eq!(run.states(), "a:failed(circuit_open)");
}

#[test]
fn a_breaker_that_gives_no_moment_is_not_asked_in_a_loop() {
    let mut run = flow("a").node("a", json!({"breaker_wait": "1m"})).prepare();
    let now = run.now;
    run.gate.open("a", now);
    run = run.begin();
    assert_eq!(run.sleeps_for().unwrap().as_millis(), 250);
}

#[test]
fn waiting_for_a_breaker_survives_a_restart() {
    let mut run = open(json!({"breaker_wait": "1m"}));
    run.reload();
    run.wait("29s");
    assert_eq!(run.states(), "a:waiting(breaker)");
    run.gate.well("a");
    run.wait("1s");
    assert_eq!(run.states(), "a:running");
}

#[test]
fn a_circuit_open_is_handled_as_any_failure() {
    let run = open(json!({"on_error": {"output": "none"}}));
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:completed(fallback)", "completed")
    );
}

#[test]
fn a_wait_for_a_breaker_tells_which_agent_and_until_when() {
    let run = open(json!({"breaker_wait": "1m"}));
    assert_eq!(
        run.last_data(EventType::NodeWaiting)["waiting_on"],
        json!({
            "kind": "breaker", "agent_id": "a",
            "retry_at": "2026-01-01T00:00:30.000Z", "until": "2026-01-01T00:01:00.000Z",
        })
    );
}

#[test]
fn a_busy_agent_holds_back_its_nodes_and_no_others() {
    let mut run = flow("a b c").node("b", json!({"agent_id": "a"})).prepare();
    run.gate.busy("a");
    run = run.begin();
    assert_eq!(run.states(), "a:pending b:pending c:running");
    assert_eq!(run.status(), "running");
    run.gate.well("a");
    run.feed(Input::Tick);
    assert_eq!(run.running(), "c a b");
}

#[test]
fn a_node_that_waits_for_a_busy_agent_does_not_pause_the_execution() {
    let mut run = flow("a q?").prepare();
    run.gate.busy("a");
    run = run.begin();
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:pending q:waiting(approval)", "running")
    );
    assert!(!run.machine.is_parked());
}

#[test]
fn admissions_are_taken_in_the_order_of_the_calls() {
    let run = flow("a b long c | long>c").start();
    let called: Vec<&str> = run.calls.iter().map(|call| call.agent_id.as_str()).collect();
    assert_eq!(run.gate.admitted, called);
    assert!(run.calls.iter().all(|call| call.admitted));
}

/// `a` falls back to `b` and that to `c`, which falls back to `a`; all with open breakers but `well`.
fn falling_back(well: &[&str]) -> Run {
    let mut run = flow("a")
        .node("a", json!({"max_cost": 1, "breaker_wait": "5m"}))
        .prepare();
    for (agent, fallback) in [("a", "b"), ("b", "c"), ("c", "a")] {
        run.gate.terms_of(agent).fallback_agent_id = Some(fallback.to_owned());
    }
    for (agent, seconds) in [("a", "90s"), ("b", "20s"), ("c", "40s")] {
        let retry_at = run.later(seconds);
        if !well.contains(&agent) {
            run.gate.open(agent, retry_at);
        }
    }
    run
}

#[test]
fn a_fallback_takes_the_place_of_an_agent_whose_breaker_is_open() {
    for (well, called) in [(vec!["a", "b"], "a"), (vec!["b", "c"], "b"), (vec!["c"], "c")] {
        let mut run = falling_back(&well).begin();
        assert_eq!(
            (run.states().as_str(), run.gate.admitted.join(" ").as_str()),
            ("a:running", called)
        );
        assert_eq!(run.attempt("a", 1).agent_id, called);
        assert_eq!(run.last_data(EventType::NodeStarted)["agent_id"], called);
        run.ok("a", json!({}));
        assert_eq!(run.states(), "a:completed");
    }
}

#[test]
fn a_fallback_is_called_on_its_own_terms() {
    let mut run = falling_back(&["b"]);
    run.gate.prices("b", json!({"per_call": 0.25}));
    run.gate.terms_of("b").price_version = Some(7);
    let mut run = run.begin();
    run.ok("a", json!({}));
    let attempt = run.attempt("a", 1);
    assert_eq!(
        (attempt.cost.to_string().as_str(), attempt.price_version),
        ("0.25", Some(7))
    );
    assert_eq!(attempt.lines.call, attempt.cost);
}

#[test]
fn where_every_fallback_is_open_the_first_to_close_is_waited_for() {
    let mut run = falling_back(&[]).begin();
    assert_eq!(run.states(), "a:waiting(breaker)");
    assert_eq!(run.sleeps_for().unwrap().as_secs(), 20);
    run.gate.well("c");
    run.wait("20s");
    assert_eq!(run.attempt("a", 1).agent_id, "c");
}

#[test]
fn a_fallback_that_is_not_registered_is_passed_over_and_one_that_is_busy_is_waited_for() {
    let mut run = falling_back(&["c"]);
    run.gate.unregister("b");
    assert_eq!(run.begin().states(), "a:waiting(breaker)");
    let mut run = falling_back(&["b"]);
    run.gate.busy("b");
    assert_eq!(run.begin().states(), "a:pending");
}

#[test]
fn a_node_that_fails_at_an_open_breaker_tells_that_its_fallback_is_not_registered() {
    let mut run = flow("a").prepare();
    run.gate.terms_of("a").fallback_agent_id = Some("b".to_owned());
    run.gate.unregister("b");
    let retry_at = run.later("30s");
    run.gate.open("a", retry_at);
    let run = run.begin();
    assert_eq!(run.states(), "a:failed(circuit_open)");
    let message = run.last_data(EventType::NodeFailed)["error"]["message"].clone();
    assert!(
        message
            .as_str()
            .unwrap()
            .ends_with("; agent \"b\", which would take its place, is not registered"),
        "{message}"
    );
}
