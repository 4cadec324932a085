//! Whatever comes in, a check answers.

use agentchains_workflow::{Checked, check};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{Values, approval, call, group, render, repeat, workflow};

/// A valid document with something of everything.
fn valid() -> String {
    let nodes = [
        call(
            "a",
            json!({"retry": {"max_attempts": 3, "multiplier": 2.0}, "max_cost": 0.05, "timeout": "30s"}),
        ),
        call(
            "b",
            json!({"depends_on": ["a"], "config": {"q": "x {{ a.y | default('n') }}", "n": [1, null, "é"]}}),
        ),
        approval(
            "c",
            json!({"config": {"message": "Ok, {{ b }}?", "form": {"type": "object"}}, "join": "any"}),
        ),
        call(
            "d",
            json!({"on_error": {"goto": "b"}, "output_schema": {"$ref": "#/$defs/x", "$defs": {"x": {}}}}),
        ),
        json!({"id": "e", "type": "condition", "depends_on": ["b"], "config": {
            "cases": [{"when": "$.nodes.b.output.n > 1 && match($.input.x, '[a-c]+')", "to": "f"}], "default": ["g"]
        }}),
        json!({"id": "f", "type": "condition", "config": {
            "path": "$.input.x[?@.y]", "operator": "in", "value": [1, "{{ input.z }}"], "then": "h", "else": "g"
        }}),
        call("g", json!({})),
        call("h", json!({"depends_on": ["f"]})),
        group(
            "i",
            json!({"nodes": ["h2", call("i1", json!({}))], "edges": [{"from": "i1", "to": "h2"}], "mode": "any"}),
        ),
        call("h2", json!({})),
        group(
            "j",
            json!({"items": "{{ input.list }}", "tolerated_failures": "5%", "body": {"nodes": [
                repeat("k", json!({"nodes": [call("k1", json!({"config": {"x": "{{ item }} {{ loop.last | default(0) }}"}}))]})),
            ]}}),
        ),
        json!({"id": "l", "type": "subworkflow", "config": {"workflow_id": "w", "version": 2, "wait": false}}),
    ];
    let mut document = workflow(&nodes);
    document["edges"] = json!([{"from": "b", "to": "c"}]);
    document["max_budget"] = json!("1.5");
    document.to_string()
}

/// What holds for every answer.
fn consistent(checked: &Checked, text: &str) {
    assert_eq!(checked.workflow.is_some(), !checked.diagnostics.has_errors());
    let lines = u32::try_from(text.split('\n').count()).unwrap();
    for found in &checked.diagnostics {
        assert!(
            found.line.is_some_and(|line| (1..=lines).contains(&line)),
            "{found:?}"
        );
        assert!(
            found.pointer.is_empty() || found.pointer.starts_with('/'),
            "{found:?}"
        );
        assert!(
            !found.message.is_empty() && !found.message.contains('\n'),
            "{found:?}"
        );
    }
    if let Some(workflow) = &checked.workflow {
        let again = check(&workflow.document().to_string());
        assert!(
            again.workflow.is_some(),
            "the document that is kept must be valid: {:?}",
            again.diagnostics
        );
    }
}

#[test]
fn the_valid_document_is_valid() {
    assert!(
        check(&valid()).diagnostics.is_empty(),
        "{:?}",
        check(&valid()).diagnostics
    );
}

/// Pieces that mean something somewhere.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "{{",
        "}}",
        "null",
        "1e999",
        "-0",
        "\\u0000",
        "\\",
        "\"a\"",
        "\"ghost\"",
        "é",
        "{{ a.x }}",
        "{{ input | }}",
        "| default(",
        "\"$ref\":",
        "\"when\":\"approved\"",
        "\u{2028}",
        "\"id\":\"a\"",
        "\"nodes\":[\"h\"]",
        "{{ item }}",
        "loop.",
    ];
    prop_oneof![
        prop::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        any::<char>().prop_map(String::from)
    ]
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in any::<String>()) {
        consistent(&check(&text), &text);
    }

    #[test]
    fn any_pieces_get_an_answer(pieces in prop::collection::vec(piece(), 0..40)) {
        let text = pieces.concat();
        consistent(&check(&text), &text);
    }

    #[test]
    fn any_change_of_a_valid_document_gets_an_answer(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..8, piece()), 1..6)
    ) {
        let mut characters: Vec<char> = valid().chars().collect();
        for (place, removed, inserted) in changes {
            let start = place.index(characters.len() + 1);
            let end = (start + removed).min(characters.len());
            characters.splice(start..end, inserted.chars());
        }
        let text: String = characters.into_iter().collect();
        consistent(&check(&text), &text);
    }

    #[test]
    fn any_expression_is_refused_or_renders_or_fails(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "input.x", "input", "before", "(", ")", "[", "]", "{", "}", ",", ":", "|", "default", "upper", "join", "first",
            "tojson", "round", "1", "'a'", "-", "+", "*", "**", "//", "==", "<", "and", "or", "not", ".", "x", "0", "null",
        ]), 1..12)
    ) {
        let text = format!("{{{{ {} }}}}", tokens.join(" "));
        let document = workflow(&[
            call("before", json!({})),
            call("after", json!({"depends_on": ["before"], "config": {"it": text}})),
        ]);
        if check(&document.to_string()).workflow.is_some() {
            let _outcome = render(&text, &Values::input(json!({"x": [1, "two", {"y": null}]})));
        }
    }
}
