//! Questions that nobody answers in time (language reference, section 7, `on_timeout`).

use agentchains_machine::{ApprovalStatus, EventType, Rejected};
use serde_json::{Value, json};

use crate::harness::{Run, flow};

fn expiring(on_timeout: Option<&str>) -> Run {
    let mut config: Value = json!({"timeout": "24h"});
    if let Some(on_timeout) = on_timeout {
        config["on_timeout"] = json!(on_timeout);
    }
    flow("q? yes no | q>yes q:rejected>no")
        .config("q", config)
        .start()
}

#[test]
fn a_question_that_expires_is_decided_as_its_settings_say() {
    let cases = [
        (
            None,
            "q:completed yes:skipped(branch_not_taken by q) no:running",
            "reject",
        ),
        (
            Some("reject"),
            "q:completed yes:skipped(branch_not_taken by q) no:running",
            "reject",
        ),
        (
            Some("approve"),
            "q:completed yes:running no:skipped(branch_not_taken by q)",
            "approve",
        ),
    ];
    for (on_timeout, states, decision) in cases {
        let mut run = expiring(on_timeout);
        assert_eq!(run.status(), "paused(approval)");
        assert_eq!(run.sleeps_for().unwrap().as_secs(), 24 * 3_600);
        run.wait("24h");
        assert_eq!(run.states(), states, "{on_timeout:?}");
        let output = run.output("q");
        assert_eq!(
            (&output["decision"], &output["by"]),
            (&json!(decision), &json!("timeout"))
        );
        assert_eq!(run.question("q").status, ApprovalStatus::Expired);
        assert_eq!(run.status(), "running");
    }
}

#[test]
fn a_question_may_fail_its_node_when_it_expires() {
    let mut run = expiring(Some("fail"));
    run.wait("25h");
    assert_eq!(
        run.states(),
        "q:failed(approval_expired) yes:skipped(upstream_failed by q) no:skipped(upstream_failed by q)"
    );
    assert_eq!(run.status(), "failed(approval_expired)");
    assert_eq!(run.count(EventType::ApprovalExpired), 1);
}

#[test]
fn an_expiry_that_rejects_fails_the_node_where_no_edge_takes_a_rejection() {
    let mut run = flow("q? b | q>b").config("q", json!({"timeout": 10})).start();
    run.wait("10s");
    assert_eq!(
        run.states(),
        "q:failed(approval_rejected) b:skipped(upstream_failed by q)"
    );
}

#[test]
fn an_expiry_decides_whatever_the_actions_are() {
    let mut run = flow("q? b c | q:approved>b q:go>c")
        .config(
            "q",
            json!({"timeout": 10, "on_timeout": "approve", "actions": ["go"]}),
        )
        .start();
    run.wait("10s");
    assert_eq!(
        run.states(),
        "q:completed b:running c:skipped(branch_not_taken by q)"
    );
}

#[test]
fn between_a_decision_and_the_timeout_there_is_one_winner() {
    let mut run = expiring(Some("fail"));
    run.now = run.later("23h");
    run.play("q=approve");
    run.wait("2h");
    assert_eq!(run.state("q"), "completed");
    assert_eq!(run.count(EventType::ApprovalExpired), 0);

    let mut run = expiring(Some("fail"));
    // The timeout has come, whether or not somebody woke the execution for it.
    run.now = run.later("24h");
    assert_eq!(
        run.decide("q", "approve", "bob"),
        Err(Rejected::ApprovalNotPending)
    );
    run.wait("1s");
    assert_eq!(run.state("q"), "failed(approval_expired)");
    assert_eq!(
        run.decide("q", "approve", "bob"),
        Err(Rejected::ApprovalNotPending)
    );
}

#[test]
fn a_question_expires_over_restarts_and_during_pauses() {
    let mut run = flow("a q?")
        .config("q", json!({"timeout": "1h", "on_timeout": "approve"}))
        .start();
    run.pause().unwrap();
    run.reload();
    run.wait("1h");
    assert_eq!(run.state("q"), "completed");
    assert_eq!(run.status(), "paused(user)");
}

#[test]
fn a_withdrawn_question_does_not_expire() {
    let mut run = flow("a b q?")
        .config("q", json!({"timeout": "1h", "on_timeout": "approve"}))
        .start();
    run.play("a-");
    run.wait("2h");
    assert_eq!(run.question("q").status, ApprovalStatus::Withdrawn);
    run.play("b+");
    assert_eq!(run.state("q"), "skipped(execution_failed by a)");
}
