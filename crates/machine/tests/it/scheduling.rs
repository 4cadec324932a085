//! What starts when: parallel starts, priorities, layers, limits (language reference, section 4).

use agentchains_machine::Input;
use serde_json::json;

use crate::harness::flow;

#[test]
fn roots_start_together_and_a_merge_waits_for_both() {
    let mut run = flow("web academic merge | web>merge academic>merge").start();
    assert_eq!(run.running(), "web academic");
    run.play("academic+");
    assert_eq!(run.running(), "web");
    run.play("web+");
    assert_eq!(run.running(), "merge");
    run.play("merge+");
    assert_eq!(run.status(), "completed");
    assert_eq!(
        run.events(),
        "execution.started, node.started web, node.started academic, node.completed academic, \
         node.completed web, node.started merge, node.completed merge, execution.completed"
    );
}

#[test]
fn among_ready_nodes_the_longest_path_to_a_sink_goes_first_and_then_the_document() {
    let mut run = flow("short other long mid end | long>mid mid>end")
        .set(json!({"max_concurrency": 1}))
        .start();
    run.play("long+ mid+ short+ other+ end+");
    // `mid` has the longer path after `long`; `short`, `other` and `end` are sinks, in document order.
    assert_eq!(run.called(), "long mid short other end");
}

#[test]
fn max_concurrency_bounds_the_attempts_in_flight() {
    let mut run = flow("a b c d e").set(json!({"max_concurrency": 2})).start();
    assert_eq!(run.running(), "a b");
    run.play("b+");
    assert_eq!(run.running(), "a c");
    run.play("a+ c+");
    assert_eq!(run.running(), "d e");
}

#[test]
fn a_retry_waits_for_a_free_place_as_every_attempt_does() {
    let retry = json!({"retry": {"initial_interval": "1s", "jitter": "none"}});
    let mut run = flow("a b")
        .set(json!({"max_concurrency": 1}))
        .node("a", retry)
        .start();
    run.play("a~");
    assert_eq!(run.running(), "b");
    run.wait("1s");
    assert_eq!(run.states(), "a:waiting(retry) b:running");
    run.play("b+");
    assert_eq!(run.states(), "a:running b:completed");
}

#[test]
fn people_are_asked_at_once_whatever_is_in_flight() {
    let run = flow("a b q?").set(json!({"max_concurrency": 1})).start();
    assert_eq!(run.states(), "a:running b:pending q:waiting(approval)");
}

#[test]
fn eager_nodes_start_as_soon_as_their_own_join_holds() {
    let mut run = flow("a b c d | a>c b>d").start();
    run.play("a+");
    assert_eq!(run.running(), "b c");
}

#[test]
fn layers_are_barriers_when_they_are_asked_for() {
    let mut run = flow("a b c d | a>c b>d")
        .set(json!({"scheduling": "layered"}))
        .start();
    run.play("a+");
    assert_eq!(run.running(), "b");
    run.play("b+");
    assert_eq!(run.running(), "c d");
    run.play("c+ d+");
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_layer_is_open_once_all_below_it_have_settled_in_whatever_way() {
    let mut run = flow("q? a b x y | q:rejected>a a>b x>y")
        .set(json!({"scheduling": "layered"}))
        .start();
    run.play("x+");
    assert_eq!(run.state("y"), "pending");
    assert_eq!(run.status(), "paused(approval)");
    run.play("q=approve");
    assert_eq!(run.state("b"), "skipped(upstream_skipped by a)");
    assert_eq!(run.running(), "y");
}

#[test]
fn a_start_says_when_and_repeating_it_changes_nothing() {
    let mut run = flow("a").prepare();
    assert_eq!((run.status().as_str(), run.events().as_str()), ("pending", ""));
    run = run.begin();
    assert_eq!(run.rows.execution.started_at, Some(run.now));
    let again = run.feed(Input::Start);
    assert!(again.is_empty());
    assert_eq!(run.called(), "a");
}

#[test]
fn one_step_starts_so_many_nodes_and_the_next_ones_the_rest() {
    let nodes: Vec<String> = (0..300).map(|number| format!("n{number}")).collect();
    let mut run = flow(&nodes.join(" "))
        .set(json!({"max_concurrency": 300}))
        .prepare();
    for (input, started, has_more) in [
        (Input::Start, 128, true),
        (Input::Tick, 128, true),
        (Input::Tick, 44, false),
    ] {
        let step = run.machine.step(run.now, input, &mut run.gate).unwrap();
        assert_eq!(step.effects.len(), started);
        assert_eq!(run.machine.has_more_to_start(), has_more);
    }
}
