//! What templates render to, and when they warn.

use agentchains_workflow::{
    ReferenceKind,
    RenderErrorCode::{self, TemplateError, TemplateMissing},
};
use serde_json::{Value, json};

use crate::support::{Values, approval, call, compiled, config, evaluate, findings, render, workflow};

fn values() -> Values {
    Values::input(json!({
        "s": "héllo", "n": 9_007_199_254_740_993_u64, "max": u64::MAX, "min": i64::MIN, "f": 1.25, "t": true, "z": null,
        "a": [1, 2, 3], "o": {"k": [{"x": "y"}]}, "empty": [], "html": "<a & 'b'>", "code": "{{ input.s }}", "a b": 1
    }))
}

#[test]
fn a_lone_expression_keeps_the_type_of_its_value() {
    let cases = [
        ("input.n", json!(9_007_199_254_740_993_u64)),
        ("input.max", json!(u64::MAX)),
        ("input.min", json!(i64::MIN)),
        ("input.f", json!(1.25)),
        ("input.z", json!(null)),
        ("input.o", json!({"k": [{"x": "y"}]})),
        ("input.o.k[0].x", json!("y")),
        ("input.a[-1]", json!(3)),
        ("input['a b']", json!(1)),
        ("before", json!({"x": 1})),
        ("before.x", json!(1)),
        ("nodes.before.status", json!("completed")),
        ("nodes.before.error", json!(null)),
        ("nodes['before'].cost", json!(0.5)),
        ("execution.version", json!(3)),
    ];
    for (expression, expected) in cases {
        assert_eq!(evaluate(expression, &values()), Ok(expected), "{expression}");
    }
}

#[test]
fn expressions_compute() {
    let cases = [
        ("7 * 7", json!(49)),
        ("7 / 2", json!(3.5)),
        ("7 // 2 + 7 % 2", json!(4)),
        ("2 ** 10", json!(1024)),
        ("input.n + 1", json!(9_007_199_254_740_994_u64)),
        ("-input.f", json!(-1.25)),
        ("-input.f * 2 - -1", json!(-1.5)),
        ("2 * (1 + 2) ** 2", json!(18)),
        ("(input.a | length) * [2, 3][-1]", json!(9)),
        ("input.a | length + 1 == 4", json!(true)),
        ("[1 + 1, {\"k\": 2 * 3}]", json!([2, {"k": 6}])),
        ("input.f == 1.25 and input.s != 'x'", json!(true)),
        ("1 == 1.0", json!(true)),
        ("input.t and not input.z", json!(true)),
        ("input.a == [1, 2, 3]", json!(true)),
        (
            "[input.s, {\"n\": input.n}]",
            json!(["héllo", {"n": 9_007_199_254_740_993_u64}]),
        ),
        ("null", json!(null)),
        ("input.s | upper", json!("HÉLLO")),
        ("input.s | length", json!(5)),
        ("input.a | length", json!(3)),
        ("input.a | join('-')", json!("1-2-3")),
        (
            "[true, 'x', 1.5, {\"a\": [1]}] | join('|')",
            json!("true|x|1.5|{\"a\":[1]}"),
        ),
        ("[] | join", json!("")),
        ("'--x-' | trim('-')", json!("x")),
        ("input.a | first + input.a | last", json!(4)),
        ("(input.o.k | first).x", json!("y")),
        ("input.f | round(1)", json!(1.2)),
        ("'  x ' | trim", json!("x")),
        ("input.html | tojson", json!("\"<a & 'b'>\"")),
        ("input.o | tojson", json!("{\"k\":[{\"x\":\"y\"}]}")),
        ("input.max | tojson", json!("18446744073709551615")),
    ];
    for (expression, expected) in cases {
        assert_eq!(evaluate(expression, &values()), Ok(expected), "{expression}");
    }
}

#[test]
fn among_other_text_scalars_are_printed_and_others_become_json() {
    let cases = [
        ("a {{ input.s }} b", "a héllo b"),
        ("{{ input.s }}{{ input.t }}", "héllotrue"),
        ("{{ input.f }}/{{ input.max }}", "1.25/18446744073709551615"),
        (
            "{{ input.a }} and {{ input.o }}",
            "[1,2,3] and {\"k\":[{\"x\":\"y\"}]}",
        ),
        ("braces: {{ '{{' }} }}", "braces: {{ }}"),
        (" {{ 1 }}", " 1"),
    ];
    for (text, expected) in cases {
        assert_eq!(render(text, &values()), Ok(json!(expected)), "{text}");
    }
    assert_eq!(
        render("x {{ input.z }}", &values()).unwrap_err().code,
        TemplateError
    );
}

#[test]
fn what_an_expression_yields_is_not_evaluated_again() {
    assert_eq!(evaluate("input.code", &values()), Ok(json!("{{ input.s }}")));
    assert_eq!(
        render("> {{ input.code }}", &values()),
        Ok(json!("> {{ input.s }}"))
    );
    assert_eq!(
        evaluate("input.code | lower", &values()),
        Ok(json!("{{ input.s }}"))
    );
}

fn code(expression: &str, values: &Values) -> RenderErrorCode {
    match evaluate(expression, values) {
        Ok(value) => panic!("{expression} yields {value}"),
        Err(error) => error.code,
    }
}

#[test]
fn what_does_not_exist_is_missing_wherever_it_is_used() {
    for expression in [
        "input.nothing.here",
        "input.a[3]",
        "input.a.x",
        "input.s[0]",
        "input.z.x",
        "before.nothing",
        "input.q == 1",
        "not input.q",
        "input.t or input.q",
        "[input.q]",
        "input.q | upper",
        "input.q | length",
        "input.empty | first",
        "(input.o.k | first).q",
        "input.q | default(input.r)",
        "[input.empty | first] | tojson",
    ] {
        assert_eq!(code(expression, &values()), TemplateMissing, "{expression}");
    }
    let told = evaluate("input.nothing.here", &values()).unwrap_err().to_string();
    assert_eq!(told, "`input.nothing.here` does not exist");
}

#[test]
fn default_says_what_to_use_instead() {
    let cases = [
        ("input.q | default('d')", json!("d")),
        ("input.q.r[0].s | default('d')", json!("d")),
        ("(input.q) | default('d')", json!("d")),
        ("input.q | default(input.r) | default('d')", json!("d")),
        ("input.q | default(input.s)", json!("héllo")),
        ("input.s | default(input.q)", json!("héllo")),
        ("input.q | default([]) | length", json!(0)),
        ("(input.q | default(0)) + 1", json!(1)),
        ("input.empty | first | default({})", json!({})),
        ("input.z | default('d')", json!(null)),
        ("input.z | default('d', true)", json!("d")),
        ("input.q | default", json!("")),
    ];
    for (expression, expected) in cases {
        assert_eq!(evaluate(expression, &values()), Ok(expected), "{expression}");
    }
}

#[test]
fn a_node_that_was_skipped_or_has_not_settled_is_missing() {
    let skipped = Values {
        before: None,
        ..values()
    };
    for expression in ["before", "before.x", "nodes.before.status", "before.x + 1"] {
        assert_eq!(code(expression, &skipped), TemplateMissing, "{expression}");
    }
    let told = evaluate("before.x", &skipped).unwrap_err().to_string();
    assert_eq!(
        told,
        "`before.x` does not exist: node `before` was skipped or has not settled"
    );
    assert_eq!(evaluate("before.x | default(7)", &skipped), Ok(json!(7)));
}

#[test]
fn what_cannot_be_computed_is_an_error_of_bounded_length() {
    for expression in [
        "7 / 0",
        "7 % 0",
        "input.s + 1",
        "input.s * 2",
        "2 * input.s",
        "input.s + input.s",
        "input.a + input.a",
        "input.a * 2",
        "[input.t][0] * 2",
        "input.t + 1",
        "1 - input.z",
        "1 + (input.s | upper)",
        "-input.s",
        "input.f | length",
        "null | upper",
        "input.a | lower",
        "input.o | trim",
        "input.f | upper",
        "[1, null] | join(', ')",
        "input.o | join",
        "input.s | join",
        "[1] | join(2)",
        "2 ** 200",
        "input.max + 1",
        "1e308 * 10",
        "'x' * 10 ** 8",
        "[1] * 10 ** 8",
        "['x' * 1000] * 10 ** 6",
        "{1: 2}",
    ] {
        assert_eq!(code(expression, &values()), TemplateError, "{expression}");
    }
    let long = Values::input(json!({"s": "x".repeat(100_000)}));
    assert!(evaluate("input.s + 1", &long).unwrap_err().message.len() < 1_000);
}

#[test]
fn results_are_limited_in_size_and_depth() {
    let megabyte = Values::input(json!({"s": "x".repeat(1 << 20)}));
    assert!(evaluate("input.s", &megabyte).is_ok());
    let many = |count: usize, text: &str| config(json!({"all": vec![text; count]})).render(&megabyte);
    assert!(many(7, "{{ input.s }}").is_ok());
    for text in ["{{ input.s }}", "{{ input.s }}!", "{{ input.s | lower }}"] {
        assert_eq!(many(9, text).unwrap_err().code, TemplateError, "{text}");
    }
    assert_eq!(
        render(&"{{ input }}!".repeat(1_000), &megabyte).unwrap_err().code,
        TemplateError
    );
    assert_eq!(
        many(1_000, "{{ input.s | length }}").unwrap_err().code,
        TemplateError
    );
    let deep = Values::input((0..127).fold(json!(1), |inner, _| json!([inner])));
    assert!(evaluate("input", &deep).is_ok());
    assert_eq!(
        config(json!({"a": {"b": "{{ input }}"}}))
            .render(&deep)
            .unwrap_err()
            .code,
        TemplateError
    );
}

#[test]
fn templates_are_found_at_any_depth_and_keys_are_left_alone() {
    let template = config(json!({"{{ input.s }}": [{"deep": "{{ input.t }}"}, 5, null, "plain"]}));
    let expected = json!({"{{ input.s }}": [{"deep": true}, 5, null, "plain"]});
    assert_eq!(template.render(&values()), Ok(expected.into()));
}

#[test]
fn references_say_which_nodes_are_needed() {
    let kinds = |text: &str| -> Vec<(String, ReferenceKind)> {
        config(json!({"x": text}))
            .references()
            .clone()
            .into_iter()
            .collect()
    };
    let before = |kind| vec![("before".to_owned(), kind)];
    assert_eq!(kinds("{{ input.x }}"), []);
    assert_eq!(kinds("{{ before.x }}"), before(ReferenceKind::Required));
    assert_eq!(
        kinds("{{ before.x | default(1) }}"),
        before(ReferenceKind::Defaulted)
    );
    assert_eq!(
        kinds("{{ input.x | default(nodes.before.output) }}"),
        before(ReferenceKind::Defaulted)
    );
    assert_eq!(
        kinds("{{ before.x | default(1) }} {{ before.y }}"),
        before(ReferenceKind::Required)
    );
    assert_eq!(
        kinds("{{ before.x | upper | default(1) }}"),
        before(ReferenceKind::Required)
    );
}

/// An approval that leads to `yes` or `no`, and what comes after them.
fn branches(last: &[Value]) -> Value {
    let mut nodes = vec![
        approval("ask", json!({})),
        call("yes", json!({})),
        call("no", json!({})),
        call("start", json!({})),
    ];
    nodes.extend_from_slice(last);
    let mut document = workflow(&nodes);
    document["edges"] = json!([
        {"from": "start", "to": "ask"},
        {"from": "ask", "to": "yes", "when": "approved"},
        {"from": "ask", "to": "no", "when": "rejected"}
    ]);
    document
}

/// The warnings of references; that some of these joins never fire is not what they are about.
fn skipped(document: &Value) -> Vec<String> {
    let mut found = findings(document);
    found.retain(|found| !found.starts_with("unreachable_node"));
    found
}

#[test]
fn a_reference_warns_exactly_where_the_node_may_have_been_skipped() {
    let reads = |before: Value, join: &str, text: &str| {
        call(
            "last",
            json!({"depends_on": before, "join": join, "config": {"x": text}}),
        )
    };
    let both = || json!(["yes", "no"]);
    let cases = [
        (reads(json!(["yes"]), "default", "{{ yes.x }}"), false),
        (reads(both(), "default", "{{ yes.x }}"), true),
        (reads(both(), "default", "{{ ask.x }} {{ start.x }}"), false),
        (reads(both(), "default", "{{ yes.x | default(no.x) }}"), false),
        (reads(both(), "all", "{{ yes.x }}"), false),
        (reads(both(), "settled", "{{ yes.x }}"), true),
        (reads(json!(["yes", "start"]), "default", "{{ yes.x }}"), true),
        (reads(json!(["yes", "start"]), "default", "{{ start.x }}"), false),
        (reads(json!(["yes", "start"]), "any", "{{ start.x }}"), false),
        (reads(json!(["no", "ask"]), "any", "{{ no.x }}"), true),
        (reads(json!(["start"]), "settled", "{{ start.x }}"), false),
    ];
    for (last, warns) in cases {
        let expected: &[&str] = if warns {
            &["reference_may_be_skipped@/nodes/4/config/x"]
        } else {
            &[]
        };
        assert_eq!(
            skipped(&branches(std::slice::from_ref(&last))),
            expected,
            "{last}"
        );
    }
    let at_least = |least: u32| {
        let fields =
            json!({"depends_on": ["yes", "no"], "join": {"at_least": least}, "config": {"x": "{{ yes }}"}});
        skipped(&branches(&[call("last", fields)])).len()
    };
    assert_eq!((at_least(1), at_least(2)), (1, 0));
}

#[test]
fn branches_that_meet_again_cover_all_that_can_be_decided() {
    let last = call("last", json!({"depends_on": ["yes", "no"]}));
    let reader = call(
        "reader",
        json!({"depends_on": ["last"], "config": {"x": "{{ last }}"}}),
    );
    let mut document = branches(&[last, reader]);
    document["output"] = json!("{{ last }}");
    assert_eq!(findings(&document), [""; 0]);
    let one_way = call("last", json!({"depends_on": ["yes"]}));
    let mut document = branches(&[one_way]);
    document["output"] = json!("{{ last }}");
    assert_eq!(findings(&document), ["reference_may_be_skipped@/output"]);
}

#[test]
fn what_follows_a_failure_that_goes_elsewhere_may_be_skipped() {
    let nodes = [
        call("a", json!({"on_error": {"goto": "help"}})),
        call("b", json!({"depends_on": ["a"]})),
        call("help", json!({"config": {"x": "{{ nodes.a.error.message }}"}})),
        call(
            "last",
            json!({"depends_on": ["b", "help"], "config": {"x": "{{ b }}", "y": "{{ a }}"}}),
        ),
    ];
    assert_eq!(
        findings(&workflow(&nodes)),
        ["reference_may_be_skipped@/nodes/3/config/x"]
    );
}

#[test]
fn the_output_may_refer_to_every_node() {
    let mut document = branches(&[]);
    document["output"] =
        json!({"a": "{{ start.x }}", "b": "{{ yes.x | default(no.x) }}", "c": "{{ yes.x }}"});
    assert_eq!(findings(&document), ["reference_may_be_skipped@/output/c"]);
    let workflow = compiled(&document);
    let output = workflow.settings().output.as_ref().unwrap();
    assert_eq!(output.references().len(), 3);
}
