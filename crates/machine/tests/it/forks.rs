//! Forks: what completed is taken over where it was asked the same; what failed or changed runs again.

use agentchains_cost::Usd;
use agentchains_machine::{ChildReport, ExecutionId, ExecutionStatus, NodePath, Seed};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Flow, Run, body, flow};

/// A new execution made from one that has ended, with its own input.
fn fork_with(flow: &Flow, run: &Run, input: Value, adjust: impl FnOnce(&mut Vec<Seed>)) -> Run {
    let mut seeds = run.machine.seeds(&[]);
    adjust(&mut seeds);
    Run::prepare(flow.compile(), |new| {
        new.id = ExecutionId::from_uuid(Uuid::from_u128(9));
        new.forked_from = Some(run.rows.execution.id);
        new.input = input.into();
        new.seeds = seeds;
    })
    .begin()
}

/// One that is made with the same input, by comparing what nodes are asked.
fn same(flow: &Flow, run: &Run) -> Run {
    fork_with(flow, run, json!({"topic": "tea"}), |_| {})
}

/// One that keeps what completed.
fn retry(flow: &Flow, run: &Run) -> Run {
    fork_with(flow, run, json!({"topic": "tea"}), |seeds| {
        *seeds = run.machine.seeds_to_retry();
    })
}

#[test]
fn what_completed_is_kept_and_what_failed_runs_again() {
    let flow = flow("a b c | a>b b>c");
    let mut run = flow.start();
    run.play("a+ b-");
    let mut again = retry(&flow, &run);
    assert_eq!(again.called(), "b");
    assert!(again.node("a").reused);
    assert_eq!(again.node("a").cost, Usd::ZERO);
    assert_eq!(again.upstream("b")["a"], json!({"by": "a"}));
    again.play("b+ c+");
    assert_eq!(again.status(), "completed");
    assert!(!again.node("b").reused);
}

#[test]
fn another_input_reuses_nothing_that_saw_it() {
    let flow = flow("a");
    let mut run = flow.start();
    run.play("a+");
    let again = fork_with(&flow, &run, json!({"topic": "coffee"}), |_| {});
    assert_eq!(again.called(), "a");
}

#[test]
fn a_node_that_changed_runs_again_and_what_depends_on_its_output() {
    let before = flow("a b | a>b").config("a", json!({"depth": 1}));
    let mut run = before.start();
    run.play("a+ b+");
    let after = flow("a b | a>b").config("a", json!({"depth": 2}));
    let mut again = same(&after, &run);
    again.ok("a", json!("another"));
    assert_eq!(again.called(), "a b");
}

#[test]
fn the_same_output_again_lets_what_follows_be_reused() {
    let before = flow("a b | a>b").config("a", json!({"depth": 1}));
    let mut run = before.start();
    run.play("a+ b+");
    let after = flow("a b | a>b").config("a", json!({"depth": 2}));
    let mut again = same(&after, &run);
    again.play("a+");
    assert_eq!((again.called(), again.status()), ("a".into(), "completed".into()));
}

#[test]
fn nothing_is_left_behind_from_a_node_on() {
    let mut run = flow("a b c d | a>b b>c a>d").start();
    run.play("a+ b+ d+ c+");
    let paths = |from: &str| -> Vec<String> {
        let seeds = run.machine.seeds(&[NodePath::top_level(from)]);
        seeds
            .into_iter()
            .map(|seed| seed.path.as_str().to_owned())
            .collect()
    };
    assert_eq!(paths("b"), ["a", "d"]);
    assert_eq!(paths("a"), [""; 0]);
}

#[test]
fn an_output_that_somebody_gave_takes_the_place_of_the_node() {
    let flow = flow("a b | a>b");
    let mut run = flow.start();
    run.play("a+ b+");
    let again = fork_with(&flow, &run, json!({"topic": "tea"}), |seeds| {
        seeds.retain(|seed| seed.path.as_str() != "a");
        seeds.push(Seed {
            path: NodePath::top_level("a"),
            digest: None,
            output: json!("given").into(),
            branch: None,
            child: None,
        });
    });
    assert_eq!(again.called(), "b");
    assert_eq!(again.upstream("b")["a"], json!("given"));
}

#[test]
fn a_given_decision_of_a_condition_takes_its_branch() {
    let flow = flow("c= y n").config("c", json!({"expression": "$.input.go", "then": "y", "else": "n"}));
    let run = flow.start();
    let again = fork_with(&flow, &run, json!({}), |seeds| {
        seeds.push(Seed {
            path: NodePath::top_level("c"),
            digest: None,
            output: json!({"branch": "true"}).into(),
            branch: None,
            child: None,
        });
    });
    assert_eq!(again.called(), "y");
}

#[test]
fn a_decision_on_the_same_question_is_kept() {
    let flow = flow("a ok? b | a>ok ok>b");
    let mut run = flow.start();
    run.play("a+ ok=approve b-");
    let again = retry(&flow, &run);
    assert!(again.node("ok").reused);
    assert_eq!(again.called(), "b");
}

#[test]
fn another_question_is_asked_again() {
    let flow = flow("a ok? b | a>ok ok>b");
    let mut run = flow.start();
    run.play("a+ ok=approve b-");
    let mut again = fork_with(&flow, &run, json!({"topic": "coffee"}), |_| {});
    again.ok("a", json!("another"));
    assert_eq!(again.state("ok"), "waiting(approval)");
}

#[test]
fn a_loop_goes_on_at_the_iteration_that_failed() {
    let flow = flow("l*").config(
        "l",
        json!({"body": body("x y | x>y"), "until": "$.loop.index == 2", "max_iterations": 3}),
    );
    let mut run = flow.start();
    run.play("l[0]/x+ l[0]/y+ l[1]/x+ l[1]/y-");
    let mut again = retry(&flow, &run);
    assert_eq!(again.called(), "l[1]/y");
    again.play("l[1]/y+ l[2]/x+ l[2]/y+");
    assert_eq!(again.status(), "completed");
}

#[test]
fn items_that_completed_are_kept() {
    let flow = flow("g&").config("g", json!({"items": [1, 2, 3], "body": body("x")}));
    let mut run = flow.start();
    run.play("g[0]/x+ g[1]/x- g[2]/x+");
    let again = retry(&flow, &run);
    assert_eq!(again.called(), "g[1]/x");
}

#[test]
fn seeds_survive_a_crash() {
    let flow = flow("a b | a>b");
    let mut run = flow.start();
    run.play("a+ b+");
    let mut again = fork_with(&flow, &run, json!({"topic": "tea"}), |seeds| {
        seeds.retain(|seed| seed.path.as_str() == "b");
    });
    again.crash();
    again.play("a+");
    assert_eq!(
        (again.called(), again.status()),
        ("a a".into(), "completed".into())
    );
    assert!(again.node("b").reused);
}

#[test]
fn a_retry_keeps_what_completed_whatever_it_was_asked() {
    let flow = flow("a g& c= y n b | a>g g>c y>b")
        .config("a", json!({"id": "{{ execution.id }}"}))
        .config(
            "g",
            json!({"items": [1, 2], "on_item_error": "null", "body": body("x")}),
        )
        .config(
            "c",
            json!({"expression": "$.nodes.a.cost == 0", "then": "y", "else": "n"}),
        )
        .node("y", json!({"on_error": {"output": "instead"}}));
    let mut run = flow.start();
    run.play("a+ g[0]/x- g[1]/x+ y- b-");
    let again = retry(&flow, &run);
    assert_eq!(again.called(), "b");
    assert_eq!(again.output("g"), run.output("g"));
    assert_eq!(again.output("y"), json!("instead"));
    assert_eq!(again.output("c"), run.output("c"));
}

#[test]
fn a_retry_asks_anew_where_a_node_above_runs_again() {
    let flow = flow("a b | a>b")
        .node("b", json!({"join": "settled"}))
        .config("b", json!({"x": "{{ a | default('none') }}"}))
        .set(json!({"on_failure": "continue"}));
    let mut run = flow.start();
    run.play("a- b+");
    let mut again = retry(&flow, &run);
    again.play("a+");
    assert_eq!(again.called(), "a b");
}

#[test]
fn a_child_that_failed_is_left_behind_for_the_first_one_of_its_node() {
    let flow = flow("a s^ | a>s").config("s", json!({"workflow_id": "other"}));
    let mut run = flow.start();
    run.play("a+");
    let report = ChildReport {
        status: ExecutionStatus::Failed,
        pause_reason: None,
        spent: Usd::ZERO,
        cost_known: true,
        output: None,
        error: None,
    };
    run.tells("s", report);
    assert_eq!(run.states(), "a:completed s:failed(subworkflow_failed)");
    let failed = run.node("s").child_execution_id;
    assert!(failed.is_some());
    for seeds in [run.machine.seeds(&[]), run.machine.seeds_to_retry()] {
        let left: Vec<_> = seeds.iter().filter_map(|seed| seed.child).collect();
        assert_eq!(left, Vec::from_iter(failed));
    }
    let again = same(&flow, &run);
    assert_eq!(
        (again.called().as_str(), again.children["s"].made_from),
        ("", failed)
    );
    let anew = run.machine.seeds(&[NodePath::top_level("s")]);
    assert!(anew.iter().all(|seed| seed.child.is_none()));
}
