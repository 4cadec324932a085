//! Lines, columns, hints and the wire form of findings.

use agentchains_workflow::{Places, check};
use serde_json::{Value, json};

use crate::support::{branching, call, group, one, workflow};

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
            "did you mean `upper`? (filters are `default`, `length`, `join`, `tojson`, `upper`, `lower`, `trim`, `first`, `last`, `round`)",
        ),
        (one(json!({"config": {"x": "{{ input.x && 1 }}"}})), "write `and`"),
        (one(json!({"config": {"x": "{{ input.x || 1 }}"}})), "write `or`"),
        (one(json!({"config": {"x": "{{ !input.x }}"}})), "write `not`"),
        (
            one(json!({"config": {"x": "{{ $.input.x }}"}})),
            "paths in templates have no `$`: write `input.topic`",
        ),
        (one(json!({"depends_on": ["aa"]})), ""),
        (one(json!({"config": {"x": "{{ aa.x }}"}})), ""),
        (
            workflow(&[group(
                "both",
                json!({"nodes": [call("a", json!({"depends_on": ["both"]}))]}),
            )]),
            "leave it out: the members of `both` start when it has started",
        ),
        (
            workflow(&[{
                let mut both = group("both", json!({"nodes": [call("a", json!({}))]}));
                both["depends_on"] = json!(["a"]);
                both
            }]),
            "leave it out: `both` ends after its members",
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
fn messages_name_what_was_written_and_all_that_is_allowed() {
    let template = |text: &str| one(json!({"config": {"x": text}}));
    let cases = [
        (
            template("{{ input.a input.b }}"),
            "an operator is missing before `input.b`",
        ),
        (template("{{ 1 null }}"), "an operator is missing before `null`"),
        (template("{{ input.a | sort }}"), "`sort` is not a filter"),
        (template("{{ 'it's' }}"), "a text in quotes does not end"),
        (template("{{ 'open }}"), "a text in quotes does not end"),
        (template("{{ open"), "a `{{` has no matching `}}`"),
        (
            one(json!({"join": "some"})),
            "`some` is not one of `default`, `all`, `any`, `settled` or {\"at_least\": …}",
        ),
        (
            one(json!({"on_error": "go"})),
            "`go` is not one of `fail`, {\"output\": …} or {\"goto\": …}",
        ),
        (
            workflow(&[group(
                "g",
                json!({"mode": "some", "nodes": [call("a", json!({}))]}),
            )]),
            "`some` is not one of `all`, `any` or {\"at_least\": …}",
        ),
        (
            workflow(&[group("g", json!({}))]),
            "`nodes` or `items` is required",
        ),
        (
            branching(json!({"then": "a"})),
            "`expression`, `cases` or `path` is required",
        ),
    ];
    for (document, expected) in cases {
        let checked = check(&document.to_string());
        let messages: Vec<_> = checked
            .diagnostics
            .errors()
            .map(|found| &*found.message)
            .collect();
        assert_eq!(messages, [expected], "{document}");
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

#[test]
fn findings_in_schemas_stand_at_what_is_wrong_in_them() {
    let text = r#"{"name": "t", "nodes": [{"id": "a", "type": "agent_call", "agent_id": "x",
  "input_schema": {"properties": {
    "ä": {"minimum": "x"}}},
  "output_schema": {"allOf": [
    {"$ref": "https://a.example/b"}]}}]}"#;
    let checked = check(text);
    let places = checked
        .diagnostics
        .iter()
        .map(|found| (found.code.as_str(), found.line, found.column));
    assert_eq!(
        places.collect::<Vec<_>>(),
        [
            ("invalid_schema", Some(3), Some(22)),
            ("schema_remote_ref", Some(5), Some(14)),
        ]
    );
}

#[test]
fn places_of_values_are_those_of_the_findings_about_them() {
    let older = r#"{"name": "t",
        "graph_json": {"nodes": {"a~b": {"type": "teleport"}, "c": {"config": {"payload": {"x": "{{"}, "agent_id": "d"}}}}}"#;
    let texts = [
        (TEXT, "/nodes/0/type"),
        (older, "/nodes/0/type"),
        (older, "/nodes/1/config/x"),
    ];
    for (text, pointer) in texts {
        let place = Places::of(text).find(pointer).unwrap();
        let checked = check(text);
        let found = checked
            .diagnostics
            .iter()
            .find(|found| found.pointer == place.pointer)
            .unwrap();
        assert_eq!(
            (found.line, found.column),
            (Some(place.line), Some(place.column)),
            "{pointer}"
        );
    }
}

#[test]
fn what_does_not_exist_has_the_place_of_what_is_around_it() {
    let places = Places::of(TEXT);
    let node = places.find("/nodes/1").unwrap();
    let absent = places.find("/nodes/1/config/endpoint").unwrap();
    assert_eq!((absent.line, absent.column), (node.line, node.column));
    assert_eq!(absent.pointer, "/nodes/1/config/endpoint");
    assert_eq!(Places::of("{").find(""), None);
    let text = json!({"name": "t", "graph_json": json!({"nodes": {"a": {"config": {"agent_id": "x"}}}}).to_string()});
    let place = Places::of(&text.to_string()).find("/nodes/0/agent_id").unwrap();
    assert_eq!(place.pointer, "/graph_json/nodes/a/config/agent_id");
    assert_eq!((place.line, place.column), (1, 15));
}
