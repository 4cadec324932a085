//! Joins and the reasons of skipping, through whole executions (language reference, section 5).

use serde_json::json;

use crate::harness::{Flow, flow};

/// Failures leave the rest alone, so that only joins decide.
fn continuing(text: &str) -> Flow {
    flow(text).set(json!({"on_failure": "continue"}))
}

fn check(flow: &Flow, script: &str, states: &str) {
    let mut run = flow.start();
    run.play(script);
    assert_eq!(run.states(), states, "after {script:?}");
}

#[test]
fn a_default_join_waits_for_every_edge_and_needs_a_live_one() {
    let merge = continuing("a b c | a>c b>c");
    check(&merge, "a+", "a:completed b:running c:pending");
    check(&merge, "a+ b+", "a:completed b:completed c:running");
    check(
        &merge,
        "a-",
        "a:failed(agent_rejected) b:running c:skipped(upstream_failed by a)",
    );
    check(
        &merge,
        "a+ b-",
        "a:completed b:failed(agent_rejected) c:skipped(upstream_failed by b)",
    );
}

#[test]
fn an_if_else_that_rejoins_needs_no_settings() {
    let diamond = flow("q? x y z | q:approved>x q:rejected>y x>z y>z");
    check(
        &diamond,
        "q=approve",
        "q:completed x:running y:skipped(branch_not_taken by q) z:pending",
    );
    check(
        &diamond,
        "q=approve x+ z+",
        "q:completed x:completed y:skipped(branch_not_taken by q) z:completed",
    );
    check(
        &diamond,
        "q=reject y+ z+",
        "q:completed x:skipped(branch_not_taken by q) y:completed z:completed",
    );
}

#[test]
fn an_all_join_is_skipped_with_the_first_dead_edge() {
    let flow = flow("q? x y z | q:approved>x q:rejected>y x>z y>z").node("z", json!({"join": "all"}));
    check(
        &flow,
        "q=approve",
        "q:completed x:running y:skipped(branch_not_taken by q) z:skipped(upstream_skipped by y)",
    );
}

#[test]
fn an_any_join_runs_with_the_first_live_edge_and_ignores_the_others() {
    let race = continuing("a b c | a>c b>c").node("c", json!({"join": "any"}));
    check(&race, "b+", "a:running b:completed c:running");
    check(&race, "b+ a-", "a:failed(agent_rejected) b:completed c:running");
    check(&race, "b+ c+ a+", "a:completed b:completed c:completed");
    check(
        &race,
        "b- a-",
        "a:failed(agent_rejected) b:failed(agent_rejected) c:skipped(upstream_failed by a)",
    );
}

#[test]
fn a_settled_join_runs_whatever_became_of_the_edges() {
    let report = continuing("a b c d | a>b b>d c>d").node("d", json!({"join": "settled"}));
    check(
        &report,
        "a-",
        "a:failed(agent_rejected) b:skipped(upstream_failed by a) c:running d:pending",
    );
    check(
        &report,
        "a- c-",
        "a:failed(agent_rejected) b:skipped(upstream_failed by a) c:failed(agent_rejected) d:running",
    );
}

#[test]
fn an_at_least_join_runs_with_k_live_edges_and_is_skipped_when_they_cannot_come() {
    let quorum = continuing("a b c d | a>d b>d c>d").node("d", json!({"join": {"at_least": 2}}));
    check(&quorum, "a+", "a:completed b:running c:running d:pending");
    check(&quorum, "a+ c+", "a:completed b:running c:completed d:running");
    check(
        &quorum,
        "a- c+",
        "a:failed(agent_rejected) b:running c:completed d:pending",
    );
    check(
        &quorum,
        "c- b-",
        "a:running b:failed(agent_rejected) c:failed(agent_rejected) d:skipped(upstream_failed by b)",
    );
}

#[test]
fn a_failure_is_named_however_far_up_and_a_skip_one_step_up() {
    check(
        &continuing("a b c d | a>b b>c c>d"),
        "a-",
        "a:failed(agent_rejected) b:skipped(upstream_failed by a) c:skipped(upstream_failed by a) \
         d:skipped(upstream_failed by a)",
    );
    check(
        &flow("q? a b c | q:rejected>a a>b b>c"),
        "q=approve",
        "q:completed a:skipped(branch_not_taken by q) b:skipped(upstream_skipped by a) \
         c:skipped(upstream_skipped by b)",
    );
}

#[test]
fn where_causes_meet_a_failure_wins_and_then_the_first_edge_of_the_document() {
    check(
        &continuing("q? y f z | q:rejected>y y>z f>z"),
        "q=approve f-",
        "q:completed y:skipped(branch_not_taken by q) f:failed(agent_rejected) z:skipped(upstream_failed by f)",
    );
    let both = "q? x y z | q:rejected>x q:rejected>y y>z";
    let states = "q:completed x:skipped(branch_not_taken by q) y:skipped(branch_not_taken by q) \
                  z:skipped(upstream_skipped by y)";
    // `edges` come before `depends_on`, whatever the order of the nodes.
    check(
        &flow(both).node("z", json!({"depends_on": ["x"]})),
        "q=approve",
        states,
    );
}

#[test]
fn depends_on_is_an_edge() {
    let flow = flow("a b").node("b", json!({"depends_on": ["a"]}));
    check(&flow, "", "a:running b:pending");
    check(&flow, "a+", "a:completed b:running");
}

#[test]
fn a_rejection_takes_only_the_edges_that_say_so() {
    let flow = flow("q? yes no | q>yes q:rejected>no");
    check(
        &flow,
        "q=approve",
        "q:completed yes:running no:skipped(branch_not_taken by q)",
    );
    check(
        &flow,
        "q=reject",
        "q:completed yes:skipped(branch_not_taken by q) no:running",
    );
}

#[test]
fn a_goto_is_taken_by_a_failure_only_and_cuts_nothing_off() {
    let flow = flow("a b c | a>b").node("a", json!({"on_error": {"goto": "c"}}));
    check(
        &flow,
        "a+",
        "a:completed b:running c:skipped(branch_not_taken by a)",
    );
    check(
        &flow,
        "a-",
        "a:handled(agent_rejected) b:skipped(branch_not_taken by a) c:running",
    );
    let mut run = flow.start();
    run.play("a- c+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_goto_turns_an_unlabelled_edge_into_one_for_failures() {
    let flow = flow("a b | a>b").node("a", json!({"on_error": {"goto": "b"}}));
    check(&flow, "a+", "a:completed b:skipped(branch_not_taken by a)");
    check(&flow, "a-", "a:handled(agent_rejected) b:running");
}

#[test]
fn a_goto_beside_a_labelled_edge_counts_once() {
    let flow = flow("q? a b | q:approved>b a>b")
        .node("q", json!({"on_error": {"goto": "b"}}))
        .node("b", json!({"join": {"at_least": 2}}));
    check(
        &flow,
        "q=reject",
        "q:handled(approval_rejected) a:running b:pending",
    );
    let mut run = flow.start();
    run.play("q=reject a+");
    assert_eq!(run.call("b").request.upstream, ["a", "q"]);
}

#[test]
fn a_chain_of_ten_thousand_nodes_is_skipped_without_recursion() {
    let names: Vec<String> = (1..10_000).map(|i| format!("n{i}")).collect();
    let edges: Vec<String> = names
        .windows(2)
        .map(|pair| format!("{}>{}", pair[0], pair[1]))
        .collect();
    let text = format!("q? {} | q:rejected>n1 {}", names.join(" "), edges.join(" "));
    let mut run = flow(&text).start();
    run.play("q=approve");
    assert_eq!(run.status(), "completed");
    assert_eq!(run.rows.execution.nodes_settled, 10_000);
}
