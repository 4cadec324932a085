//! What templates may consist of.

use serde_json::json;

use crate::support::{call, findings, workflow};

fn code(template: &str) -> String {
    let document = workflow(&[
        call("before", json!({})),
        call("agent-1", json!({})),
        call(
            "after",
            json!({"depends_on": ["before", "agent-1"], "config": {"x": template}}),
        ),
    ]);
    let found = findings(&document);
    assert!(found.len() <= 1, "{template}: {found:?}");
    found
        .first()
        .map(|found| found.split_once('@').unwrap().0.to_owned())
        .unwrap_or_default()
}

#[test]
fn the_language_is_paths_literals_operators_and_ten_filters() {
    let expressions = [
        "input",
        "input.topic",
        "before.summary",
        "nodes.before",
        "nodes.before.output.items[0].url",
        "nodes[\"agent-1\"].output",
        "nodes['agent-1'].status",
        "input['a b'][\"ü\"][0][-1].1",
        "input[\"\\u00fc\\\"\"]",
        "input.and.or.not.in.is.if",
        "execution.started_at",
        "1",
        "-1.5e3",
        "'it\\'s'",
        "\"}}\"",
        "true and false or not none",
        "null",
        "[1, 'a', [input.x]]",
        "{\"a\": {\"b\": input.x}}",
        "input.a == 1",
        "input.a != 'x' and input.b >= 2",
        "(input.a + 1) * 2 - 3 / 4 // 5 % 6 ** 7",
        "input.a | default('none')",
        "input.a | default(input.b) | default([])",
        "input.a | length > 3",
        "input.a | join(', ') | upper | lower | trim",
        "input.a | tojson",
        "(input.a | first).name",
        "(input.a | last)[0]['x']",
        "input.a | round(2)",
    ];
    for expression in expressions {
        assert_eq!(code(&format!("{{{{ {expression} }}}}")), "", "{expression}");
    }
}

#[test]
fn nothing_else_is() {
    let expressions = [
        "",
        "input.",
        "input..x",
        "input.x.",
        ".x",
        "input x",
        "'a' 'b'",
        "1 +",
        "+ 1",
        "* 2",
        "(1",
        "1)",
        "[1)",
        "(1, 2)",
        "1, 2",
        "input[",
        "input[]",
        "input[input.i]",
        "input[1:2]",
        "input[1.5]",
        "input[-'a']",
        "input[99999999999999999999]",
        "input()",
        "input.x()",
        "input.x.upper()",
        "(input.x)()",
        "'a'.upper()",
        "range(10)",
        "file(\"/etc/passwd\")",
        "input.x | upper()()",
        "input.x | nofilter",
        "input.x | sort",
        "input.x | default(value='a')",
        "input.x | default(*input.y)",
        "input.x |",
        "| upper",
        "upper | input.x",
        "input.x | first.name",
        "input.x | first[0]",
        "input.x is defined",
        "1 in input.x",
        "1 not in input.x",
        "1 if input.x else 2",
        "input.a ~ input.b",
        "input.a = 1",
        "a := 1",
        "!input.x",
        "input.x && 1",
        "$.input.x",
        "nodes",
        "nodes[0]",
        "{1 2}",
        "{\"a\"}",
        "{1: 2",
        "'open",
        "0x10",
        "1_000",
    ];
    for expression in expressions {
        assert_eq!(
            code(&format!("{{{{ {expression} }}}}")),
            "invalid_template",
            "{expression}"
        );
    }
    for text in [
        "{{",
        "{{ input.x",
        "{{ input.x }",
        "{{ '}}",
        "a {{ b",
        "{{ {\"a\": 1 }}",
    ] {
        assert_eq!(code(text), "invalid_template", "{text}");
    }
}

#[test]
fn names_must_mean_something() {
    for expression in [
        "self.__init__",
        "nobody",
        "loop.index",
        "item",
        "nodes.nobody",
        "nodes.before.outptu",
        "agent-1.x",
    ] {
        assert_eq!(
            code(&format!("{{{{ {expression} }}}}")),
            "unknown_reference",
            "{expression}"
        );
    }
    for expression in [
        "secrets.KEY",
        "secrets",
        "input.x | default(secrets.KEY)",
        "[secrets['KEY']]",
    ] {
        assert_eq!(
            code(&format!("{{{{ {expression} }}}}")),
            "secret_not_allowed_here",
            "{expression}"
        );
    }
}

#[test]
fn only_double_braces_begin_an_expression() {
    for text in [
        "",
        "plain",
        "{ input.x }",
        "}}",
        "{% for x in y %}",
        "{# note #}",
        "$.input",
        "{x{",
    ] {
        assert_eq!(code(text), "", "{text}");
    }
}

#[test]
fn expressions_are_limited_in_length_operators_and_brackets() {
    let braces = |expression: String| code(&format!("{{{{{expression}}}}}"));
    assert_eq!(braces(format!("input.{}", "x".repeat(1_018))), "");
    assert_eq!(
        braces(format!("input.{}", "x".repeat(1_019))),
        "expression_too_long"
    );
    assert_eq!(braces(format!("1{}", "+1".repeat(64))), "");
    assert_eq!(braces(format!("1{}", "+1".repeat(65))), "expression_too_complex");
    assert_eq!(
        braces(format!("{}1", "not ".repeat(65))),
        "expression_too_complex"
    );
    assert_eq!(braces(format!("{}1", "-".repeat(65))), "expression_too_complex");
    assert_eq!(
        braces(format!("1{}", "|round".repeat(65))),
        "expression_too_complex"
    );
    assert_eq!(braces(format!("{}1{}", "(".repeat(16), ")".repeat(16))), "");
    assert_eq!(
        braces(format!("{}1{}", "(".repeat(17), ")".repeat(17))),
        "expression_too_complex"
    );
    assert_eq!(
        braces(format!("{}1{}", "[".repeat(17), "]".repeat(17))),
        "expression_too_complex"
    );
    assert_eq!(braces(format!("{}1", "(".repeat(500))), "expression_too_complex");
}
