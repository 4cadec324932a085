//! The older form: what it is converted to, and what cannot be converted.

use agentchains_workflow::{check, import};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{compiled, condition_of, edges, findings, found};

/// A document of the older form with something of everything that can be converted.
fn older() -> Value {
    json!({
        "name": "Triage",
        "description": null,
        "max_budget_usd": 5.25,
        "graph_json": {
            "nodes": {
                "search": {
                    "config": {
                        "endpoint": "https://search.example/run", "method": "post", "headers": {}, "timeout": 15.0,
                        "payload": {"limit": 10, "query": "{{ input.topic }}"}
                    }
                },
                "check": {
                    "type": "condition",
                    "config": {
                        "field": "search.result_count", "operator": "gt", "value": 0,
                        "then_branch": "analyze", "else_branch": "ask-back"
                    },
                    "depends_on": ["search"]
                },
                "analyze": {
                    "type": "agent_call",
                    "config": {"agent_id": "analyst", "skill_id": "deep", "protocol": "a2a", "endpoint": ""},
                    "depends_on": ["check", "check"]
                },
                "ask-back": {"type": "human_approval", "config": {"message": "Nothing found. Go on?"}}
            },
            "edges": [{"from": "check", "to": "analyze"}, {"from": "search", "to": "analyze"}]
        }
    })
}

fn converted() -> Value {
    json!({
        "name": "Triage",
        "max_budget": 5.25,
        "nodes": [
            {
                "id": "search", "type": "agent_call", "timeout": 15.0,
                "config": {"endpoint": "https://search.example/run", "limit": 10, "query": "{{ input.topic }}"}
            },
            {
                "id": "check", "type": "condition", "depends_on": ["search"],
                "config": {
                    "path": "$.nodes.search.output.result_count", "operator": "gt", "value": 0,
                    "then": "analyze", "else": "ask-back"
                }
            },
            {
                "id": "analyze", "type": "agent_call", "agent_id": "analyst", "depends_on": ["check"],
                "config": {"skill_id": "deep"}
            },
            {"id": "ask-back", "type": "human_approval", "config": {"message": "Nothing found. Go on?"}}
        ],
        "edges": [{"from": "search", "to": "analyze"}]
    })
}

/// The same document with its graph as a text.
fn as_text(mut older: Value) -> Value {
    older["graph_json"] = older["graph_json"].to_string().into();
    older
}

#[test]
fn the_older_form_becomes_the_current_one() {
    // What is parsed keeps the order of the nodes.
    let text = r#"{"name": "t", "graph_json": {"nodes": {"b": {"config": {"agent_id": "x"}}, "a": {"config": {"agent_id": "y"}}}}}"#;
    let expected = json!({"name": "t", "nodes": [
        {"id": "b", "type": "agent_call", "agent_id": "x", "config": {}},
        {"id": "a", "type": "agent_call", "agent_id": "y", "config": {}}
    ]});
    assert_eq!(import(text).unwrap(), expected);
    for document in [older(), as_text(older())] {
        let mut imported = import(&document.to_string()).unwrap();
        let mut expected = converted();
        // `json!` orders keys, and so nodes, by their names.
        for document in [&mut imported, &mut expected] {
            let nodes = document["nodes"].as_array_mut().unwrap();
            nodes.sort_by_key(|node| node["id"].as_str().map(str::to_owned));
        }
        assert_eq!(imported, expected);
    }
}

#[test]
fn only_the_current_form_is_kept_and_it_compiles_to_the_same() {
    let imported = compiled(&older());
    assert_eq!(imported.document(), &import(&older().to_string()).unwrap());
    let again = compiled(imported.document());
    assert_eq!(again.document(), imported.document());
    assert_eq!(edges(&older()), edges(imported.document()));
    assert_eq!(
        edges(&older()),
        [
            "search>analyze",
            "check>analyze [true]",
            "search>check",
            "check>ask-back [false]"
        ]
    );
    let agents: Vec<_> = imported
        .agents()
        .map(|(_, agent)| agent.agent_id.as_str())
        .collect();
    assert_eq!(agents, ["analyst", "https://search.example/run"]);
}

#[test]
fn groups_loops_and_sub_workflows_are_converted_with_the_nodes_they_name() {
    let call = |before: &[&str]| json!({"config": {"agent_id": "x"}, "depends_on": before});
    let graph = json!({"nodes": {
        "plan": call(&[]),
        "both": {"type": "parallel_group", "depends_on": ["plan"], "config": {"nodes": ["left", "right"], "mode": null}},
        "left": call(&[]),
        "right": call(&["left"]),
        "polish": {
            "type": "loop", "depends_on": ["both"],
            "config": {"nodes": ["draft"], "condition": "$.loop.last.draft.done", "until": null, "max_iterations": 5}
        },
        "draft": call(&[]),
        "publish": {"type": "subworkflow", "depends_on": ["polish"], "config": {"workflow_id": "Publishing"}}
    }, "edges": [{"from": "left", "to": "right"}]});
    let workflow = compiled(&json!({"name": "t", "graph_json": graph}));
    let nodes = &workflow.document()["nodes"];
    let config = |id: &str| {
        let node = nodes.as_array().unwrap().iter().find(|node| node["id"] == id);
        node.unwrap()["config"].clone()
    };
    assert_eq!(config("both"), json!({"nodes": ["left", "right"]}));
    let polish = json!({"nodes": ["draft"], "until": "$.loop.last.draft.done", "max_iterations": 5});
    assert_eq!(config("polish"), polish);
    assert_eq!(config("publish"), json!({"workflow_id": "Publishing"}));
    assert_eq!(workflow.graph().layers().len(), 4);
    assert_eq!(workflow.nodes().count(), 7);
}

fn condition_config(config: &Value, depends_on: &Value) -> Value {
    let document = json!({"name": "t", "graph_json": {"nodes": {
        "a-1": {"config": {"agent_id": "x"}},
        "c": {"type": "condition", "config": config, "depends_on": depends_on},
        "x": {"config": {"agent_id": "x"}}
    }}});
    let mut imported = import(&document.to_string()).unwrap();
    imported["nodes"][1]["config"].take()
}

#[test]
fn a_field_is_a_path_or_leads_into_the_output_of_a_node_or_the_input() {
    let cases = [
        ("a-1.total", "$.nodes[\"a-1\"].output.total"),
        ("a-1", "$.nodes[\"a-1\"].output"),
        ("a-1.output.s", "$.nodes[\"a-1\"].output.s"),
        ("$.nodes[\"a-1\"].status", "$.nodes[\"a-1\"].status"),
        ("y.total", "$.input.y.total"),
        ("mode", "$.input.mode"),
        ("input.mode", "$.input.mode"),
        ("input", "$.input"),
        ("a.b-c.0.$.\"", "$.input.a[\"b-c\"][\"0\"][\"$\"][\"\\\"\"]"),
    ];
    for (field, path) in cases {
        let config = condition_config(&json!({"field": field, "value": 1}), &json!(["a-1"]));
        assert_eq!(
            config,
            json!({"path": path, "operator": "eq", "value": 1}),
            "{field}"
        );
    }
}

#[test]
fn a_field_that_begins_with_a_node_must_come_after_it() {
    let c = json!({"type": "condition", "config": {"field": "x.total", "value": 1}});
    let document = nodes(json!({"c": c, "x": {"config": {"agent_id": "x"}}}));
    assert_eq!(
        findings(&document),
        ["reference_not_upstream@/graph_json/nodes/c/config/field"]
    );
}

#[test]
fn operators_may_be_written_as_signs() {
    let table = [
        ("==", "eq"),
        ("!=", "neq"),
        (">", "gt"),
        (">=", "gte"),
        ("<", "lt"),
        ("<=", "lte"),
    ];
    for (sign, operator) in table {
        let config = condition_config(&json!({"field": "x1", "operator": sign, "value": 1}), &json!([]));
        assert_eq!(config["operator"], operator, "{sign}");
    }
}

#[test]
fn fields_with_a_counterpart_of_the_same_name_are_taken_over() {
    let a = json!({"agent_id": "x", "timeout": "5s", "retry": {"max_attempts": 2}, "id": "a", "join": null, "config": null});
    let mut document = nodes(json!({"a": a, "b": {"config": {"agent_id": "x"}}}));
    document["timeout"] = json!("5m");
    document["max_budget"] = json!(2);
    document["edges"] = json!([{"from": "a", "to": "b"}]);
    document["graph_json"]["input_schema"] = json!({"type": "object"});
    document["graph_json"]["on_failure"] = json!("continue");
    let expected = json!({
        "name": "t", "timeout": "5m", "max_budget": 2, "edges": [{"from": "a", "to": "b"}],
        "input_schema": {"type": "object"}, "on_failure": "continue",
        "nodes": [
            {"id": "a", "type": "agent_call", "agent_id": "x", "timeout": "5s", "retry": {"max_attempts": 2}, "config": {}},
            {"id": "b", "type": "agent_call", "agent_id": "x", "config": {}}
        ]
    });
    assert_eq!(import(&document.to_string()).unwrap(), expected);
    document["max_budget_usd"] = json!(1);
    document["timeout"] = json!(-1);
    document["graph_json"]["edges"] = json!([]);
    document["graph_json"]["nodes"]["a"]["id"] = json!("c");
    document["graph_json"]["nodes"]["a"]["config"] = json!({"timeout": 3});
    let mut found = findings(&document);
    found.sort();
    let expected = [
        "invalid_value@/graph_json/edges",
        "invalid_value@/graph_json/nodes/a/config/timeout",
        "invalid_value@/graph_json/nodes/a/id",
        "invalid_value@/max_budget_usd",
        "invalid_value@/timeout",
    ];
    assert_eq!(found, expected);
}

#[test]
fn nothing_is_found_besides_the_key_that_is_there_twice() {
    let text = r#"{"name": "t", "name": "u", "graph_json": {"max_budget_usd": 1, "max_budget_usd": 1, "nodes": {
        "a": {"config": {"agent_id": "x"}, "timeout": 1, "timeout": 1}, "a": {"config": {"agent_id": "x"}}}}}"#;
    let expected = [
        "duplicate_key@/name",
        "duplicate_key@/graph_json/max_budget_usd",
        "duplicate_key@/graph_json/nodes/a/timeout",
        "duplicate_key@/graph_json/nodes/a",
    ];
    assert_eq!(found(&check(text)), expected);
}

#[test]
fn in_the_older_form_what_is_missing_equals_null() {
    let decides = |config: Value, input: Value| {
        let document =
            json!({"name": "t", "graph_json": {"nodes": {"c": {"type": "condition", "config": config}}}});
        let imported = import(&document.to_string()).unwrap();
        let decided = condition_of(&imported).decide(&json!({"input": input}));
        decided.unwrap().label.unwrap()
    };
    let table = [
        (json!({"field": "x"}), "true", "true", "false"),
        (
            json!({"field": "x", "operator": "eq", "value": null}),
            "true",
            "true",
            "false",
        ),
        (
            json!({"field": "x", "operator": "neq", "value": null}),
            "false",
            "false",
            "true",
        ),
        (
            json!({"field": "x", "operator": "neq", "value": 2}),
            "true",
            "true",
            "true",
        ),
        (
            json!({"field": "x", "operator": "gt", "value": 0}),
            "false",
            "false",
            "true",
        ),
    ];
    for (config, missing, null, one) in table {
        let decided =
            [json!({}), json!({"x": null}), json!({"x": 1})].map(|input| decides(config.clone(), input));
        assert_eq!(decided, [missing, null, one], "{config}");
    }
}

/// The older form of these nodes.
fn nodes(nodes: Value) -> Value {
    json!({"name": "t", "graph_json": {"nodes": nodes}})
}

fn node(config: Value) -> Value {
    nodes(json!({"a": {"config": config}}))
}

/// A document of the table: a graph, its nodes, or the config of its only node `a`, a call or a condition.
fn short(row: &Value) -> Value {
    let (kind, value) = row.as_object().and_then(|row| row.iter().next()).unwrap();
    match kind.as_str() {
        "graph_json" => json!({"name": "t", "graph_json": value}),
        "nodes" => nodes(value.clone()),
        "config" => node(value.clone()),
        _ => nodes(json!({"a": {"type": "condition", "config": value}})),
    }
}

#[test]
fn what_cannot_be_converted_says_so_at_its_place() {
    let table: Vec<Value> = serde_json::from_str(include_str!("import.json")).unwrap();
    for row in table {
        let found = json!(findings(&short(&row["in"])));
        assert_eq!(found, row["finds"], "{row}");
    }
    let deep = json!({"name": "t", "graph_json": "[".repeat(200)});
    assert_eq!(findings(&deep), ["too_deep@/graph_json"]);
}

#[test]
fn fields_around_the_graph_are_converted_or_refused() {
    let with = |field: &str, value: Value| {
        let mut document = node(json!({"agent_id": "x"}));
        document[field] = value;
        findings(&document)
    };
    assert_eq!(with("max_budget_usd", json!(null)), [""; 0]);
    assert_eq!(with("max_budget_usd", json!("1.5")), [""; 0]);
    assert_eq!(
        with("max_budget_usd", json!(-1)),
        ["invalid_value@/max_budget_usd"]
    );
    assert_eq!(with("max_budgets", json!(1)), ["unknown_field@/max_budgets"]);
    assert_eq!(with("nodes", json!([])), ["unknown_field@/nodes"]);
    assert_eq!(with("description", json!("d")), [""; 0]);
    assert_eq!(with("name", json!("")), ["invalid_value@/name"]);
    let mut twice = node(json!({"agent_id": "x"}));
    twice["max_budget_usd"] = json!(1);
    twice["graph_json"]["max_budget_usd"] = json!(2);
    twice["graph_json"]["edges"] = json!([{"from": "a", "to": "b"}]);
    twice["graph_json"]["start"] = json!("a");
    let expected = [
        "unknown_dependency@/graph_json/edges/0/to",
        "invalid_value@/graph_json/max_budget_usd",
        "unknown_field@/graph_json/start",
    ];
    assert_eq!(findings(&twice), expected);
    assert_eq!(
        findings(&json!({"graph_json": {"nodes": {"a": {"config": {"agent_id": "x"}}}}})),
        ["missing_field@/name"]
    );
}

#[test]
fn findings_stand_in_the_text_that_was_given() {
    let text = r#"{
  "name": "t",
  "graph_json": {"nodes": {
    "a": {"type": "agent_call",
          "config": {"agent_id": "x", "method": "GET"}},
    "c": {"type": "condition", "depends_on": ["ä"],
          "config": {"field": "a.n", "then_branch": "ghost", "value": 1, "value": 2}}}}
}"#;
    let checked = check(text);
    let places: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|found| (found.code.as_str(), found.line, found.column))
        .collect();
    let expected = [
        ("invalid_value", Some(5), Some(49)),
        ("unknown_dependency", Some(6), Some(47)),
        ("branch_not_successor", Some(7), Some(53)),
        ("duplicate_key", Some(7), Some(74)),
    ];
    assert_eq!(places, expected);
}

#[test]
fn findings_in_a_graph_that_is_a_text_stand_at_the_text() {
    let graph = r#"{"nodes": {"a": {"type": "shell", "type": "shell"}}}"#;
    let text = format!("{{\"name\": \"t\",\n \"graph_json\": {}}}", Value::from(graph));
    let checked = check(&text);
    assert_eq!(
        found(&checked),
        [
            "duplicate_key@/graph_json/nodes/a/type",
            "unknown_node_type@/graph_json/nodes/a/type"
        ]
    );
    assert!(
        checked
            .diagnostics
            .iter()
            .all(|found| (found.line, found.column) == (Some(2), Some(16)))
    );
    assert!(checked.is_json());
    let broken = check(r#"{"name": "t", "graph_json": "{"}"#);
    assert_eq!(found(&broken), ["invalid_value@/graph_json"]);
    assert!(broken.is_json());
}

#[test]
fn only_a_valid_document_of_the_older_form_is_imported() {
    let codes = |text: &str| -> Vec<String> {
        let refused = import(text).unwrap_err();
        refused
            .iter()
            .map(|found| format!("{}@{}", found.code, found.pointer))
            .collect()
    };
    assert_eq!(codes(&converted().to_string()), ["missing_field@"]);
    assert_eq!(codes("{"), ["invalid_json@"]);
    assert_eq!(codes("[]"), ["wrong_type@"]);
    assert_eq!(
        codes(&nodes(json!({})).to_string()),
        ["empty_workflow@/graph_json/nodes"]
    );
}

#[test]
fn a_large_graph_is_converted_in_one_go() {
    let all: serde_json::Map<_, _> = (0..10_000)
        .map(|number: usize| {
            let before = number.checked_sub(1).map(|before| format!("n{before}"));
            let node = json!({"config": {"agent_id": "x"}, "depends_on": before.as_slice()});
            (format!("n{number}"), node)
        })
        .collect();
    let document = as_text(nodes(Value::Object(all)));
    assert_eq!(compiled(&document).graph().len(), 10_000);
}

proptest! {
    #[test]
    fn any_change_of_an_older_document_gets_an_answer(
        in_text: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..8, "[\\PC\\[\\]{}\":,0]{0,3}"), 1..6)
    ) {
        let graph = older()["graph_json"].to_string();
        let mut characters: Vec<char> = if in_text { graph } else { older().to_string() }.chars().collect();
        for (place, removed, inserted) in changes {
            let start = place.index(characters.len() + 1);
            let end = (start + removed).min(characters.len());
            characters.splice(start..end, inserted.chars());
        }
        let changed: String = characters.into_iter().collect();
        let text = if in_text {
            json!({"name": "t", "graph_json": changed}).to_string()
        } else {
            changed
        };
        let checked = check(&text);
        prop_assert_eq!(checked.workflow.is_some(), !checked.diagnostics.has_errors());
        if let Some(workflow) = checked.workflow {
            prop_assert!(check(&workflow.document().to_string()).workflow.is_some());
        }
    }
}
