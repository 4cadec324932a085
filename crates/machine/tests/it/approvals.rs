//! Questions to people and their answers (language reference, section 7, `human_approval`).

use agentchains_machine::{
    ApprovalStatus, Decision, EventType, ExecutionStatus, Input, PauseReason, Rejected, hash_of,
};
use serde_json::{Value, json};

use crate::harness::{Run, flow};

/// One question with that config, and a node behind each of its outcomes.
fn asked(config: Value) -> Run {
    flow("q? yes no | q>yes q:rejected>no")
        .config("q", config)
        .start()
}

#[test]
fn a_question_shows_what_its_config_says() {
    let mut run = flow("a q? | a>q")
        .config(
            "q",
            json!({"message": "Publish {{input.topic}}?", "show": {"draft": "{{a.by}}"}}),
        )
        .start();
    run.play("a+");
    let question = run.question("q");
    assert_eq!(question.message, "Publish tea?");
    assert_eq!(question.shown, json!({"draft": "a"}));
    assert_eq!(question.actions, ["approve", "reject"]);
    let shown = json!({"message": "Publish tea?", "shown": {"draft": "a"}, "form": null});
    assert_eq!(question.shown_hash, hash_of(&shown.into()));
    let data = run.last_data(EventType::ApprovalRequested);
    assert_eq!(data["shown_hash"], question.shown_hash);
    assert_eq!(data["status"], "pending");
}

#[test]
fn without_show_a_question_shows_the_outputs_of_the_live_predecessors() {
    let mut run = flow("a b q? | a>q b>q").node("q", json!({"join": "any"})).start();
    run.play("b+");
    assert_eq!(run.question("q").shown, json!({"b": {"by": "b"}}));
}

#[test]
fn a_question_that_cannot_be_rendered_is_not_asked() {
    let run = asked(json!({"message": "{{input.nothing}}"}));
    assert_eq!(run.state("q"), "failed(template_missing)");
    assert!(run.rows.approvals.is_empty());
}

#[test]
fn an_approval_completes_the_node_with_the_decision() {
    let mut run = asked(json!({}));
    let decision = Decision {
        comment: Some("fine".into()),
        data: Some(json!({"n": 1})),
        ..run.decision("q", "approve", "bob")
    };
    run.step(Input::Decide(decision)).unwrap();
    assert_eq!(
        run.output("q"),
        json!({
            "decision": "approve", "by": "bob", "comment": "fine", "data": {"n": 1},
            "decided_at": "2026-01-01T00:00:00.000Z",
        })
    );
    assert_eq!(
        run.states(),
        "q:completed yes:running no:skipped(branch_not_taken by q)"
    );
    assert_eq!(run.question("q").status, ApprovalStatus::Decided);
    assert_eq!(run.count(EventType::ApprovalDecided), 1);
}

#[test]
fn a_rejection_without_an_edge_for_it_fails_the_node() {
    let mut run = flow("q? b | q>b").start();
    run.play("q=reject");
    assert_eq!(
        run.states(),
        "q:failed(approval_rejected) b:skipped(upstream_failed by q)"
    );
    assert_eq!(run.status(), "failed(approval_rejected)");
    assert!(run.rows.execution.error.as_ref().unwrap().message.contains("bob"));
}

#[test]
fn an_own_action_takes_its_own_edges_and_the_unlabelled_ones() {
    let mut run = flow("q? any fast slow | q>any q:fast>fast q:slow>slow")
        .config("q", json!({"actions": ["fast", "slow"]}))
        .start();
    run.play("q=slow");
    assert_eq!(
        run.states(),
        "q:completed any:running fast:skipped(branch_not_taken by q) slow:running"
    );
}

#[test]
fn a_decision_must_be_one_of_the_actions() {
    let mut run = asked(json!({}));
    let refused = run.decide("q", "maybe", "bob");
    assert!(
        matches!(refused, Err(Rejected::UnknownAction { .. })),
        "{refused:?}"
    );
    assert_eq!(run.state("q"), "waiting(approval)");
}

#[test]
fn one_decision_counts() {
    let mut run = asked(json!({}));
    run.play("q=approve");
    assert_eq!(
        run.decide("q", "reject", "eve"),
        Err(Rejected::ApprovalNotPending)
    );
    run.play("yes+");
    assert_eq!(
        run.decide("q", "reject", "eve"),
        Err(Rejected::ApprovalNotPending)
    );
}

#[test]
fn a_decision_is_bound_to_what_was_shown() {
    let mut run = asked(json!({}));
    let mut decision = run.decision("q", "approve", "bob");
    decision.shown_hash = Some("sha256:another".into());
    let shown_hash = run.question("q").shown_hash;
    let refused = run.step(Input::Decide(decision.clone()));
    assert_eq!(
        refused,
        Err(Rejected::ApprovalChanged {
            shown_hash: shown_hash.clone()
        })
    );
    decision.shown_hash = Some(shown_hash);
    run.step(Input::Decide(decision)).unwrap();
}

#[test]
fn only_approvers_decide_by_name_or_by_role() {
    let asked = || asked(json!({"approvers": ["user:ann", "role:editor"]}));
    let decide = |by: &str, roles: &[&str]| {
        let mut run = asked();
        let mut decision = run.decision("q", "approve", by);
        decision.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        run.step(Input::Decide(decision))
    };
    assert!(decide("ann", &[]).is_ok());
    assert!(decide("bob", &["viewer", "editor"]).is_ok());
    for (by, roles) in [
        ("bob", &["viewer"][..]),
        ("editor", &[]),
        ("user:ann", &[]),
        ("role:editor", &[]),
    ] {
        let refused = decide(by, roles);
        assert!(
            matches!(refused, Err(Rejected::NotAnApprover { .. })),
            "{by} {roles:?}: {refused:?}"
        );
    }
}

#[test]
fn who_started_the_execution_may_be_kept_from_deciding() {
    let mut run = asked(json!({"forbid_initiator": true}));
    assert_eq!(
        run.decide("q", "approve", "ann"),
        Err(Rejected::InitiatorMayNotDecide)
    );
    assert_eq!(
        run.decide("q", "reject", "ann"),
        Err(Rejected::InitiatorMayNotDecide)
    );
    run.decide("q", "approve", "bob").unwrap();
}

#[test]
fn a_quorum_is_of_distinct_people_that_agree() {
    let mut run = asked(json!({"quorum": 2}));
    run.play("q=approve");
    assert_eq!(run.state("q"), "waiting(approval)");
    assert_eq!(run.question("q").decisions.len(), 1);
    assert_eq!(
        run.decide("q", "approve", "bob"),
        Err(Rejected::DecidedAlready { by: "bob".into() })
    );
    run.decide("q", "approve", "eve").unwrap();
    assert_eq!(run.state("q"), "completed");
    assert_eq!(run.output("q")["by"], "eve");
    assert_eq!(run.count(EventType::ApprovalDecided), 1);
}

#[test]
fn a_quorum_survives_a_restart() {
    let mut run = asked(json!({"quorum": 2}));
    run.play("q=approve");
    run.reload();
    assert_eq!(
        run.decide("q", "approve", "bob"),
        Err(Rejected::DecidedAlready { by: "bob".into() })
    );
    run.decide("q", "approve", "eve").unwrap();
    assert_eq!(run.state("q"), "completed");
}

#[test]
fn one_rejection_is_enough_whatever_the_quorum() {
    let mut run = asked(json!({"quorum": 3}));
    run.play("q=approve");
    run.decide("q", "reject", "eve").unwrap();
    assert_eq!(
        run.states(),
        "q:completed yes:skipped(branch_not_taken by q) no:running"
    );
}

#[test]
fn votes_for_different_actions_do_not_add_up() {
    let mut run = flow("q?")
        .config("q", json!({"quorum": 2, "actions": ["x", "y"]}))
        .start();
    run.decide("q", "x", "ann").unwrap();
    run.decide("q", "y", "bob").unwrap();
    assert_eq!(run.state("q"), "waiting(approval)");
    run.decide("q", "y", "eve").unwrap();
    assert_eq!(run.output("q")["decision"], "y");
}

#[test]
fn data_must_fit_the_form_unless_it_is_a_rejection() {
    let form = json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
    let with = |decision: &str, data: Option<Value>| {
        let mut run = asked(json!({"form": form.clone()}));
        let decision = Decision {
            data,
            ..run.decision("q", decision, "bob")
        };
        run.step(Input::Decide(decision)).map(|_| ())
    };
    assert_eq!(with("approve", Some(json!({"n": 1}))), Ok(()));
    assert_eq!(with("reject", None), Ok(()));
    for data in [None, Some(json!({"n": "1"}))] {
        assert!(matches!(
            with("approve", data),
            Err(Rejected::FormMismatch { .. })
        ));
    }
}

#[test]
fn the_execution_is_paused_only_when_nothing_else_can_go_on() {
    let mut run = flow("a q? b | a>b").start();
    assert_eq!(run.status(), "running");
    run.play("a+");
    assert_eq!(run.status(), "running");
    run.play("b+");
    assert_eq!(run.status(), "paused(approval)");
    run.play("q=approve");
    assert_eq!(run.status(), "completed");
    assert!(run.events().ends_with(
        "execution.paused, approval.decided q, node.completed q, execution.resumed, execution.completed"
    ));
}

#[test]
fn a_retry_that_is_due_keeps_the_execution_running() {
    let mut run = flow("a q?")
        .node("a", json!({"retry": {"jitter": "none"}}))
        .start();
    run.play("a~");
    assert_eq!(run.status(), "running");
}

#[test]
fn resuming_an_execution_that_waits_for_one_approval_approves_it() {
    let mut run = asked(json!({}));
    run.resume().unwrap();
    assert_eq!(
        (run.output("q")["by"].as_str(), run.status().as_str()),
        (Some("eve"), "running")
    );
}

#[test]
fn a_resume_is_one_vote_where_several_are_needed() {
    let mut run = asked(json!({"quorum": 2}));
    let step = run.resume().unwrap();
    assert!(step.changes.events.is_empty());
    assert_eq!(
        (run.status().as_str(), run.question("q").decisions.len()),
        ("paused(approval)", 1)
    );
}

#[test]
fn resuming_does_not_go_around_the_rules_of_the_question() {
    let refusals = [
        (json!({"approvers": ["user:ann"]}), "NotAnApprover"),
        (json!({"form": {"type": "object"}}), "FormMismatch"),
        (json!({"actions": ["reject"]}), "NeedsDecision"),
    ];
    for (config, expected) in refusals {
        let mut run = flow("q?").config("q", config).start();
        let refused = format!("{:?}", run.resume().unwrap_err());
        assert!(refused.starts_with(expected), "{refused}");
        assert_eq!(run.status(), "paused(approval)");
    }
}

#[test]
fn resuming_with_several_pending_questions_is_refused_and_lists_them() {
    let mut run = flow("q? r?").start();
    let Err(Rejected::SeveralApprovals { pending }) = run.resume() else {
        panic!("resumed");
    };
    let nodes: Vec<_> = pending.iter().map(|row| row.node_id.as_str()).collect();
    assert_eq!(nodes.len(), 2);
    run.play("q=approve");
    assert_eq!(run.status(), "paused(approval)");
    run.resume().unwrap();
    assert_eq!(run.status(), "completed");
}

#[test]
fn an_answer_during_a_pause_takes_effect_on_resume() {
    let mut run = flow("a q? b | q>b").start();
    run.pause().unwrap();
    run.play("q=approve");
    assert_eq!(
        (run.state("q"), run.state("b")),
        ("completed".into(), "pending".into())
    );
    run.resume().unwrap();
    assert_eq!(run.state("b"), "running");
}

#[test]
fn resuming_a_user_s_pause_approves_nothing() {
    let mut run = flow("a q?").start();
    run.pause().unwrap();
    run.play("a+");
    run.resume().unwrap();
    assert_eq!(
        (run.state("q"), run.status()),
        ("waiting(approval)".into(), "paused(approval)".into())
    );
}

#[test]
fn an_execution_that_waits_for_people_cannot_be_paused() {
    let mut run = asked(json!({}));
    let conflict = Rejected::Conflict {
        status: ExecutionStatus::Paused,
        pause_reason: Some(PauseReason::Approval),
    };
    assert_eq!(run.pause(), Err(conflict));
}

#[test]
fn questions_are_withdrawn_when_the_execution_is_cancelled() {
    let mut run = asked(json!({}));
    run.cancel().unwrap();
    assert_eq!(run.question("q").status, ApprovalStatus::Withdrawn);
    assert_eq!(run.last_data(EventType::ApprovalExpired)["status"], "withdrawn");
    assert_eq!(
        run.decide("q", "approve", "bob"),
        Err(Rejected::ApprovalNotPending)
    );
}
