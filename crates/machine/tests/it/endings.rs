//! What an unhandled failure does to the rest: `on_failure` (language reference, section 8).

use agentchains_machine::{ApprovalStatus, AttemptOutcome, RemoteCancel};
use serde_json::json;

use crate::harness::{Flow, Run, broke, flow};

fn policy(on_failure: &str, text: &str) -> Flow {
    flow(text).set(json!({"on_failure": on_failure}))
}

/// A failure in `a` while `b` is called, `q` asked, `r` about to retry, `c` blocked and `d` held back.
fn midway(on_failure: &str) -> Run {
    let mut run = policy(on_failure, "a b r q? c d e | a>c b>d q>e")
        .node("r", json!({"retry": {"jitter": "none"}}))
        .start();
    run.play("r~ a-");
    run
}

#[test]
fn drain_lets_calls_end_and_starts_nothing() {
    let mut run = midway("drain");
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:running r:failed(agent_failed) q:waiting(approval) \
         c:skipped(upstream_failed by a) d:pending e:pending"
    );
    assert_eq!(run.status(), "running");
    assert!(run.aborts.is_empty());
    run.ok_costing("b", "0.1");
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:completed r:failed(agent_failed) q:skipped(execution_failed by a) \
         c:skipped(upstream_failed by a) d:skipped(execution_failed by a) e:skipped(execution_failed by a)"
    );
    assert_eq!(run.status(), "failed(agent_rejected)");
    assert_eq!(run.rows.execution.spent, crate::harness::usd("0.1"));
}

#[test]
fn drain_withdraws_questions_at_once() {
    let mut run = midway("drain");
    assert_eq!(run.question("q").status, ApprovalStatus::Withdrawn);
    assert!(run.decide("q", "approve", "bob").is_err());
}

#[test]
fn drain_is_the_default() {
    let mut run = flow("a b c | b>c").start();
    run.play("a- b+");
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:completed c:skipped(execution_failed by a)"
    );
}

#[test]
fn a_second_failure_while_draining_is_recorded_and_the_first_one_named() {
    let mut run = flow("a b c | b>c").node("b", json!({"retry": {}})).start();
    run.play("a- b~");
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:failed(agent_failed) c:skipped(upstream_failed by b)"
    );
    let error = run.rows.execution.error.clone().unwrap();
    assert_eq!(error.node.unwrap().as_str(), "a");
}

#[test]
fn a_failure_is_still_handled_while_draining() {
    let mut run = flow("a b c | b>c")
        .node("b", json!({"on_error": {"output": 1}}))
        .start();
    run.play("a- b-");
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:completed(fallback) c:skipped(execution_failed by a)"
    );
}

#[test]
fn cancel_aborts_the_calls_in_flight_too() {
    let mut run = midway("cancel");
    assert_eq!(run.aborts, [("b".to_owned(), 1)]);
    run.ends("b", AttemptOutcome::Aborted(Some(RemoteCancel::Confirmed)));
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:cancelled(confirmed) r:failed(agent_failed) \
         q:skipped(execution_failed by a) c:skipped(upstream_failed by a) d:skipped(execution_failed by a) \
         e:skipped(execution_failed by a)"
    );
    assert_eq!(run.status(), "failed(agent_rejected)");
}

#[test]
fn a_result_that_comes_before_its_abort_counts() {
    let mut run = midway("cancel");
    run.play("b+");
    assert_eq!(run.state("b"), "completed");
    assert_eq!(run.state("d"), "skipped(execution_failed by a)");
}

#[test]
fn continue_runs_whatever_its_joins_still_allow() {
    let mut run = midway("continue");
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:running r:waiting(retry) q:waiting(approval) \
         c:skipped(upstream_failed by a) d:pending e:pending"
    );
    run.wait("1s");
    run.play("r+ b+ d+ q=approve e+");
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:completed r:completed q:completed c:skipped(upstream_failed by a) \
         d:completed e:completed"
    );
    assert_eq!(run.status(), "failed(agent_rejected)");
    assert_eq!(run.rows.execution.output, None);
}

#[test]
fn a_handled_failure_leaves_the_execution_alone() {
    for on_failure in ["drain", "cancel", "continue"] {
        let mut run = policy(on_failure, "a b")
            .node("a", json!({"on_error": {"goto": "b"}}))
            .start();
        run.play("a- b+");
        assert_eq!(
            (run.status().as_str(), &run.rows.execution.error),
            ("completed", &None),
            "{on_failure}"
        );
    }
}

#[test]
fn a_retry_that_waits_for_a_breaker_is_given_up_too() {
    let mut run = flow("a b c")
        .node("b", json!({"retry": {"jitter": "none"}}))
        .start();
    run.play("b~");
    let retry_at = run.later("1h");
    run.gate.open("b", retry_at);
    run.wait("1s");
    assert_eq!(run.state("b"), "waiting(breaker)");
    run.play("a-");
    assert_eq!(run.state("b"), "failed(circuit_open)");
}

#[test]
fn a_node_that_waits_for_a_breaker_and_was_never_called_is_skipped() {
    let mut run = flow("a b").node("b", json!({"breaker_wait": "1h"})).prepare();
    let retry_at = run.later("1m");
    run.gate.open("b", retry_at);
    run = run.begin();
    run.play("a-");
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:skipped(execution_failed by a)"
    );
}

#[test]
fn an_execution_that_fails_at_its_start_is_recorded_as_such() {
    let run = flow("a").config("a", json!({"x": "{{input.nothing}}"})).start();
    assert_eq!(run.events(), "execution.started, node.failed a, execution.failed");
}

#[test]
fn a_failed_attempt_is_posted_with_its_error() {
    let mut run = flow("a").start();
    run.fails("a", broke());
    let error = run.attempt("a", 1).error.clone().unwrap();
    assert_eq!(error.message, "the agent broke down");
    assert_eq!(run.attempt("a", 1).finished_at, Some(run.now));
}

#[test]
fn what_a_drain_leaves_below_the_failure_is_skipped_because_of_it() {
    let mut run = flow("a b c d | a>b b>c")
        .node("b", json!({"join": "settled"}))
        .set(json!({"max_concurrency": 1}))
        .start();
    run.play("a-");
    assert_eq!(
        run.states(),
        "a:failed(agent_rejected) b:skipped(upstream_failed by a) c:skipped(upstream_failed by a) \
         d:skipped(execution_failed by a)"
    );
}
