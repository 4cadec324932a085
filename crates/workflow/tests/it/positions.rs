//! Lines, columns, hints and the wire form of findings.

use agentchains_workflow::check;
use serde_json::{Value, json};

use crate::support::{call, one, workflow};

const TEXT: &str = r#"{
  "name": "Größe", "max_budgets": 1,
  "nodes": [
    {"id": "search", "type": "Agent_Call", "agent_id": "x"},
    {"id": "ü", "type": "agent_call"},
    {"id": "agent-1", "type": "agent_call", "agent_id": "x", "retry": {"jitter": "ful"},
     "depends_on": ["saerch"], "config": {"q": "{{ agent.x }}"}}
  ]
}"#;

#[test]
fn findings_stand_where_the_text_has_them() {
    let checked = check(TEXT);
    let found: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|found| {
            let place = (found.line.unwrap(), found.column.unwrap());
            (
                place,
                found.code.as_str(),
                found.hint.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    let minus = "`-` is a minus in expressions: write nodes[\"agent-1\"].output";
    assert_eq!(
        found,
        [
            ((2, 20), "unknown_field", "did you mean `max_budget`?"),
            (
                (4, 30),
                "unknown_node_type",
                "did you mean `agent_call`? (valid types: `agent_call`, `condition`, `parallel_group`, `loop`, `human_approval`, `subworkflow`)"
            ),
            ((5, 5), "missing_field", ""),
            (
                (5, 12),
                "invalid_node_id",
                "an id is a letter, then up to 99 letters, digits, `_` or `-`"
            ),
            ((6, 82), "invalid_value", "did you mean `full`?"),
            ((7, 21), "unknown_dependency", "did you mean `search`?"),
            ((7, 48), "unknown_reference", minus),
        ]
    );
}

#[test]
fn findings_are_written_as_the_api_shows_them() {
    let checked = check("{\n}");
    let found = serde_json::to_value(checked.diagnostics.iter().next()).unwrap();
    let expected = json!({
        "code": "missing_field", "pointer": "/name", "line": 1, "column": 1,
        "message": "`name` is required", "hint": null
    });
    assert_eq!(found, expected);
}

fn hint(document: &Value) -> String {
    let checked = check(&document.to_string());
    let found = checked.diagnostics.iter().next().unwrap();
    found.hint.clone().unwrap_or_default()
}

#[test]
fn hints_name_what_was_probably_meant() {
    let cases = [
        (
            one(json!({"type": "shell"})),
            "valid types: `agent_call`, `condition`, `parallel_group`, `loop`, `human_approval`, `subworkflow`",
        ),
        (one(json!({"timeouts": 5})), "did you mean `timeout`?"),
        (one(json!({"xyz": 5})), ""),
        (
            one(json!({"config": {"x": "{{ inptu.a }}"}})),
            "did you mean `input`?",
        ),
        (
            one(json!({"config": {"x": "{{ execution.ids }}"}})),
            "it has `id`, `workflow_id`, `version`, `started_at`",
        ),
        (
            one(json!({"config": {"x": "{{ nodes.a.outptu }}"}})),
            "it has `status`, `output`, `error`, `cost`, `attempt`",
        ),
        (
            one(json!({"config": {"x": "{{ input.x | uper }}"}})),
            "filters are `default`, `length`, `join`, `tojson`, `upper`, `lower`, `trim`, `first`, `last`, `round`",
        ),
        (
            workflow(&[
                call("b", json!({"config": {"x": "{{ a.x }}"}})),
                call("a", json!({})),
            ]),
            "add an edge from `a`",
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(hint(&document), expected, "{document}");
    }
}

#[test]
fn long_or_odd_names_are_not_repeated_as_they_are() {
    let document = one(json!({"type": "x\n\0".repeat(100_000)}));
    let checked = check(&document.to_string());
    let found = checked.diagnostics.iter().next().unwrap();
    assert!(
        found.message.len() < 500 && !found.message.contains('\n'),
        "{}",
        found.message
    );
    let document = json!({"x".repeat(1_000_000): 1});
    let checked = check(&document.to_string());
    assert!(
        checked
            .diagnostics
            .iter()
            .all(|found| found.pointer.len() < 500 && found.message.len() < 500)
    );
}
