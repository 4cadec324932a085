//! Explanations: what each node waits for, and why it was skipped.

use serde_json::json;

use crate::harness::{Run, body, flow};

impl Run {
    /// `path: kind`, for each node that has one.
    fn reasons(&self) -> String {
        let reasons: Vec<String> = self
            .machine
            .explain(self.now, &self.gate)
            .iter()
            .map(|found| {
                format!(
                    "{}: {}",
                    found.path,
                    json!(found.reason)["kind"].as_str().unwrap()
                )
            })
            .collect();
        reasons.join(", ")
    }

    fn sentence(&self, path: &str) -> String {
        let found = self.machine.explain(self.now, &self.gate);
        found
            .into_iter()
            .find(|found| found.path.as_str() == path)
            .unwrap()
            .message
    }
}

#[test]
fn an_undecided_join_names_its_edges() {
    let mut run = flow("a b c | a>c b>c").start();
    run.play("a+");
    assert_eq!(run.reasons(), "b: attempt, c: edges");
    assert_eq!(run.sentence("c"), "its join is not decided: waiting for b");
}

#[test]
fn limits_layers_and_agents_are_told_apart() {
    let run = flow("a b").set(json!({"max_concurrency": 1})).start();
    assert_eq!(run.reasons(), "a: attempt, b: limit");
    let run = flow("g&")
        .config("g", json!({"nodes": body("x y")["nodes"], "max_concurrency": 1}))
        .start();
    assert_eq!(run.reasons(), "g: members, g/x: attempt, g/y: limit");
    let mut run = flow("a b c | a>c").set(json!({"scheduling": "layered"})).start();
    run.play("a+");
    assert_eq!(run.reasons(), "b: attempt, c: layer");
    let mut run = flow("a").prepare();
    run.gate.busy("a");
    let run = run.begin();
    assert_eq!(run.reasons(), "a: agent");
}

#[test]
fn people_timers_and_breakers_are_named() {
    let run = flow("ok?").start();
    assert_eq!(run.reasons(), "ok: person");
    let mut run = flow("a").node("a", json!({"retry": {"max_attempts": 2}})).start();
    run.play("a~");
    assert_eq!(run.reasons(), "a: retry");
    let mut run = flow("a").node("a", json!({"breaker_wait": 60})).prepare();
    let later = run.later("30s");
    run.gate.open("a", later);
    let run = run.begin();
    assert_eq!(run.reasons(), "a: breaker");
}

#[test]
fn a_pause_holds_what_is_ready() {
    let mut run = flow("a b | a>b").start();
    run.pause().unwrap();
    run.play("a+");
    assert_eq!(run.sentence("b"), "the execution is paused (user)");
}

#[test]
fn a_skipped_node_tells_why() {
    let mut run = flow("a b | a>b").start();
    run.play("a-");
    assert_eq!(run.sentence("b"), "it was skipped (upstream_failed) because of a");
}

#[test]
fn a_node_that_waits_for_room_in_a_budget_is_told_from_one_that_waits_for_its_agent() {
    let mut run = flow("a b")
        .set(json!({"max_budget": 1}))
        .node("a", json!({"max_cost": 0.6}))
        .node("b", json!({"max_cost": 0.6}))
        .start();
    assert_eq!(run.reasons(), "a: attempt, b: budget");
    assert_eq!(
        run.sentence("b"),
        "a budget has no room for 0.6 USD before calls in flight have settled"
    );
    run.ok("a", json!({"_cost": 0.1}));
    assert_eq!(run.reasons(), "b: attempt");
}
