//! What agents are asked and what executions yield: templates, upstream outputs, schemas (sections 2 and 7).

use agentchains_machine::{AttemptOutcome, EventType};
use serde_json::json;

use crate::harness::{broke, flow, reply, reply_costing, usd};

#[test]
fn a_config_is_rendered_from_the_input_and_the_outputs_above() {
    let mut run = flow("search sum | search>sum")
        .config("search", json!({"query": "{{input.topic}}", "limit": 3}))
        .config(
            "sum",
            json!({
                "list": "{{nodes.search.output.hits}}",
                "text": "about {{input.topic}}: {{search.count}}",
                "cost": "{{nodes.search.cost}}",
                "status": "{{nodes.search.status}}",
                "attempt": "{{nodes.search.attempt}}",
            }),
        )
        .start();
    assert_eq!(
        run.call("search").request.config,
        json!({"query": "tea", "limit": 3})
    );
    run.ends(
        "search",
        reply_costing(json!({"hits": ["x", "{{input}}"], "count": 2}), "0.25"),
    );
    assert_eq!(
        run.call("sum").request.config,
        json!({
            "list": ["x", "{{input}}"], "text": "about tea: 2", "cost": 0.25, "status": "completed", "attempt": 1,
        })
    );
}

#[test]
fn a_call_carries_the_input_and_the_output_of_each_live_predecessor() {
    let mut run = flow("a q? b c | a>c q>c q:rejected>b b>c").start();
    run.play("a+ q=approve");
    assert_eq!(run.call("c").input, json!({"topic": "tea"}));
    let upstream = run.upstream("c");
    let ids: Vec<&String> = upstream.as_object().unwrap().keys().collect();
    assert_eq!(ids, ["a", "q"]);
    assert_eq!(upstream["a"], json!({"by": "a"}));
    assert_eq!(upstream["q"]["decision"], "approve");
}

#[test]
fn what_came_after_the_first_live_edge_is_not_upstream() {
    let mut run = flow("a b c | a>c b>c").node("c", json!({"join": "any"})).start();
    run.play("b+ a+");
    assert_eq!(run.call("c").request.upstream, ["b"]);
}

#[test]
fn every_attempt_asks_the_same_under_a_message_id_of_its_own() {
    let mut run = flow("a b | a>b")
        .node("b", json!({"retry": {"jitter": "none"}}))
        .config("b", json!({"x": "{{a.by}}"}))
        .start();
    run.play("a+");
    let first = run.call("b").clone();
    run.play("b~");
    run.wait("1s");
    let second = run.call("b").clone();
    assert_eq!((first.attempt, second.attempt), (1, 2));
    assert_eq!(first.request, second.request);
    assert_eq!(first.upstream, second.upstream);
    assert_ne!(first.message_id, second.message_id);
}

#[test]
fn a_missing_value_fails_the_node_before_anything_is_sent_or_spent() {
    let mut run = flow("a b | a>b")
        .config("b", json!({"x": "{{a.nothing}}"}))
        .start();
    run.play("a+");
    assert_eq!(run.state("b"), "failed(template_missing)");
    assert_eq!(run.status(), "failed(template_missing)");
    assert_eq!(run.called(), "a");
    assert_eq!(run.gate.admitted, ["a"]);
}

#[test]
fn a_skipped_node_counts_as_missing_unless_there_is_a_default() {
    let with = |template: &str| {
        let mut run = flow("q? a b | q:rejected>a a>b q>b")
            .config("b", json!({"x": template}))
            .start();
        run.play("q=approve");
        run
    };
    assert_eq!(with("{{a.by}}").state("b"), "failed(template_missing)");
    let run = with("{{a.by | default('nobody')}}");
    assert_eq!(run.call("b").request.config, json!({"x": "nobody"}));
}

#[test]
fn a_template_that_cannot_be_evaluated_fails_the_node() {
    let run = flow("a").config("a", json!({"x": "{{input.topic - 1}}"})).start();
    assert_eq!(run.state("a"), "failed(template_error)");
}

#[test]
fn the_target_of_a_goto_sees_the_error() {
    let mut run = flow("a c")
        .node("a", json!({"on_error": {"goto": "c"}}))
        .config(
            "c",
            json!({"code": "{{nodes.a.error.code}}", "why": "{{nodes.a.error.message}}"}),
        )
        .start();
    run.play("a-");
    assert_eq!(
        run.call("c").request.config,
        json!({"code": "agent_rejected", "why": "the agent does not want to"})
    );
    assert_eq!(run.upstream("c"), json!({}));
}

#[test]
fn a_config_that_breaks_its_schema_is_not_sent() {
    let run = flow("a")
        .node("a", json!({"config": {"n": "{{input.topic}}"}, "input_schema": {"properties": {"n": {"type": "number"}}}}))
        .start();
    assert_eq!(run.state("a"), "failed(input_schema_mismatch)");
    assert_eq!(run.called(), "");
}

#[test]
fn an_output_that_breaks_its_schema_fails_the_node_is_not_tried_again_and_is_paid_for() {
    let mut run = flow("a")
        .node(
            "a",
            json!({"retry": {}, "output_schema": {"type": "object", "required": ["n"]}}),
        )
        .start();
    run.ends("a", reply_costing(json!({"m": 1}), "0.5"));
    assert_eq!(run.states(), "a:failed(output_schema_mismatch)");
    assert_eq!(run.rows.execution.spent, usd("0.5"));
    assert_eq!(run.attempt("a", 1).cost, usd("0.5"));
}

#[test]
fn an_agent_that_is_not_registered_fails_its_node_without_an_attempt() {
    let mut run = flow("a").prepare();
    run.gate.unregister("a");
    run = run.begin();
    assert_eq!(run.states(), "a:failed(agent_disabled)");
    assert_eq!(run.node("a").attempts, 0);
}

#[test]
fn on_error_output_completes_the_node_and_marks_it() {
    let mut run = flow("a b | a>b")
        .node("a", json!({"on_error": {"output": {"text": "none"}}}))
        .config("b", json!({"x": "{{a.text}}", "code": "{{nodes.a.error.code}}"}))
        .start();
    run.play("a-");
    assert_eq!(run.states(), "a:completed(fallback) b:running");
    assert_eq!(
        run.call("b").request.config,
        json!({"x": "none", "code": "agent_rejected"})
    );
    let data = run.last_data(EventType::NodeCompleted);
    assert_eq!(
        (&data["used_fallback"], &data["output"]),
        (&json!(true), &json!({"text": "none"}))
    );
    run.play("b+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn on_error_output_stands_in_for_a_missing_value_too() {
    let run = flow("a")
        .node(
            "a",
            json!({"config": {"x": "{{input.nothing}}"}, "on_error": {"output": 7}}),
        )
        .start();
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:completed(fallback)", "completed")
    );
}

#[test]
fn an_execution_yields_the_outputs_of_the_sinks_that_ran() {
    let mut run = flow("a q? x y | a>q q>x q:rejected>y").start();
    run.play("a+ q=approve");
    run.ok("x", json!([1, 2]));
    assert_eq!(run.rows.execution.output, Some(json!({"x": [1, 2]}).into()));
}

#[test]
fn an_output_template_shapes_what_an_execution_yields() {
    let shaped = |template: serde_json::Value| {
        let mut run = flow("a").set(json!({"output": template})).start();
        run.ok("a", json!({"n": 7}));
        run
    };
    let run =
        shaped(json!({"answer": "{{a.n}}", "of": "{{input.topic}}", "version": "{{execution.version}}"}));
    assert_eq!(
        run.rows.execution.output,
        Some(json!({"answer": 7, "of": "tea", "version": 3}).into())
    );
    let run = shaped(json!("{{a.nothing}}"));
    assert_eq!(
        (run.status().as_str(), &run.rows.execution.output),
        ("failed(template_missing)", &None)
    );
}

#[test]
fn a_result_of_an_attempt_that_is_not_in_flight_changes_nothing() {
    let mut run = flow("a").node("a", json!({"retry": {"jitter": "none"}})).start();
    for late in [0, 2, u32::MAX] {
        assert!(run.attempt_ends("a", late, reply(json!("late"))).is_empty());
    }
    run.play("a~");
    assert!(
        run.attempt_ends("a", 1, AttemptOutcome::Failed(broke()))
            .is_empty()
    );
    run.wait("1s");
    assert!(run.attempt_ends("a", 1, reply(json!("late"))).is_empty());
    assert_eq!(run.states(), "a:running");
    let unknown = agentchains_machine::Input::AttemptEnded {
        path: agentchains_machine::NodePath::top_level("nobody"),
        attempt: 1,
        outcome: reply(json!("?")),
    };
    assert!(run.feed(unknown).is_empty());
}
