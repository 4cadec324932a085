//! Conditions: their forms, what they decide, and the edges they make.

use serde_json::{Value, json};

use crate::support::{branching, condition, condition_of};

fn decide(config: &Value, document: &Value) -> (Option<String>, Value) {
    let decision = condition_of(&branching(config.clone())).decide(document).unwrap();
    (decision.label, Value::Object(decision.values))
}

#[test]
fn the_output_tells_what_each_path_selected() {
    let condition =
        condition("$.nodes.before.output.score > 0.8 && $.input.tags[*] || $.input.mode == 'deep'").unwrap();
    let document = json!({
        "input": {"mode": "quick", "tags": ["a", "b"]},
        "nodes": {"before": {"status": "completed", "output": {"score": 0.5}}},
    });
    let output = condition.decide(&document).unwrap().into_output();
    let expected = json!({
        "branch": "false",
        "values": {
            "$.nodes.before.output.score": [0.5],
            "$.input.tags[*]": ["a", "b"],
            "$.input.mode": ["quick"]
        }
    });
    assert_eq!(output, expected);
}

#[test]
fn paths_inside_of_filters_are_not_told_by_themselves() {
    let config = json!({"expression": "count($.input.a[?@ > $.input.least]) > 1"});
    let (label, values) = decide(&config, &json!({"input": {"a": [1, 2, 3], "least": 1}}));
    assert_eq!(label.as_deref(), Some("true"));
    assert_eq!(values, json!({"$.input.a[?@ > $.input.least]": [2, 3]}));
}

#[test]
fn the_first_case_that_holds_is_taken() {
    let config = json!({
        "cases": [
            {"when": "$.input.n > 10", "to": "a", "label": "many"},
            {"when": "$.input.n > 5", "to": "b"},
            {"when": "$.input.x", "to": ["a", "b"]}
        ],
        "default": "b"
    });
    let with = |input: Value| decide(&config, &json!({"input": input}));
    let label = |text: &str| Some(text.to_owned());
    assert_eq!(
        with(json!({"n": 11})),
        (label("many"), json!({"$.input.n": [11]}))
    );
    assert_eq!(
        with(json!({"n": 6, "x": 1})),
        (label("1"), json!({"$.input.n": [6]}))
    );
    assert_eq!(
        with(json!({"x": 1})),
        (label("2"), json!({"$.input.n": [], "$.input.x": [1]}))
    );
    assert_eq!(
        with(json!({})),
        (label("default"), json!({"$.input.n": [], "$.input.x": []}))
    );
}

#[test]
fn without_a_default_no_branch_is_taken() {
    let config = json!({"cases": [{"when": "$.input.x", "to": "a"}]});
    let document = json!({"input": {}});
    assert_eq!(decide(&config, &document).0, None);
    let output = condition_of(&branching(config.clone()))
        .decide(&document)
        .unwrap()
        .into_output();
    assert_eq!(output, json!({"branch": null, "values": {"$.input.x": []}}));
    let mut labelled = branching(config);
    labelled["edges"] = json!([{"from": "c", "to": "b", "when": "default"}]);
    assert_eq!(
        condition_of(&labelled)
            .decide(&document)
            .unwrap()
            .label
            .as_deref(),
        Some("default")
    );
}

#[test]
fn operators_hold_for_any_selected_value_and_negations_for_all() {
    let document = json!({
        "input": {
            "n": 3, "f": 3.0, "s": "abc", "t": true, "z": null, "a": [1, 5, 9], "e": [], "o": {"k": 1},
            "big": 9_007_199_254_740_993_u64, "least": 5, "list": [3, 4]
        },
        "nodes": {"before": {"output": {"score": 7}}}
    });
    let table = "
        yes n eq 3
        yes f eq 3
        yes n eq 3.0
        no  n eq \"3\"
        yes z eq null
        no  q eq null
        yes a[*] eq 5
        no  a[*] eq 6
        yes a eq [1,5,9.0]
        yes o eq {\"k\":1}
        yes big eq 9007199254740993
        no  big eq 9007199254740992
        no  n neq 3
        yes n neq 4
        no  a[*] neq 5
        yes a[*] neq 6
        yes q neq 1
        yes e[*] neq 1
        yes n gt 2
        no  n gt 3
        yes a[*] gt 8
        no  s gt 2
        yes s gt \"ab\"
        no  q gt 0
        yes n gte 3
        yes n lt 4
        no  n lt 3
        yes a[*] lt 2
        yes n lte 3
        no  t lte 1
        yes n in [1,3]
        no  n in []
        yes a[*] in [9]
        no  q in [null]
        no  n not_in [3]
        yes a[*] not_in [2]
        no  a[*] not_in [2,5]
        yes q not_in [1]
        yes s contains \"bc\"
        no  s contains \"x\"
        no  s contains 1
        yes a contains 5
        no  a contains 6
        no  a[*] contains 5
        no  o contains \"k\"
        yes n exists true
        no  n exists false
        yes q exists false
        no  q exists true
        yes z exists true
        yes e exists true
        no  e[*] exists true
        no  n gt \"{{ input.least }}\"
        yes a[*] gt \"{{ nodes.before.output.score }}\"
        yes n in \"{{ input.list }}\"
        yes s eq \"{{ input.s }}\"
        yes s contains \"{{ input.s }}\"
    ";
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (expected, rest) = row.split_once(' ').unwrap();
        let (path, rest) = rest.trim().split_once(' ').unwrap();
        let (operator, value) = rest.split_once(' ').unwrap();
        let value: Value = serde_json::from_str(value).unwrap();
        let path = format!("$.input.{path}");
        let config = json!({"path": path, "operator": operator, "value": value, "then": "a", "else": "b"});
        let (label, values) = decide(&config, &document);
        let holds = if expected == "yes" { "true" } else { "false" };
        assert_eq!(label.as_deref(), Some(holds), "{row}");
        assert!(values[path.as_str()].is_array(), "{row}: {values}");
    }
}

#[test]
fn exists_without_a_value_wants_the_path_to_select_something() {
    let config = json!({"path": "$.input.x", "operator": "exists"});
    assert_eq!(
        decide(&config, &json!({"input": {"x": null}})).0.as_deref(),
        Some("true")
    );
    assert_eq!(decide(&config, &json!({"input": {}})).0.as_deref(), Some("false"));
}

#[test]
fn what_cannot_be_decided_says_why() {
    let error = |config: Value, input: Value| {
        let document = json!({"input": input, "nodes": {}});
        let decided = condition_of(&branching(config)).decide(&document);
        decided.unwrap_err().to_string()
    };
    let rows = [
        (
            json!({"path": "$.input.n", "operator": "in", "value": "{{ input.n }}"}),
            "the value of `in` and `not_in` is not a list",
        ),
        (
            json!({"path": "$.input.n", "operator": "exists", "value": "{{ input.n }}"}),
            "the value of `exists` is neither true nor false",
        ),
        (
            json!({"path": "$.input.n", "operator": "eq", "value": "{{ input.q }}"}),
            "`input.q` does not exist",
        ),
        (
            json!({"path": "$.input.n", "operator": "eq", "value": "{{ before.x }}"}),
            "`before.x` does not exist: node `before` was skipped or has not settled",
        ),
    ];
    for (config, expected) in rows {
        assert_eq!(error(config.clone(), json!({"n": 1})), expected, "{config}");
    }
    let huge = json!({"list": vec!["x".repeat(1 << 20); 9]});
    let told = error(json!({"expression": "$.input.list"}), huge);
    assert_eq!(
        told,
        "the output, which tells what the paths selected, is larger than a value may be (max_value_bytes)"
    );
    let deep = (0..126).fold(json!(1), |inner, _| json!([inner]));
    let told = error(json!({"expression": "$.input"}), deep);
    assert_eq!(
        told,
        "the output, which tells what the paths selected, is nested more than 128 levels deep"
    );
}

#[test]
fn expressions_that_visit_a_document_again_and_again_are_stopped() {
    let wide = |levels: u32| (0..levels).fold(json!(1), |inner, _| Value::Array(vec![inner; 8]));
    let words = json!(vec!["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; 20_000]);
    let patterns: Vec<_> = (0..1_000).map(|number| json!(format!("a{{{number}}}"))).collect();
    let cases = [
        ("$..*..*..*..*..*", wide(6)),
        (
            "count($.input[?count($.input[?@ == 1]) > 0]) > 0",
            json!(vec![1; 20_000]),
        ),
        ("$.input[?$.input == $.input]", json!(vec![1; 20_000])),
        ("$.input[?match(@, '(a|b|ab){1,900}c')]", words),
        ("$.input[?search('x', @)]", Value::Array(patterns)),
        ("search($.input, '[ab]*a[ab]{900}c')", json!("ab".repeat(1 << 20))),
    ];
    for (expression, input) in cases {
        let decided = condition(expression).unwrap().decide(&json!({"input": input}));
        let told = decided.err().map(|error| error.to_string());
        let expected = "deciding takes more than 10000000 steps, about one for each value that is looked at";
        assert_eq!(told.as_deref(), Some(expected), "{expression}");
    }
    let large = json!({"input": {"items": vec![1; 500_000]}});
    assert!(
        condition("$.input.items[?@ > 3] || $..x")
            .unwrap()
            .decide(&large)
            .is_ok()
    );
}

#[test]
fn a_condition_reads_the_nodes_of_its_templates_too() {
    let config = json!({"path": "$.input.x", "operator": "eq", "value": "{{ before.x }}"});
    let condition = condition_of(&branching(config));
    assert_eq!(
        ["before", "a"].map(|id| condition.reach().nodes().is_none_or(|ids| ids.contains(id))),
        [true, false]
    );
}
