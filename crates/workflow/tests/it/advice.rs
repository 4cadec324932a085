//! What is warned of in the shape of a workflow: nodes that never run, and people that hold up what does not need them.

use agentchains_workflow::check;
use serde_json::{Value, json};

use crate::support::{approval, call, findings, group, repeat, workflow};

fn on(id: &str, before: &[&str], join: Value) -> Value {
    call(id, json!({"depends_on": before, "join": join}))
}

fn chooser(id: &str, then: &str, other: &str) -> Value {
    json!({"id": id, "type": "condition", "config": {"expression": "$.x", "then": then, "else": other}})
}

/// The ids of nodes that never run, for nodes behind `c`, which leads to `a` or `b`.
fn never_run(behind: &[Value]) -> Vec<String> {
    let start = [chooser("c", "a", "b"), call("a", json!({})), call("b", json!({}))];
    let nodes: Vec<Value> = start.into_iter().chain(behind.iter().cloned()).collect();
    named(&workflow(&nodes), "unreachable_node")
}

/// The ids of the nodes of which is warned.
fn named(document: &Value, code: &str) -> Vec<String> {
    let checked = check(&document.to_string());
    assert!(checked.workflow.is_some(), "{:?}", checked.diagnostics);
    let found = checked
        .diagnostics
        .iter()
        .filter(|found| found.code.as_str() == code);
    let nodes = found.map(|found| document.pointer(&found.pointer).unwrap());
    nodes
        .map(|node| node["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_node_that_needs_both_branches_never_runs_and_nothing_behind_it() {
    let all = || json!("all");
    let default = || json!("default");
    let none: [&str; 0] = [];
    let cases: [(Vec<Value>, &[&str]); 12] = [
        (vec![on("d", &["a", "b"], default())], &none),
        (vec![on("d", &["a", "b"], json!("any"))], &none),
        (vec![on("d", &["a", "b"], json!("settled"))], &none),
        (vec![on("d", &["a", "b"], json!({"at_least": 1}))], &none),
        (vec![on("d", &["a", "b"], all())], &["d"]),
        (vec![on("d", &["a", "b"], json!({"at_least": 2}))], &["d"]),
        (vec![on("d", &["a", "c"], all())], &none),
        // Through other nodes, and onwards.
        (
            vec![
                on("a2", &["a"], default()),
                on("d", &["a2", "b"], all()),
                on("e", &["d"], default()),
            ],
            &["d", "e"],
        ),
        (
            vec![on("d", &["a", "b"], all()), on("e", &["d", "a"], default())],
            &["d"],
        ),
        (
            vec![on("d", &["a", "b"], all()), on("e", &["d", "a"], all())],
            &["d", "e"],
        ),
        (
            vec![on("d", &["a", "b"], all()), on("e", &["d"], json!("settled"))],
            &["d"],
        ),
        // Either of them, then one of them.
        (
            vec![on("d", &["a", "b"], default()), on("e", &["d", "a"], all())],
            &none,
        ),
    ];
    for (behind, expected) in cases {
        let mut found = never_run(&behind);
        // What `c` itself leads to unconditionally is another warning's business.
        found.sort();
        assert_eq!(found, expected, "{behind:?}");
    }
}

#[test]
fn what_is_reached_through_several_conditions_is_followed() {
    let nodes = [
        chooser("c", "a", "b"),
        chooser("a", "a1", "a2"),
        call("b", json!({})),
        call("a1", json!({})),
        call("a2", json!({})),
        on("x", &["a1", "b"], json!("all")),
        on("y", &["a1", "a2"], json!("all")),
        on("z", &["a1", "a2", "b"], json!("default")),
        on("w", &["x", "y"], json!("any")),
    ];
    assert_eq!(named(&workflow(&nodes), "unreachable_node"), ["x", "y", "w"]);
}

#[test]
fn labels_of_cases_and_of_decisions_exclude_each_other() {
    let cases =
        json!({"cases": [{"when": "$.x", "to": ["a", "b"]}, {"when": "$.y", "to": "b"}], "default": "d"});
    let decision = approval("ok", json!({"config": {"actions": ["approve", "later"]}}));
    let nodes = [
        json!({"id": "c", "type": "condition", "config": cases}),
        call("a", json!({})),
        call("b", json!({})),
        call("d", json!({})),
        on("ab", &["a", "b"], json!("all")),
        on("bd", &["b", "d"], json!("all")),
        decision,
        call("yes", json!({})),
        call("later", json!({})),
        on("both", &["yes", "later"], json!("all")),
        on("decided", &["yes", "ok"], json!("all")),
    ];
    let mut document = workflow(&nodes);
    document["edges"] = json!([
        {"from": "ok", "to": "yes", "when": "approved"},
        {"from": "ok", "to": "later", "when": "later"}
    ]);
    assert_eq!(named(&document, "unreachable_node"), ["bd", "both"]);
}

#[test]
fn a_failure_that_goes_elsewhere_reaches_its_target() {
    let nodes = [
        chooser("c", "a", "b"),
        call("a", json!({"on_error": {"goto": "help"}})),
        call("b", json!({})),
        on("help", &[], json!("all")),
        on("d", &["help", "a"], json!("any")),
    ];
    assert_eq!(named(&workflow(&nodes), "unreachable_node"), [""; 0]);
}

#[test]
fn members_of_a_group_that_never_runs_never_run() {
    let mut inner = group("g", json!({"nodes": [call("x", json!({}))]}));
    inner["depends_on"] = json!(["a", "b"]);
    inner["join"] = json!("all");
    let inside = [
        chooser("c2", "a2", "b2"),
        call("a2", json!({})),
        call("b2", json!({})),
        on("d2", &["a2", "b2"], json!("all")),
    ];
    let found = never_run(&[inner, repeat("l", json!({"nodes": inside}))]);
    assert_eq!(found, ["g", "x", "d2"]);
}

#[test]
fn many_conditions_with_many_cases_are_told_apart() {
    let mut nodes = Vec::new();
    for number in 0..100 {
        let targets: Vec<_> = (0..number % 10 + 2)
            .map(|case| format!("n{number}x{case}"))
            .collect();
        let cases: Vec<_> = targets
            .iter()
            .map(|to| json!({"when": "$.x", "to": to}))
            .collect();
        nodes.push(json!({"id": format!("c{number}"), "type": "condition", "config": {"cases": cases}}));
        nodes.extend(targets.iter().map(|id| call(id, json!({}))));
        let pair = [targets[0].as_str(), targets.last().unwrap().as_str()];
        nodes.push(on(&format!("never{number}"), &pair, json!("all")));
        let other = format!("n{}x0", (number + 1) % 100);
        nodes.push(on(
            &format!("may{number}"),
            &[pair[0], other.as_str()],
            json!("all"),
        ));
    }
    let found = named(&workflow(&nodes), "unreachable_node");
    let expected: Vec<_> = (0..100).map(|number| format!("never{number}")).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_reason_is_told() {
    let nodes = [
        chooser("c", "a", "b"),
        call("a", json!({})),
        call("b", json!({})),
        on("d", &["a", "b"], json!("all")),
        on("e", &["d"], json!("all")),
    ];
    let checked = check(&workflow(&nodes).to_string());
    let messages: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|found| found.message.as_str())
        .collect();
    let expected = [
        "`d` never runs: its edges exclude each other by what `c` decides",
        "`e` never runs: what it waits for does not",
    ];
    assert_eq!(messages, expected);
}

fn layered(nodes: &[Value]) -> Value {
    let mut document = workflow(nodes);
    document["scheduling"] = json!("layered");
    document
}

fn after(id: &str, before: &[&str]) -> Value {
    on(id, before, json!("default"))
}

#[test]
fn a_person_holds_up_later_layers_that_do_not_depend_on_the_decision() {
    let ask = |before: &[&str]| approval("ask", json!({"depends_on": before}));
    let none: [&str; 0] = [];
    let cases: [(Vec<Value>, &[&str]); 5] = [
        (vec![ask(&[]), after("a", &["ask"]), after("b", &["a"])], &none),
        (vec![ask(&[]), after("a", &[])], &none),
        (vec![ask(&[]), after("a", &[]), after("b", &["a"])], &["ask"]),
        (vec![after("a", &[]), after("b", &["a"]), ask(&["b"])], &none),
        (
            vec![
                ask(&[]),
                after("a", &["ask"]),
                after("x", &[]),
                after("y", &["x", "a"]),
                approval("too", json!({})),
            ],
            &["too"],
        ),
    ];
    for (nodes, expected) in cases {
        assert_eq!(named(&layered(&nodes), "layered_barrier"), expected, "{nodes:?}");
        assert_eq!(named(&workflow(&nodes), "layered_barrier"), [""; 0], "{nodes:?}");
    }
}

#[test]
fn a_person_inside_of_a_group_holds_up_what_the_group_does() {
    let inside = |nodes: Value| group("g", json!({"nodes": nodes}));
    let held_up = [
        inside(json!([
            approval("ask", json!({})),
            after("x", &[]),
            after("y", &["x"])
        ])),
        after("a", &[]),
        after("b", &["a"]),
    ];
    assert_eq!(named(&layered(&held_up), "layered_barrier"), ["g", "ask"]);
    let needed = [
        inside(json!([
            approval("ask", json!({})),
            after("x", &[]),
            after("y", &["x", "ask"])
        ])),
        after("a", &[]),
        after("b", &["a", "g"]),
    ];
    assert_eq!(findings(&layered(&needed)), [""; 0]);
}

#[test]
fn more_people_than_a_word_has_bits_are_told_apart() {
    let nodes: Vec<_> = (0..200)
        .flat_map(|number| {
            let ask = format!("ask{number}");
            [
                approval(&ask, json!({})),
                after(&format!("n{number}"), &[ask.as_str()]),
            ]
        })
        .collect();
    assert_eq!(named(&layered(&nodes), "layered_barrier").len(), 200);
    let ids: Vec<_> = (0..200).map(|number| format!("ask{number}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let mut nodes: Vec<_> = ids.iter().map(|id| approval(id, json!({}))).collect();
    nodes.push(after("last", &ids));
    assert_eq!(named(&layered(&nodes), "layered_barrier"), [""; 0]);
}
