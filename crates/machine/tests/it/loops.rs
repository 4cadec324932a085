//! `loop`: until, while and items; exhausted, failed, nested, tried again.

use serde_json::{Value, json};

use crate::harness::{Flow, body, flow};

fn until(expression: &str, most: u32) -> Flow {
    flow("l* after | l>after").config(
        "l",
        json!({"body": body("x"), "until": expression, "max_iterations": most}),
    )
}

#[test]
fn a_loop_repeats_its_body_until_the_condition_holds() {
    let mut run = until("$.nodes.x.output.score > 5", 5).start();
    for score in [1, 3, 7] {
        let at = run.running();
        run.ok(&at, json!({"score": score}));
    }
    assert_eq!(run.called(), "l[0]/x l[1]/x l[2]/x after");
    assert_eq!(
        run.output("l"),
        json!({
            "iterations": 3,
            "last": {"x": {"score": 7}},
            "results": [{"x": {"score": 1}}, {"x": {"score": 3}}, {"x": {"score": 7}}],
            "stopped_by": "condition",
        })
    );
}

#[test]
fn until_sees_the_iteration_that_has_just_ended_as_the_last() {
    let mut run = until("$.loop.last.x.score > 5 && $.loop.index == 1", 5).start();
    run.ok("l[0]/x", json!({"score": 9}));
    run.ok("l[1]/x", json!({"score": 9}));
    assert_eq!(run.output("l")["iterations"], 2);
}

#[test]
fn a_body_sees_the_iteration_before_as_the_last() {
    let config = json!({"seen": "{{ loop.last.x.score | default('none') }}", "at": "{{ loop.index }}"});
    let mut inner = body("x");
    inner["nodes"][0]["config"] = config;
    let mut run = flow("l*")
        .config(
            "l",
            json!({"body": inner, "until": "$.loop.index == 1", "max_iterations": 3}),
        )
        .start();
    assert_eq!(
        run.call("l[0]/x").request.config,
        json!({"seen": "none", "at": 0})
    );
    run.ok("l[0]/x", json!({"score": 4}));
    assert_eq!(run.call("l[1]/x").request.config, json!({"seen": 4, "at": 1}));
    assert_eq!(
        run.call("l[1]/x").loop_context,
        Some(json!({"index": 1, "last": {"x": {"score": 4}}}).into())
    );
}

#[test]
fn an_exhausted_loop_fails() {
    let mut run = until("$.nodes.x.output.score > 5", 2).start();
    run.play("l[0]/x+ l[1]/x+");
    assert_eq!(run.status(), "failed(loop_exhausted)");
}

#[test]
fn an_exhausted_loop_completes_where_it_says_so() {
    let mut run = flow("l*")
        .config(
            "l",
            json!({"body": body("x"), "until": "$.input.never", "max_iterations": 2, "on_exhausted": "complete"}),
        )
        .start();
    run.play("l[0]/x+ l[1]/x+");
    assert_eq!(run.output("l")["stopped_by"], "exhausted");
    assert_eq!(run.output("l")["iterations"], 2);
}

#[test]
fn while_is_asked_before_each_iteration() {
    let config = json!({"body": body("x"), "while": "$.loop.index < 2", "max_iterations": 5});
    let mut run = flow("l*").config("l", config).start();
    run.play("l[0]/x+ l[1]/x+");
    assert_eq!(run.output("l")["iterations"], 2);
    assert_eq!(run.output("l")["stopped_by"], "condition");
}

#[test]
fn while_that_does_not_hold_makes_no_iteration() {
    let config = json!({"body": body("x"), "while": "$.input.more == true", "max_iterations": 5});
    let run = flow("l*").config("l", config).start();
    assert_eq!(
        run.output("l"),
        json!({"iterations": 0, "last": null, "results": [], "stopped_by": "condition"})
    );
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_while_loop_that_would_go_on_is_exhausted() {
    let config = json!({"body": body("x"), "while": "$.input.topic == 'tea'", "max_iterations": 2});
    let mut run = flow("l*").config("l", config).start();
    run.play("l[0]/x+ l[1]/x+");
    assert_eq!(run.status(), "failed(loop_exhausted)");
}

#[test]
fn items_are_run_over_one_after_the_other() {
    let config = json!({"body": body("x"), "items": ["a", "b"]});
    let mut run = flow("l*").config("l", config).start();
    assert_eq!(run.running(), "l[0]/x");
    assert_eq!(run.call("l[0]/x").item, Some("a".into()));
    run.play("l[0]/x+");
    assert_eq!(run.call("l[1]/x").item, Some("b".into()));
    run.play("l[1]/x+");
    assert_eq!(run.output("l")["stopped_by"], "items");
    assert_eq!(run.output("l")["results"].as_array().unwrap().len(), 2);
}

#[test]
fn more_items_than_iterations_are_refused_before_anything_is_called() {
    let config = json!({"body": body("x"), "items": [1, 2, 3], "max_iterations": 2});
    let run = flow("l*").config("l", config).start();
    assert_eq!(
        (run.status(), run.called()),
        ("failed(too_many_items)".into(), String::new())
    );
}

#[test]
fn a_failing_iteration_fails_the_loop_with_the_cause() {
    let mut run = until("$.input.never", 3).start();
    run.play("l[0]/x+ l[1]/x-");
    assert_eq!(run.state("l"), "failed(loop_failed)");
    let error = run.rows.execution.error.clone().unwrap();
    assert_eq!(
        (error.code.as_str(), error.node.unwrap().as_str()),
        ("agent_rejected", "l[1]/x")
    );
}

#[test]
fn a_loop_that_is_tried_again_goes_on_at_the_iteration_that_failed() {
    let retry = json!({"retry": {"max_attempts": 2, "initial_interval": 5, "jitter": "none"}});
    let mut run = until("$.loop.index == 2", 3).node("l", retry).start();
    run.play("l[0]/x+ l[1]/x~");
    assert_eq!(run.state("l"), "waiting(retry)");
    run.wait("5s");
    assert_eq!(run.running(), "l[1]/x");
    run.play("l[1]/x+ l[2]/x+");
    assert_eq!(run.called(), "l[0]/x l[1]/x l[1]/x l[2]/x after");
    assert_eq!(run.output("l")["iterations"], 3);
}

#[test]
fn loops_nest() {
    let inner = json!({
        "nodes": [{
            "id": "inner", "type": "loop",
            "config": {"body": body("x"), "items": ["a", "b"]},
        }],
    });
    let mut run = flow("outer*")
        .config(
            "outer",
            json!({"body": inner, "until": "$.loop.index == 1", "max_iterations": 2}),
        )
        .start();
    run.play("outer[0]/inner[0]/x+ outer[0]/inner[1]/x+");
    run.crash();
    run.play("outer[1]/inner[0]/x+ outer[1]/inner[1]/x+");
    assert_eq!(run.status(), "completed");
    assert_eq!(run.output("outer")["iterations"], 2);
}

#[test]
fn a_group_in_a_loop_in_a_group_runs() {
    let group = json!({"nodes": [{"id": "g", "type": "parallel_group", "config": body("x y")}]});
    let looped = json!({
        "nodes": [{"id": "l", "type": "loop", "config": {"body": group, "items": [1]}}],
    });
    let mut run = flow("outer&").config("outer", looped).start();
    assert_eq!(run.running(), "outer/l[0]/g/x outer/l[0]/g/y");
    run.play("outer/l[0]/g/x+ outer/l[0]/g/y+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn approvals_in_loops_are_questions_of_their_own() {
    let mut run = flow("l*")
        .config(
            "l",
            json!({"body": body("ok?"), "until": "$.loop.index == 1", "max_iterations": 2}),
        )
        .start();
    let first = run.question("l[0]/ok");
    assert_eq!(run.status(), "paused(approval)");
    run.decide("l[0]/ok", "approve", "bob").unwrap();
    assert_ne!(run.question("l[1]/ok").id, first.id);
    run.decide("l[1]/ok", "approve", "bob").unwrap();
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_pause_keeps_the_next_iteration_from_starting() {
    let mut run = until("$.loop.index == 1", 2).start();
    run.pause().unwrap();
    run.play("l[0]/x+");
    assert_eq!(run.running(), "");
    run.resume().unwrap();
    assert_eq!(run.running(), "l[1]/x");
}

#[test]
fn a_cancel_ends_a_loop_where_it_is() {
    let mut run = until("$.loop.index == 1", 2).start();
    run.cancel().unwrap();
    assert_eq!(run.aborts, [("l[0]/x".to_owned(), 1)]);
    run.aborted("l[0]/x");
    assert_eq!(run.states(), "l:cancelled after:cancelled l[0]/x:cancelled");
    assert_eq!(run.status(), "cancelled");
}

#[test]
fn members_of_a_finished_iteration_are_not_seen_by_the_next_one() {
    let mut inner = body("x y");
    inner["nodes"][1]["config"] = json!({"seen": "{{ loop.index }}"});
    let config = json!({"body": inner, "until": "$.nodes.y.output.done == true", "max_iterations": 2});
    let mut run = flow("l*").config("l", config).start();
    run.ok("l[0]/x", Value::Null);
    run.ok("l[0]/y", json!({"done": false}));
    assert_eq!(run.running(), "l[1]/x l[1]/y");
    run.ok("l[1]/x", Value::Null);
    run.ok("l[1]/y", json!({"done": true}));
    assert_eq!(run.status(), "completed");
}
