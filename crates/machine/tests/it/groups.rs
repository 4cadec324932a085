//! `parallel_group`: members and items, how many must succeed, what their failures do.

use serde_json::{Value, json};

use crate::harness::{Flow, body, flow};

fn members(settings: Value) -> Flow {
    let mut config = body("x y z");
    merge(&mut config, settings);
    flow("g& after | g>after").config("g", config)
}

fn items(count: usize, settings: Value) -> Flow {
    let items: Vec<usize> = (0..count).collect();
    let mut config = json!({"items": items, "body": body("x y | x>y")});
    merge(&mut config, settings);
    flow("g& after | g>after").config("g", config)
}

fn merge(config: &mut Value, settings: Value) {
    let (Value::Object(config), Value::Object(settings)) = (config, settings) else {
        panic!("both are objects");
    };
    config.extend(settings);
}

#[test]
fn members_run_at_once_and_the_group_completes_with_their_outputs() {
    let mut run = members(json!({})).start();
    assert_eq!(run.running(), "g/x g/y g/z");
    run.play("g/x+ g/z+ g/y+");
    assert_eq!(
        run.output("g"),
        json!({"x": {"by": "g/x"}, "y": {"by": "g/y"}, "z": {"by": "g/z"}})
    );
    assert_eq!(run.running(), "after");
    assert_eq!(run.upstream("after")["g"]["y"], json!({"by": "g/y"}));
    run.play("after+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn edges_between_members_order_them() {
    let mut run = flow("g&").config("g", body("x y | x>y")).start();
    assert_eq!(run.running(), "g/x");
    run.play("g/x+");
    assert_eq!(run.upstream("g/y")["x"], json!({"by": "g/x"}));
    run.play("g/y+");
    assert_eq!(run.output("g"), json!({"x": {"by": "g/x"}, "y": {"by": "g/y"}}));
}

#[test]
fn a_member_without_predecessors_gets_those_of_the_group() {
    let mut run = flow("a g& | a>g").config("g", body("x")).start();
    run.play("a+");
    assert_eq!(run.upstream("g/x")["a"], json!({"by": "a"}));
}

#[test]
fn so_many_members_run_at_once_as_the_group_allows() {
    let mut run = members(json!({"max_concurrency": 2})).start();
    assert_eq!(run.running(), "g/x g/y");
    run.play("g/y+");
    assert_eq!(run.running(), "g/x g/z");
}

#[test]
fn the_execution_s_own_limit_counts_members_too() {
    let mut run = members(json!({})).set(json!({"max_concurrency": 1})).start();
    assert_eq!(run.running(), "g/x");
    run.play("g/x+");
    assert_eq!(run.running(), "g/y");
}

#[test]
fn any_is_done_as_soon_as_one_member_succeeds_and_the_others_are_cancelled() {
    let mut run = members(json!({"mode": "any"})).start();
    run.play("g/y+");
    assert_eq!(run.output("g"), json!({"y": {"by": "g/y"}}));
    assert_eq!(run.aborts, [("g/x".to_owned(), 1), ("g/z".to_owned(), 1)]);
    run.play("after+");
    assert_eq!(
        run.status(),
        "running",
        "calls of cancelled members are still in flight"
    );
    run.aborted("g/x");
    run.aborted("g/z");
    assert_eq!(run.state("g/x"), "cancelled");
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_cancelled_member_that_answers_all_the_same_changes_nothing_else() {
    let mut run = members(json!({"mode": "any"})).start();
    run.play("g/y+ g/x- g/z+ after+");
    assert_eq!(run.status(), "completed");
    assert_eq!(run.output("g"), json!({"y": {"by": "g/y"}}));
}

#[test]
fn a_cancelled_member_that_never_says_so_is_not_waited_for() {
    let mut run = members(json!({"mode": "any"})).start();
    run.play("g/y+ after+");
    run.wait("4s");
    assert_eq!(run.state("g/x"), "cancelled(unknown)");
    assert_eq!(run.status(), "completed");
}

#[test]
fn at_least_fails_once_too_few_can_succeed() {
    let mut run = members(json!({"mode": {"at_least": 2}})).start();
    run.play("g/x-");
    assert_eq!(run.state("g"), "running");
    run.play("g/y-");
    assert_eq!(run.state("g"), "running", "a call is in flight");
    run.play("g/z+");
    assert_eq!(run.state("g"), "failed(group_failed)");
    assert_eq!(run.status(), "failed(agent_rejected)");
}

#[test]
fn a_failing_member_fails_the_group_once_what_is_in_flight_has_ended() {
    let mut run = flow("g& after | g>after")
        .config("g", body("x y z | y>z"))
        .start();
    run.play("g/x-");
    assert_eq!(
        run.states(),
        "g:running after:pending g/x:failed(agent_rejected) g/y:running g/z:pending"
    );
    run.play("g/y+");
    assert_eq!(
        run.states(),
        "g:failed(group_failed) after:skipped(upstream_failed by g) g/x:failed(agent_rejected) g/y:completed \
         g/z:skipped(execution_failed by g/x)"
    );
    let error = run.rows.execution.error.clone().unwrap();
    assert_eq!(
        (error.code.as_str(), error.node.unwrap().as_str()),
        ("agent_rejected", "g/x")
    );
}

#[test]
fn cancel_aborts_the_members_in_flight_of_a_group_that_fails() {
    let mut run = members(json!({})).set(json!({"on_failure": "cancel"})).start();
    run.play("g/x-");
    assert_eq!(run.aborts, [("g/y".to_owned(), 1), ("g/z".to_owned(), 1)]);
    run.aborted("g/y");
    run.aborted("g/z");
    assert_eq!(run.state("g"), "failed(group_failed)");
    assert_eq!(run.status(), "failed(agent_rejected)");
}

#[test]
fn continue_runs_the_members_whose_joins_allow_it() {
    let mut run = flow("g&")
        .config("g", body("x y z | y>z"))
        .set(json!({"on_failure": "continue"}))
        .start();
    run.play("g/x- g/y+");
    assert_eq!(run.running(), "g/z");
    run.play("g/z+");
    assert_eq!(run.state("g"), "failed(group_failed)");
}

#[test]
fn the_failure_of_a_group_is_handled_like_any_other() {
    let mut run = members(json!({}))
        .node("g", json!({"on_error": {"output": "none"}}))
        .start();
    run.play("g/x- g/y+ g/z+ after+");
    assert_eq!(run.state("g"), "completed(fallback)");
    assert_eq!(run.status(), "completed");
}

#[test]
fn null_keeps_the_place_of_a_member_that_fails() {
    let mut run = members(json!({"on_item_error": "null"})).start();
    run.play("g/x- g/y+ g/z-");
    assert_eq!(run.output("g"), json!({"x": null, "y": {"by": "g/y"}, "z": null}));
}

#[test]
fn one_failure_more_than_is_tolerated_fails_the_group() {
    let mut run = members(json!({"tolerated_failures": 1})).start();
    run.play("g/x- g/y- g/z+");
    assert_eq!(run.state("g"), "failed(group_failed)");
}

#[test]
fn a_body_runs_for_each_item_and_the_results_keep_their_order() {
    let mut run = items(2, json!({})).start();
    assert_eq!(run.running(), "g[0]/x g[1]/x");
    assert_eq!(run.call("g[1]/x").item, Some(json!(1).into()));
    assert_eq!(run.call("g[1]/x").loop_context, Some(json!({"index": 1}).into()));
    run.play("g[1]/x+ g[1]/y+ g[0]/x+ g[0]/y+");
    assert_eq!(
        run.output("g"),
        json!([{"y": {"by": "g[0]/y"}}, {"y": {"by": "g[1]/y"}}])
    );
}

#[test]
fn no_items_are_done_at_once() {
    let run = items(0, json!({})).start();
    assert_eq!(run.output("g"), json!([]));
    assert_eq!(run.running(), "after");
}

#[test]
fn so_many_bodies_run_at_once_as_the_group_allows() {
    let mut run = items(3, json!({"max_concurrency": 1})).start();
    assert_eq!(run.running(), "g[0]/x");
    run.play("g[0]/x+");
    assert_eq!(run.running(), "g[0]/y");
    run.play("g[0]/y+");
    assert_eq!(run.running(), "g[1]/x");
}

#[test]
fn an_item_that_fails_skips_the_rest_of_its_body_only() {
    let mut run = items(2, json!({"on_item_error": "null"})).start();
    run.play("g[0]/x-");
    assert_eq!(run.state("g[0]/y"), "skipped(upstream_failed by g[0]/x)");
    run.play("g[1]/x+ g[1]/y+");
    assert_eq!(run.output("g"), json!([null, {"y": {"by": "g[1]/y"}}]));
}

#[test]
fn an_item_that_fails_the_group_lets_no_other_body_go_on() {
    let mut run = items(3, json!({"max_concurrency": 2})).start();
    run.play("g[0]/x- g[1]/x+");
    assert_eq!(run.state("g[1]/y"), "skipped(execution_failed by g[0]/x)");
    assert_eq!(run.state("g"), "failed(group_failed)");
    assert!(
        !run.rows.nodes.contains_key("g[2]/x"),
        "an item that never began has no rows"
    );
    assert_eq!(run.status(), "failed(agent_rejected)");
}

#[test]
fn a_tenth_of_the_items_may_fail() {
    let mut run = items(10, json!({"tolerated_failures": "10%"})).start();
    run.play("g[3]/x-");
    for item in [0, 1, 2, 4, 5, 6, 7, 8, 9] {
        run.play(&format!("g[{item}]/x+ g[{item}]/y+"));
    }
    assert_eq!(run.output("g")[3], Value::Null);
}

#[test]
fn any_of_the_items_is_enough() {
    let mut run = items(3, json!({"mode": "any"})).start();
    run.play("g[1]/x+ g[1]/y+");
    assert_eq!(run.output("g"), json!([null, {"y": {"by": "g[1]/y"}}, null]));
    assert_eq!(run.aborts, [("g[0]/x".to_owned(), 1), ("g[2]/x".to_owned(), 1)]);
    assert_eq!(run.state("g[0]/y"), "cancelled");
}

#[test]
fn items_that_are_no_array_fail_the_group() {
    let run = flow("g&")
        .config("g", json!({"items": "{{ input.topic }}", "body": body("x")}))
        .start();
    assert_eq!(run.status(), "failed(template_error)");
}

#[test]
fn too_many_items_are_refused_before_anything_is_called() {
    let run = flow("g&")
        .config("g", json!({"items": "{{ input }}", "body": body("x")}))
        .start_with(json!(vec![0; 10_001]));
    assert_eq!(run.status(), "failed(too_many_items)");
    assert_eq!(run.called(), "");
}

#[test]
fn more_node_runs_than_there_may_be_are_refused_before_anything_is_called() {
    let nodes: Vec<String> = (0..11).map(|node| format!("n{node}")).collect();
    let run = flow("g&")
        .config(
            "g",
            json!({"items": "{{ input }}", "body": body(&nodes.join(" "))}),
        )
        .start_with(json!(vec![0; 10_000]));
    assert_eq!(run.status(), "failed(too_many_items)");
    assert_eq!(run.called(), "");
}

#[test]
fn a_group_that_takes_too_long_fails_and_its_members_are_cancelled() {
    let mut run = members(json!({})).node("g", json!({"timeout": 10})).start();
    run.wait("10s");
    assert_eq!(run.state("g"), "failed(agent_timeout)");
    assert_eq!(run.aborts.len(), 3);
    for member in ["g/x", "g/y", "g/z"] {
        run.aborted(member);
    }
    assert_eq!(run.status(), "failed(agent_timeout)");
}

#[test]
fn a_group_that_is_tried_again_keeps_what_completed() {
    let retry = json!({"retry": {"max_attempts": 2, "initial_interval": 5, "jitter": "none"}});
    let mut run = members(json!({})).node("g", retry).start();
    run.play("g/x~ g/y+ g/z+");
    assert_eq!(run.state("g"), "waiting(retry)");
    run.wait("5s");
    assert_eq!(run.running(), "g/x");
    assert_eq!(run.call("g/x").attempt, 2);
    run.play("g/x+");
    assert_eq!(run.output("g")["y"], json!({"by": "g/y"}));
    assert_eq!(run.called(), "g/x g/y g/z g/x after");
}

#[test]
fn a_crash_in_the_middle_of_a_group_loses_nothing() {
    let mut run = items(3, json!({"max_concurrency": 2})).start();
    run.play("g[0]/x+");
    run.crash();
    run.play("g[0]/y+ g[1]/x+");
    run.crash();
    run.play("g[1]/y+ g[2]/x+ g[2]/y+ after+");
    assert_eq!(run.status(), "completed");
    assert_eq!(run.output("g").as_array().unwrap().len(), 3);
}

#[test]
fn a_group_that_is_tried_again_keeps_to_its_own_limit() {
    let member = json!({
        "id": "m", "type": "parallel_group", "timeout": 1,
        "config": {"nodes": [{"id": "ok", "type": "human_approval"}]},
    });
    let config = json!({"items": [1, 2], "max_concurrency": 1, "body": {"nodes": [member]}});
    let retry = json!({"retry": {"max_attempts": 2, "initial_interval": 5, "jitter": "none"}});
    let mut run = flow("g&").config("g", config).node("g", retry).start();
    run.wait("1s");
    assert_eq!(run.state("g"), "waiting(retry)");
    run.wait("5s");
    assert_eq!(
        run.states(),
        "g:running g[0]/m:running g[0]/m/ok:waiting(approval)"
    );
    run.crash();
    run.decide("g[0]/m/ok", "approve", "bob").unwrap();
    run.crash();
    assert_eq!(run.state("g[1]/m/ok"), "waiting(approval)");
}

#[test]
fn a_group_inside_of_one_that_is_tried_again_keeps_to_its_own_limit() {
    let call = json!({"id": "x", "type": "agent_call", "agent_id": "x", "on_unknown": "ask"});
    let inner = json!({
        "id": "inner", "type": "parallel_group",
        "config": {"items": [1, 2], "max_concurrency": 1, "body": {"nodes": [call]}},
    });
    let retry = json!({
        "timeout": 12,
        "retry": {"max_attempts": 2, "initial_interval": 1, "jitter": "none"},
    });
    let mut run = flow("g&")
        .config("g", json!({"items": [1], "body": {"nodes": [inner]}}))
        .node("g", retry)
        .start();
    run.pause().unwrap();
    run.crash();
    run.decide("g[0]/inner[0]/x", "resend", "bob").unwrap();
    run.wait("12s");
    assert_eq!(run.state("g"), "waiting(retry)");
    run.wait("2s");
    run.resume().unwrap();
    assert_eq!(run.running(), "g[0]/inner[0]/x");
}
