//! The edges that branches of conditions make, and what is warned of.

use agentchains_workflow::check;
use serde_json::{Value, json};

use crate::support::{approval, branching, call, edges, findings, workflow};

/// A condition `c` with nodes `a` and `b` that depend on what is given.
fn wired(config: Value, a: &[&str], b: &[&str], edges: Value) -> Value {
    let mut document = workflow(&[
        json!({"id": "c", "type": "condition", "config": config}),
        call("a", json!({"depends_on": a})),
        call("b", json!({"depends_on": b})),
    ]);
    document["edges"] = edges;
    document
}

#[test]
fn branches_become_labels_of_edges() {
    let none = || json!([]);
    let c = &["c"];
    let one = |then: Value, other: Value| json!({"expression": "$.input.x", "then": then, "else": other});
    let cases = [
        // Missing edges are added.
        (
            wired(one(json!("a"), json!("b")), &[], &[], none()),
            vec!["c>a [true]", "c>b [false]"],
        ),
        (
            wired(one(json!(["a", "b"]), json!([])), &[], &[], none()),
            vec!["c>a [true]", "c>b [true]"],
        ),
        // Those that are there get the label, where they stand.
        (
            wired(one(json!("b"), json!("a")), c, c, none()),
            vec!["c>a [false]", "c>b [true]"],
        ),
        (
            wired(
                one(json!("a"), json!("b")),
                &[],
                &["a"],
                json!([{"from": "c", "to": "b"}]),
            ),
            vec!["c>b [false]", "a>b", "c>a [true]"],
        ),
        // Both branches may be the same node.
        (
            wired(one(json!("a"), json!("a")), &[], &["a"], none()),
            vec!["a>b", "c>a [true|false]"],
        ),
        (
            wired(one(json!("a"), json!(["a", "b"])), c, &[], none()),
            vec!["c>a [true|false]", "c>b [false]"],
        ),
        // Edges may carry the labels instead, or as well.
        (
            wired(
                json!({"expression": "$.input.x"}),
                &[],
                &[],
                json!([{"from": "c", "to": "a", "when": "true"}, {"from": "c", "to": "b", "when": "false"}]),
            ),
            vec!["c>a [true]", "c>b [false]"],
        ),
        (
            wired(
                one(json!("a"), json!("a")),
                &[],
                &["a"],
                json!([{"from": "c", "to": "a", "when": "false"}]),
            ),
            vec!["c>a [false|true]", "a>b"],
        ),
        (
            wired(
                json!({"cases": [{"when": "$.x", "to": "a"}, {"when": "$.y", "to": "a", "label": "y"}], "default": "b"}),
                &[],
                &[],
                json!([{"from": "c", "to": "b", "when": "0"}]),
            ),
            vec!["c>b [0|default]", "c>a [0|y]"],
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(findings(&document), [""; 0], "{document}");
        assert_eq!(edges(&document), expected, "{document}");
    }
}

#[test]
fn a_failure_and_a_branch_may_lead_to_the_same_node() {
    let mut document = wired(
        json!({"expression": "$.x", "then": "a", "else": "b"}),
        &["c"],
        &[],
        json!([]),
    );
    document["nodes"][0]["on_error"] = json!({"goto": "a"});
    assert_eq!(edges(&document), ["c>a [true]", "c>b [false]", "c>a [error]"]);
}

#[test]
fn a_branch_leads_to_another_node_and_closes_no_cycle() {
    let then = |target: Value| branching(json!({"expression": "$.x", "then": target}));
    let pointer = "/nodes/1/config/then";
    assert_eq!(
        findings(&then(json!("ghost"))),
        [format!("branch_not_successor@{pointer}")]
    );
    assert_eq!(
        findings(&then(json!("c"))),
        [format!("branch_not_successor@{pointer}")]
    );
    assert_eq!(
        findings(&then(json!(["a", "ghost"]))),
        [format!("branch_not_successor@{pointer}/1")]
    );
    assert_eq!(
        findings(&then(json!("before"))),
        [format!("cycle_detected@{pointer}")]
    );
    assert_eq!(findings(&then(json!(5))), [format!("wrong_type@{pointer}")]);
    assert_eq!(findings(&then(json!([5]))), [format!("wrong_type@{pointer}/0")]);
    let hint = |target: &str| {
        let checked = check(&then(json!(target)).to_string());
        checked.diagnostics.iter().next().unwrap().hint.clone()
    };
    assert_eq!(hint("befor").as_deref(), Some("did you mean `before`?"));
}

#[test]
fn a_successor_that_no_branch_names_is_warned_of() {
    let one = json!({"expression": "$.x", "then": "a"});
    let edge = |when: Option<&str>| {
        let mut edge = json!({"from": "c", "to": "b"});
        if let Some(when) = when {
            edge["when"] = json!(when);
        }
        json!([edge])
    };
    let cases = [
        (
            wired(one.clone(), &[], &[], edge(None)),
            vec!["branch_unconditional@/edges/0"],
        ),
        (
            wired(one.clone(), &[], &["c"], json!([])),
            vec!["branch_unconditional@/nodes/2/depends_on/0"],
        ),
        (wired(one.clone(), &[], &[], edge(Some("false"))), vec![]),
        (wired(one.clone(), &["c"], &["a"], json!([])), vec![]),
    ];
    for (document, expected) in cases {
        assert_eq!(findings(&document), expected, "{document}");
    }
    let mut failing = wired(one, &[], &["c"], json!([]));
    failing["nodes"][0]["on_error"] = json!({"goto": "b"});
    assert_eq!(findings(&failing), [""; 0]);
}

#[test]
fn what_a_branch_leads_to_may_be_skipped_unless_every_label_leads_there() {
    let reads = |config: Value| {
        let document = workflow(&[
            json!({"id": "c", "type": "condition", "config": config}),
            call("a", json!({})),
            call("b", json!({})),
            approval(
                "last",
                json!({"depends_on": ["a", "b"], "config": {"message": "{{ a.x }}"}}),
            ),
        ]);
        let mut found = findings(&document);
        found.retain(|found| found.starts_with("reference"));
        found.len()
    };
    let two = |then: Value, other: Value| json!({"expression": "$.x", "then": then, "else": other});
    assert_eq!(reads(two(json!("a"), json!("b"))), 1);
    assert_eq!(reads(two(json!("a"), json!(["b", "a"]))), 0);
    let cases = |default: Value| json!({"cases": [{"when": "$.x", "to": ["a", "b"]}], "default": default});
    assert_eq!(reads(cases(json!("a"))), 0);
    assert_eq!(reads(cases(json!("b"))), 1);
    assert_eq!(reads(json!({"cases": [{"when": "$.x", "to": ["a", "b"]}]})), 1);
}

#[test]
fn a_condition_that_reads_a_skippable_node_is_not_warned_of() {
    let document = workflow(&[
        approval("ok", json!({})),
        json!({"id": "c", "type": "condition", "config": {"expression": "$.nodes.a.output.x == 1", "then": "b"}}),
        call("a", json!({})),
        call("b", json!({})),
    ]);
    let mut document = document;
    document["edges"] = json!([
        {"from": "ok", "to": "a", "when": "approved"}, {"from": "a", "to": "c"}, {"from": "ok", "to": "c"}
    ]);
    assert_eq!(findings(&document), [""; 0]);
    document["nodes"][1]["config"] =
        json!({"path": "$.input.x", "operator": "eq", "value": "{{ a.x }}", "then": "b"});
    assert_eq!(
        findings(&document),
        ["reference_may_be_skipped@/nodes/1/config/value"]
    );
}
