//! What random executions found: groups, loops and children that end, are tried again or are held at the same time as
//! something else happens.

use agentchains_machine::{
    ChildCommand, ChildReport, ExecutionId, ExecutionStatus, Failure, FailureCode, Input, NodePath, Parent,
    Seed,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Flow, Run, body, flow, usd};

fn retry(seconds: u32) -> Value {
    json!({"retry": {"max_attempts": 2, "initial_interval": seconds, "jitter": "none"}})
}

fn items(count: usize, settings: Value) -> Flow {
    let mut config = json!({"items": (0..count).collect::<Vec<_>>(), "body": body("x")});
    config
        .as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    flow("g&").config("g", config)
}

fn held(flow: &Flow) -> Run {
    let above = ExecutionId::from_uuid(Uuid::from_u128(7));
    let parent = Parent {
        execution_id: above,
        root_execution_id: above,
        path: NodePath::top_level("s"),
        depth: 2,
        waits: true,
        budgets: Vec::new(),
        holds: false,
    };
    Run::prepare(flow.compile(), |new| new.parent = Some(parent)).begin()
}

fn commands(run: &Run) -> Vec<ChildCommand> {
    run.child_commands.iter().map(|(_, command)| *command).collect()
}

fn tells(run: &mut Run, node: &str, status: ExecutionStatus, error: Option<FailureCode>) {
    let path = NodePath::from(node.to_owned());
    let error = error.map(|code| Failure::in_node(&NodePath::top_level("inner"), code, "it went wrong"));
    let report = ChildReport {
        status,
        pause_reason: None,
        spent: usd("0"),
        cost_known: true,
        output: None,
        error,
    };
    let execution_id = run.children[node].execution_id;
    run.feed(Input::ChildReported {
        path,
        execution_id,
        report,
    });
}

#[test]
fn a_loop_that_fails_ends_when_the_last_call_deep_inside_of_it_has() {
    let mut inner = body("x m*");
    inner["nodes"][1]["config"] = json!({"body": body("y z | y>z"), "items": [1]});
    let mut run = flow("l*")
        .config("l", json!({"body": inner, "items": [1]}))
        .start();
    run.play("l[0]/x- l[0]/m[0]/y+");
    assert_eq!(run.state("l"), "failed(loop_failed)");
    assert_eq!(run.status(), "failed(agent_rejected)");
}

#[test]
fn what_is_around_aborted_calls_does_not_complete() {
    let around = [
        ("g/x", flow("a g&").config("g", body("x"))),
        (
            "g[0]/x",
            flow("a g&").config("g", json!({"items": [1], "body": body("x")})),
        ),
        (
            "g[0]/x",
            flow("a g&").config("g", json!({"items": [1], "body": body("x"), "mode": "any"})),
        ),
        (
            "g[0]/x",
            flow("a g*").config("g", json!({"items": [1], "body": body("x")})),
        ),
    ];
    for (call, flow) in around {
        let mut run = flow.set(json!({"on_failure": "cancel"})).start();
        run.play("a-");
        run.aborted(call);
        assert_ne!(run.state("g"), "completed", "{call}");
        assert_eq!(run.status(), "failed(agent_rejected)");
    }
}

#[test]
fn a_group_that_bears_failures_does_not_complete_without_what_was_aborted() {
    let mut inner = body("x y");
    inner["on_item_error"] = json!("null");
    let mut members = body("h& z");
    members["nodes"][0]["config"] = inner;
    let mut run = flow("g&")
        .config("g", members)
        .set(json!({"on_failure": "cancel"}))
        .start();
    run.play("g/h/x- g/z-");
    run.aborted("g/h/y");
    assert_ne!(run.state("g/h"), "completed");
    assert_eq!(run.status(), "failed(agent_rejected)");
}

#[test]
fn a_group_that_took_too_long_is_tried_again_once_its_calls_have_ended() {
    let mut run = flow("g&")
        .config("g", body("x y"))
        .node("g", json!({"timeout": 10}))
        .node("g", retry(1))
        .start();
    run.wait("10s");
    run.wait("1s");
    assert_eq!(run.called(), "g/x g/y", "aborted calls are in the way");
    run.wait("4s");
    assert_eq!(run.called(), "g/x g/y g/x g/y");
    run.play("g/x+ g/y+");
    assert_eq!(run.output("g"), json!({"x": {"by": "g/x"}, "y": {"by": "g/y"}}));
}

#[test]
fn a_group_that_fails_while_calls_deep_inside_are_aborted_is_tried_again_once_they_have_ended() {
    let mut members = body("h& y | h>y");
    members["nodes"][0]["config"] = body("x");
    members["nodes"][0]["timeout"] = json!(10);
    let mut run = flow("g&").config("g", members).node("g", retry(1)).start();
    run.wait("10s");
    assert_eq!(run.state("g"), "waiting(retry)");
    run.wait("1s");
    run.wait("4s");
    run.play("g/h/x+ g/y+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn items_that_had_not_begun_when_the_group_was_cut_off_run_when_it_is_tried_again() {
    let mut run = items(2, json!({}))
        .set(json!({"max_concurrency": 1}))
        .node("g", json!({"timeout": 10}))
        .node("g", retry(5))
        .start();
    run.wait("10s");
    run.aborted("g[0]/x");
    run.wait("5s");
    run.play("g[0]/x+ g[1]/x+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn no_more_items_run_at_once_when_a_group_is_tried_again() {
    let mut run = items(3, json!({"max_concurrency": 1}))
        .set(json!({"on_failure": "continue"}))
        .node("g", retry(5))
        .start();
    run.play("g[0]/x~ g[1]/x~ g[2]/x~");
    run.wait("5s");
    assert_eq!(run.running(), "g[0]/x");
    run.crash();
    assert_eq!(run.rows.execution.in_flight, 1);
    run.play("g[0]/x+ g[1]/x+ g[2]/x+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_member_that_was_queued_when_its_group_was_cut_off_waits_for_its_place_again() {
    let mut members = body("q? y");
    members["max_concurrency"] = json!(1);
    let mut run = flow("g& a")
        .config("g", members)
        .node("g", json!({"timeout": 10}))
        .node("g", retry(5))
        .start();
    run.pause().unwrap();
    run.wait("10s");
    run.wait("5s");
    run.resume().unwrap();
    assert_eq!(
        (run.state("g/q"), run.state("g/y")),
        ("waiting(approval)".into(), "pending".into())
    );
}

#[test]
fn the_place_of_a_member_goes_to_the_one_with_the_longest_path() {
    let mut members = body("x z y w | x>y y>w");
    members["max_concurrency"] = json!(1);
    let mut run = flow("g&").config("g", members).start();
    run.play("g/x+");
    assert_eq!(run.running(), "g/y");
}

#[test]
fn a_member_that_was_skipped_while_its_agent_was_busy_is_in_nobody_s_way() {
    let mut members = body("y z");
    members["nodes"][1]["config"] = json!({"missing": "{{ input.absent }}"});
    let mut run = flow("ok? g&")
        .config("g", members)
        .node("g", json!({"on_error": {"output": "none"}}))
        .prepare();
    run.gate.busy("y");
    run = run.begin();
    assert_eq!(run.state("g"), "completed(fallback)");
    assert_eq!(run.status(), "paused(approval)");
}

#[test]
fn a_member_whose_agent_is_busy_leaves_its_place_to_another_one() {
    let mut members = body("x y z");
    members["max_concurrency"] = json!(1);
    let mut run = flow("g&").config("g", members).start();
    run.gate.busy("y");
    run.play("g/x+");
    assert_eq!(run.running(), "g/z");
}

#[test]
fn a_child_that_is_being_cancelled_is_not_tried_again() {
    let mut members = body("s^");
    members["nodes"][0]["config"] = json!({"workflow_id": "other"});
    members["nodes"][0]["retry"] = retry(5)["retry"].clone();
    let mut run = flow("g&")
        .config("g", members)
        .node("g", json!({"timeout": 10}))
        .set(json!({"on_failure": "continue"}))
        .start();
    run.wait("10s");
    tells(
        &mut run,
        "g/s",
        ExecutionStatus::Failed,
        Some(FailureCode::AgentTimeout),
    );
    assert_eq!(run.status(), "failed(agent_timeout)");
    assert!(run.node("g/s").state.status().is_settled());
}

#[test]
fn nodes_of_a_scope_that_is_tried_again_are_counted_once_over_a_crash() {
    let mut run = flow("l* b")
        .config("l", json!({"items": [1], "body": body("x")}))
        .node("l", retry(5))
        .set(json!({"max_concurrency": 1}))
        .start();
    run.play("l[0]/x~");
    run.wait("5s");
    run.crash();
    run.play("b+ l[0]/x+");
    assert_eq!(run.status(), "completed");
    assert_eq!(run.rows.execution.nodes_total, 3);
}

/// An execution that is paused by its budget while a child runs that may spend nothing.
fn over_budget_with_a_child() -> Run {
    let flow = flow("s^ b")
        .config("s", json!({"workflow_id": "other"}))
        .node("s", json!({"max_cost": 0}))
        .node("b", json!({"max_cost": 2}))
        .set(json!({"max_budget": 1, "on_budget": "pause"}));
    let run = held(&flow);
    assert_eq!(run.status(), "paused(budget)");
    run
}

#[test]
fn children_that_were_held_during_a_pause_by_the_budget_are_released() {
    let mut run = over_budget_with_a_child();
    run.feed(Input::Hold);
    run.feed(Input::Release);
    assert_eq!(commands(&run), [ChildCommand::Hold, ChildCommand::Release]);
    assert_eq!(run.status(), "paused(budget)");
}

#[test]
fn a_release_that_a_crash_has_swallowed_is_told_again() {
    let mut run = flow("s^").config("s", json!({"workflow_id": "other"})).start();
    run.pause().unwrap();
    run.resume().unwrap();
    run.child_commands.clear();
    run.crash();
    assert_eq!(commands(&run), [ChildCommand::Release]);
}

#[test]
fn a_decision_is_kept_by_what_was_shown_when_it_was_asked() {
    let flow = flow("a b ok? c | a>ok b>ok ok>c").node("ok", json!({"join": "any"}));
    let mut run = flow.start();
    run.play("a+ ok=approve b+ c-");
    let again = forked(&flow, run.machine.seeds(&[]));
    assert!(again.node("ok").reused);
}

fn forked(flow: &Flow, seeds: Vec<Seed>) -> Run {
    Run::prepare(flow.compile(), |new| {
        new.id = ExecutionId::from_uuid(Uuid::from_u128(9));
        new.input = json!({"topic": "tea"}).into();
        new.seeds = seeds;
    })
    .begin()
}

#[test]
fn nothing_starts_in_the_step_in_which_a_loop_fails_the_execution() {
    // The loop's only iteration has nothing to wait for, so that it fails while other nodes are started.
    let settled = json!({"nodes": [{
        "id": "c", "type": "condition", "config": {"expression": "$.input.topic", "then": []},
    }]});
    let mut run = flow("a l* z | a>l a>z")
        .config(
            "l",
            json!({"body": settled, "until": "$.input.never", "max_iterations": 1}),
        )
        .start();
    run.play("a+");
    assert_eq!(run.state("l"), "failed(loop_exhausted)");
    assert_eq!(run.called(), "a");
    assert_eq!(run.state("z"), "skipped(execution_failed by l)");
}

#[test]
fn a_child_stays_held_over_a_crash_while_the_budget_pauses_what_is_held_from_above() {
    let mut run = held(
        &flow("s^ x")
            .config("s", json!({"workflow_id": "other"}))
            .node("s", json!({"max_cost": 0}))
            .node("x", json!({"max_cost": 1}))
            .set(json!({"max_budget": 0.5, "on_budget": "pause"})),
    );
    assert_eq!(run.status(), "paused(budget)");
    run.feed(Input::Hold);
    run.child_commands.clear();
    run.crash();
    assert_eq!(commands(&run), [ChildCommand::Hold]);
}
