//! Each code has a document that gets it and a close one that does not.
//!
//! `codes.json` holds the short ones: what is found, and the two documents. There, `a` is the only node, with the
//! fields that are given; members of `nodes`, nested ones included, are calls where they have no type; `document` is a
//! whole document.

use std::collections::BTreeSet;

use agentchains_workflow::{Code, Diagnostic, check, limits};
use serde_json::{Map, Value, json};

use crate::support::{approval, call, findings, found, one, workflow};

pub(crate) struct Case {
    pub(crate) bad: String,
    pub(crate) finding: String,
    pub(crate) good: String,
}

pub(crate) fn cases() -> Vec<Case> {
    let table: Vec<Map<String, Value>> = serde_json::from_str(include_str!("codes.json")).unwrap();
    let short = table.iter().map(|row| Case {
        bad: document(&row["in"]).to_string(),
        finding: row["finds"].as_str().unwrap().to_owned(),
        good: document(&row["but_not_in"]).to_string(),
    });
    short.chain(long()).chain(texts()).collect()
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
    complete(&mut document);
    document
}

/// Makes calls of the nodes without a type, in an object with `nodes` and in the bodies below.
fn complete(around: &mut Value) {
    let nodes = around.get_mut("nodes").and_then(Value::as_array_mut);
    for node in nodes.into_iter().flatten() {
        if node.get("type").is_none() && node.is_object() {
            *node = call(node["id"].as_str().unwrap(), node.clone());
        }
        if let Some(config) = node.get_mut("config").filter(|config| config.is_object()) {
            complete(config);
            config.get_mut("body").into_iter().for_each(complete);
        }
    }
}

/// Documents that are too long for the table.
fn long() -> Vec<Case> {
    let case = |finding: &str, bad: Value, good: Value| Case {
        bad: bad.to_string(),
        finding: finding.to_owned(),
        good: good.to_string(),
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
    let numbered = |count: usize| {
        let nodes: Vec<_> = (0..count)
            .map(|number| call(&format!("n{number}"), json!({})))
            .collect();
        workflow(&nodes)
    };
    let pairs = |count: usize| {
        let mut document = numbered(500);
        let pairs = (0..500_usize).flat_map(|to| (0..to).map(move |from| (from, to)));
        let edge = |(from, to)| json!({"from": format!("n{from}"), "to": format!("n{to}")});
        document["edges"] = pairs.take(count).map(edge).collect();
        document
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
        case(
            "too_many_nodes@/nodes",
            numbered(limits::MAX_NODES + 1),
            numbered(limits::MAX_NODES),
        ),
        case(
            "too_many_edges@/edges",
            pairs(limits::MAX_EDGES + 1),
            pairs(limits::MAX_EDGES),
        ),
    ]
}

/// What no JSON value can show.
fn texts() -> Vec<Case> {
    let valid = one(json!({})).to_string();
    let nested = |levels: usize| {
        // The document, its nodes, the node and its config are around it.
        let value = format!("{}{}", "[".repeat(levels - 4), "]".repeat(levels - 4));
        one(json!({"config": {"x": 0}}))
            .to_string()
            .replace("\"x\":0", &format!("\"x\":{value}"))
    };
    let case = |finding: &str, bad: String, good: String| Case {
        bad,
        finding: finding.to_owned(),
        good,
    };
    vec![
        case("invalid_json@", valid.replacen('{', "", 1), valid.clone()),
        case(
            "duplicate_key@/name",
            valid.replacen('{', "{\"name\": \"t\", ", 1),
            valid,
        ),
        case(
            "too_deep@",
            nested(limits::MAX_DEPTH + 1),
            nested(limits::MAX_DEPTH),
        ),
    ]
}

#[test]
fn each_finding_has_its_code_and_place_and_a_close_document_has_none() {
    for Case { bad, finding, good } in cases() {
        let shown: String = bad.chars().take(1_000).collect();
        assert_eq!(found(&check(&bad)), [finding], "{shown}");
        let shown: String = good.chars().take(1_000).collect();
        assert_eq!(found(&check(&good)), [""; 0], "{shown}");
    }
}

/// Codes that are found by those who know the agents and the workflows.
const OF_OTHERS: [Code; 4] = [
    Code::SubworkflowRecursion,
    Code::UnboundedCost,
    Code::UnknownAgent,
    Code::UnknownWorkflow,
];

#[test]
fn the_table_has_every_code() {
    let named: BTreeSet<_> = cases()
        .iter()
        .filter_map(|case| case.finding.split('@').next().map(str::to_owned))
        .collect();
    let missing: Vec<_> = Code::ALL
        .iter()
        .filter(|code| !OF_OTHERS.contains(code) && !named.contains(code.as_str()))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn every_hint_is_a_short_sentence_of_its_own() {
    for case in cases() {
        for Diagnostic { message, hint, .. } in &check(&case.bad).diagnostics {
            let hint = hint.as_deref().unwrap_or("-");
            assert!(
                !hint.is_empty() && hint.len() < 1_000 && hint != message,
                "{message}: {hint}"
            );
        }
    }
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
