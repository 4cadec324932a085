//! Each code has a document that gets it and a close one that does not.
//!
//! `codes.json` holds the short ones: what is found, and the two documents. There, `a` is the only node, with the
//! fields that are given; members of `nodes` without a type are calls; `document` is a whole document.

use std::collections::BTreeSet;

use agentchains_workflow::{Code, check};
use serde_json::{Map, Value, json};

use crate::support::{approval, call, findings, found, one};

struct Case {
    bad: Value,
    finding: String,
    good: Value,
}

fn cases() -> Vec<Case> {
    let table: Vec<Map<String, Value>> = serde_json::from_str(include_str!("codes.json")).unwrap();
    let short = table.iter().map(|row| Case {
        bad: document(&row["in"]),
        finding: row["finds"].as_str().unwrap().to_owned(),
        good: document(&row["but_not_in"]),
    });
    short.chain(long()).collect()
}

fn document(short: &Value) -> Value {
    let Some(fields) = short
        .as_object()
        .filter(|fields| !fields.contains_key("document"))
    else {
        return short["document"].clone();
    };
    let mut document = one(json!({}));
    if let Some(a) = fields.get("a") {
        let is_call = a.get("type").is_none_or(|name| name == "agent_call");
        let node = if is_call {
            call("a", a.clone())
        } else {
            approval("a", a.clone())
        };
        document["nodes"] = json!([node]);
    }
    for (field, value) in fields.iter().filter(|(field, _)| *field != "a") {
        document[field] = value.clone();
    }
    for node in document["nodes"].as_array_mut().into_iter().flatten() {
        if node.get("type").is_none() {
            *node = call(node["id"].as_str().unwrap(), node.clone());
        }
    }
    document
}

/// Documents that are too long for the table.
fn long() -> Vec<Case> {
    let case = |finding: &str, bad: Value, good: Value| Case {
        bad,
        finding: finding.to_owned(),
        good,
    };
    let with = |field: &str, value: Value| {
        let mut document = one(json!({}));
        document[field] = value;
        document
    };
    let text = |length: usize| json!("ü".repeat(length));
    let config = |x: String| one(json!({"config": {"x": x}}));
    let doubling = |levels: usize| {
        let mut defs = Map::new();
        for number in 0..levels {
            let next = json!({"$ref": format!("#/$defs/d{}", number + 1)});
            defs.insert(format!("d{number}"), json!({"allOf": [next, next]}));
        }
        defs.insert(format!("d{levels}"), json!(true));
        one(json!({"output_schema": {"$defs": defs, "$ref": "#/$defs/d0"}}))
    };
    vec![
        case(
            "value_too_long@/name",
            with("name", text(201)),
            with("name", text(200)),
        ),
        case(
            "value_too_long@/description",
            with("description", text(10_001)),
            with("description", text(10_000)),
        ),
        case(
            "expression_too_long@/nodes/0/config/x",
            config(format!("{{{{ input.{} }}}}", "x".repeat(1_024))),
            config(format!("{{{{ input.{} }}}}", "x".repeat(1_000))),
        ),
        case(
            "expression_too_complex@/nodes/0/config/x",
            config(format!("{{{{ 1{} }}}}", " + 1".repeat(65))),
            config(format!("{{{{ 1{} }}}}", " + 1".repeat(64))),
        ),
        case(
            "schema_too_complex@/nodes/0/output_schema",
            doubling(30),
            doubling(3),
        ),
    ]
}

#[test]
fn each_finding_has_its_code_and_place_and_a_close_document_has_none() {
    for Case { bad, finding, good } in cases() {
        assert_eq!(findings(&bad), [finding], "{bad}");
        assert_eq!(findings(&good), [""; 0], "{good}");
    }
}

/// Codes whose documents are texts, or too large for the table.
const ELSEWHERE: [Code; 5] = [
    Code::DuplicateKey,
    Code::InvalidJson,
    Code::TooDeep,
    Code::TooManyEdges,
    Code::TooManyNodes,
];
/// Codes that are found by those who know the agents.
const OF_OTHERS: [Code; 2] = [Code::UnboundedCost, Code::UnknownAgent];

#[test]
fn the_table_has_every_code() {
    let mut covered: BTreeSet<Code> = ELSEWHERE.into_iter().chain(OF_OTHERS).collect();
    for case in cases() {
        covered.extend(
            check(&case.bad.to_string())
                .diagnostics
                .iter()
                .map(|found| found.code),
        );
    }
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !covered.contains(code)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn all_errors_are_found_at_once_in_the_order_of_the_document() {
    let nodes = [
        call("a", json!({"depends_on": ["ghost"], "timeout": -1})),
        json!({"id": "b", "type": "shell"}),
        call("a", json!({"config": {"x": "{{", "y": "{{ z }}"}})),
    ];
    let document = json!({"nodes": nodes, "extra": 1});
    let mut all = findings(&document);
    all.sort();
    let expected = [
        "duplicate_node_id@/nodes/2/id",
        "invalid_template@/nodes/2/config/x",
        "invalid_value@/nodes/0/timeout",
        "missing_field@/name",
        "unknown_dependency@/nodes/0/depends_on/0",
        "unknown_field@/extra",
        "unknown_node_type@/nodes/1/type",
        "unknown_reference@/nodes/2/config/y",
    ];
    assert_eq!(all, expected);
    let checked = check(&document.to_string());
    let places: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|found| (found.line, found.column))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(checked.workflow.is_none());
}

#[test]
fn warnings_alone_do_not_refuse_a_document() {
    let nodes = [
        approval("ok", json!({})),
        call("a", json!({})),
        call(
            "b",
            json!({"depends_on": ["a", "ok"], "config": {"x": "{{ a }}"}}),
        ),
    ];
    let edges = json!([{"from": "ok", "to": "a", "when": "rejected"}]);
    let checked = check(&json!({"name": "t", "nodes": nodes, "edges": edges}).to_string());
    assert_eq!(found(&checked), ["reference_may_be_skipped@/nodes/2/config/x"]);
    assert!(checked.workflow.is_some());
    assert_eq!(checked.diagnostics.warnings().count(), 1);
    assert!(!checked.diagnostics.has_errors());
}
