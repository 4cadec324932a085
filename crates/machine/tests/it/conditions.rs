//! Conditions: the branch that is taken, what follows from it, and that it is decided once.

use serde_json::json;

use crate::harness::{flow, reply};

/// `a`, then a condition on its output, then `deep` or `quick`, then `end` after both.
fn branching() -> crate::harness::Flow {
    flow("a c= deep quick end | a>c c:true>deep c:false>quick deep>end quick>end").config(
        "c",
        json!({"expression": "$.nodes.a.output.score > 0.8", "then": "deep", "else": "quick"}),
    )
}

#[test]
fn only_the_chosen_branch_runs_and_what_joins_both_runs_after_it() {
    for (score, taken, not_taken) in [(0.9, "deep", "quick"), (0.2, "quick", "deep")] {
        let mut run = branching().start();
        run.ends("a", reply(json!({"score": score})));
        assert!(
            run.states().contains(&format!("{taken}:running")),
            "{}",
            run.states()
        );
        assert!(
            run.states()
                .contains(&format!("{not_taken}:skipped(branch_not_taken by c)")),
            "{}",
            run.states()
        );
        run.play(&format!("{taken}+ end+"));
        assert_eq!(run.status(), "completed");
    }
}

#[test]
fn the_output_says_what_was_chosen_and_what_was_looked_at() {
    let mut run = branching().start();
    run.ends("a", reply(json!({"score": 0.9})));
    assert_eq!(
        run.output("c"),
        json!({"branch": "true", "values": {"$.nodes.a.output.score": [0.9]}})
    );
}

#[test]
fn a_missing_value_takes_the_other_branch() {
    let mut run = branching().start();
    run.ends("a", reply(json!({})));
    assert_eq!(run.output("c")["branch"], "false");
}

#[test]
fn the_first_case_that_holds_is_taken_and_without_any_every_branch_is_dead() {
    let cases = json!({"cases": [
        {"when": "$.input.n > 5", "to": "big"},
        {"when": "$.input.n > 1", "to": "middle", "label": "some"},
    ]});
    for (n, expected) in [
        (9, "c:completed big:running middle:skipped(branch_not_taken by c)"),
        (3, "c:completed big:skipped(branch_not_taken by c) middle:running"),
        (
            0,
            "c:completed big:skipped(branch_not_taken by c) middle:skipped(branch_not_taken by c)",
        ),
    ] {
        let run = flow("c= big middle | c>big c>middle")
            .config("c", cases.clone())
            .start_with(json!({"n": n}));
        assert_eq!(run.states(), expected, "n = {n}");
    }
}

#[test]
fn a_condition_takes_no_slot() {
    let run = flow("a c= b | c>b")
        .set(json!({"max_concurrency": 1}))
        .config("c", json!({"expression": "$.input", "then": "b"}))
        .start();
    assert!(run.states().contains("c:completed"), "{}", run.states());
}

#[test]
fn a_decision_is_made_once_also_when_a_crash_follows() {
    let mut run = branching().start();
    run.ends("a", reply(json!({"score": 0.9})));
    run.crash();
    run.play("deep+ end+");
    assert_eq!(run.status(), "completed");
    let decided = run
        .rows
        .events
        .iter()
        .filter(|event| event.data.to_value()["node_id"] == "c");
    assert_eq!(decided.count(), 1);
}
