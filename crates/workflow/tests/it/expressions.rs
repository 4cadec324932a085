//! What expressions mean, and which are refused.

use agentchains_workflow::limits;
use serde_json::{Value, json};

use crate::support::{branching, condition, findings};

fn document() -> Value {
    json!({
        "input": {
            "n": 3, "f": 2.5, "s": "abc", "t": true, "no": false, "z": null, "big": 9_007_199_254_740_993_u64,
            "a": [1, 2, 3], "e": [], "flags": [false, null], "mixed": [false, 1], "o": {"x": 1}, "same": {"x": 1.0},
            "items": [{"k": "a", "v": 1}, {"k": "b", "v": 5}, {"k": "b"}], "pattern": "a.c", "bad": "(", "ü ü": "ü"
        },
        "nodes": {"before": {"status": "completed", "output": {"score": 0.9}}},
        "execution": {"version": 1}
    })
}

#[track_caller]
fn holds(expression: &str) -> bool {
    let condition = condition(expression).unwrap_or_else(|found| panic!("{expression}: {found:?}"));
    let decision = condition.decide(&document()).unwrap();
    match decision.label.as_deref() {
        Some("true") => true,
        Some("false") => false,
        other => panic!("{expression} chooses {other:?}"),
    }
}

/// Each line: whether it holds, and the expression. With `$i` for `$.input`.
fn check_table(table: &str) {
    let rows = table.lines().map(str::trim).filter(|row| !row.is_empty());
    for row in rows {
        let (expected, expression) = row.split_once(' ').unwrap();
        let expression = expression.trim().replace("$i", "$.input");
        assert_eq!(holds(&expression), expected == "yes", "{expression}");
    }
}

#[test]
fn comparisons_follow_the_table_of_the_standard() {
    check_table(
        "
        yes $i.q1 == $i.q2
        yes $i.q1 <= $i.q2
        yes $i.q1 >= $i.q2
        no  $i.q1 != $i.q2
        no  $i.q1 < $i.q2
        no  $i.q == 'g'
        yes $i.q != 'g'
        no  $i.q == null
        yes $i.q != null
        yes $i.z == null
        yes null <= null
        no  null < null
        yes true <= true
        no  true < false
        yes 1 <= 2
        no  1 > 2
        no  13 == '13'
        no  $i.n == '3'
        yes $i.n == 3.0
        yes $i.n == 3e0
        yes 'a' <= 'b'
        no  'a' > 'b'
        yes 'a' < 'aa'
        yes $i.o == $i.same
        yes $i.o != $i.a
        no  $i.o < $i.a
        no  $i.o <= $i.a
        yes $i.a <= $i.a
        no  1 <= $i.a
        no  1 >= $i.a
        no  1 < $i.a
        no  true == 'true'
        yes $i.t != false
        yes -0 == 0
        ",
    );
}

#[test]
fn whole_numbers_of_64_bits_are_compared_exactly() {
    check_table(
        "
        yes $i.big == 9007199254740993
        no  $i.big == 9007199254740992
        yes $i.big > 9007199254740992
        yes 18446744073709551615 > 18446744073709551614
        yes count($i.items[?@.v == 5]) == 1
        no  $[?@.big == 9007199254740992]
        yes $[?@.big == 9007199254740993]
        ",
    );
}

#[test]
fn tests_are_joined_as_the_standard_says() {
    check_table(
        "
        yes 1 == 1 || 1 == 2 && 1 == 3
        no  (1 == 1 || 1 == 2) && 1 == 3
        yes !(1 == 2)
        yes ! ( 1 == 2 ) && !$i.q
        no  !$i.no
        yes ($i.no)
        yes $i.no && $i.z
        no  $i.q || $i.r
        yes $i.t&&$i.n==3
        yes  $i.n\u{20}==\u{9}3\u{20}
        ",
    );
}

#[test]
fn a_path_alone_holds_when_it_selects_more_than_false_and_null() {
    check_table(
        "
        yes $
        yes $i
        yes $i.n
        yes $i.e
        no  $i.no
        no  $i.z
        no  $i.q
        no  $i.flags[*]
        yes $i.flags
        yes $i.mixed[*]
        no  $i.e[*]
        no  $i.a[::0]
        no  $i.a[0:9007199254740991:9007199254740991][0]
        yes $i.a[0:9007199254740991:9007199254740991]
        yes $i.a[::-1]
        yes $i.a[-3]
        no  $i.a[-4]
        no  $i.a[?@ > 5]
        yes $i.items[?@.k == 'b' && @.v > 4].v
        no  $i.items[?@.k == 'a' && @.v > 4].v
        yes $..score
        yes $i[\"n\", 'q']
        yes $i['\\u00fc \\u00fc']
        ",
    );
}

#[test]
fn functions_are_those_of_the_standard() {
    check_table(
        "
        yes length($i.s) == 3
        yes length('\u{1f600}') == 1
        yes length($i.a) == 3
        yes length($i.o) == 1
        no  length($i.n) == 0
        yes length($i.n) == $i.q
        yes length(value($i.items[?@.v == 5].k)) == 1
        yes count($i.items[?@.k == 'b']) == 2
        yes count($i.q) == 0
        yes value($i.items[?@.v == 5].k) == 'b'
        yes value($i.items[*].k) == $i.q
        yes match($i.s, 'a.c')
        no  match($i.s, 'b')
        yes search($i.s, 'b')
        no  match($i.n, '3')
        no  match($i.q, '.*')
        yes match($i.s, $i.pattern)
        no  match($i.s, $i.bad)
        no  match($i.s, 5)
        no  search($i.s, $i.q)
        yes !match($i.s, 'x')
        yes $i.items[?search(@.k, '[b-d]')]
        yes $i.items[?search(@.k, $.input.items[1].k)]
        ",
    );
}

/// What is found wrong with an expression: the code and the message.
fn problem(expression: &str) -> (String, String) {
    let text = branching(json!({"expression": expression})).to_string();
    let checked = agentchains_workflow::check(&text);
    let found = checked.diagnostics.errors().next();
    found.map_or_else(Default::default, |found| {
        let hint = found.hint.as_deref().unwrap_or_default();
        (found.code.to_string(), format!("{} ({hint})", found.message))
    })
}

#[test]
fn what_is_not_rfc_9535_is_refused_with_its_place() {
    let comparisons =
        "comparisons are `==`, `!=`, `<`, `<=`, `>`, `>=`; texts are compared with patterns by `match(…)`";
    let several = "filter, as in `$.list[?@ == 1]`, or use `count(…)` or `value(…)`";
    let cases = [
        ("", "the expression is empty ()".to_owned()),
        (" \n", "at character 3 of the expression, the expression is empty ()".to_owned()),
        ("$.a[", "at character 5 of the expression, the expression ends too early ()".to_owned()),
        ("'x'", "a value alone is no condition: compare it ()".to_owned()),
        ("1", "a value alone is no condition: compare it ()".to_owned()),
        ("true && 1 == 1", "a value alone is no condition: compare it ()".to_owned()),
        ("count($.a)", "a value alone is no condition: compare it ()".to_owned()),
        ("$.ä = 1", format!("at character 5 of the expression, this is not how values are compared ({comparisons})")),
        ("$.a === 1", format!("at character 5 of the expression, this is not how values are compared ({comparisons})")),
        ("$.a =~ 'x'", format!("at character 5 of the expression, this is not how values are compared ({comparisons})")),
        (
            "$.a[(@.length-1)]",
            "at character 5 of the expression, scripts are no part of JSONPath (RFC 9535) \
             (a filter begins with `?`, as in `$.list[?@.price > 3]`)"
                .to_owned(),
        ),
        ("this.constructor()", "`this` does not belong here ()".to_owned()),
        (
            "exec('id') == 1",
            "there is no function `exec` (the functions are `length`, `count`, `match`, `search`, `value`)".to_owned(),
        ),
        ("$.a[*] == 1", format!("`$.a[*]` may select several values where one is needed ({several})")),
        ("1 == $..a", format!("at character 6 of the expression, `$..a` may select several values where one is needed ({several})")),
        ("$.a and $.b", "at character 5 of the expression, `and` does not belong here (write `&&`)".to_owned()),
        ("not $.a", "`not` does not belong here (write `!`)".to_owned()),
        ("$.a | $.b", "at character 5 of the expression, `|` does not belong here (write `||`)".to_owned()),
        ("@.a == 1", "`@` means something only inside of a filter (write `$`, the document)".to_owned()),
        ("$.a-b", "at character 4 of the expression, `-` does not belong here ()".to_owned()),
        ("$.1", "at character 3 of the expression, `1` does not belong here (a name with other characters is written `['a-b']`)".to_owned()),
        ("$.a == 'x", "at character 8 of the expression, a text in quotes does not end ()".to_owned()),
        ("match($.a)", "`match` takes a text and a pattern ()".to_owned()),
        ("match($.a, 'x') == true", "`match` and `search` are no values: use them without a comparison ()".to_owned()),
        ("count('a') > 1", "at character 7 of the expression, `count` takes a path ()".to_owned()),
        (
            "match($.a, '\\\\d+')",
            "at character 12 of the expression, the pattern is wrong at its character 1: \
             there is no such escape (patterns are I-Regexp (RFC 9485))"
                .to_owned(),
        ),
        ("($.a == 1", "at character 10 of the expression, the expression ends too early (expected `)`)".to_owned()),
        ("$.a == 1e999", "at character 8 of the expression, the number is too large ()".to_owned()),
        ("$.a[9007199254740992]", "at character 5 of the expression, an index must be exact in a double (RFC 9535) ()".to_owned()),
    ];
    for (expression, message) in cases {
        let expected = ("invalid_expression".to_owned(), message);
        assert_eq!(problem(expression), expected, "{expression}");
    }
}

#[test]
fn an_expression_cannot_end_early_and_go_on_as_another() {
    for expression in [
        "1 == 1][?1 == 1",
        "1 == 1, ?1 == 1",
        "1 == 1]",
        "$.a] [?$.b",
        "!!$.a",
        "$.a == 1 == 1",
        "$.a $.b",
        "$[?@.a == 1",
        "$.a == (1)",
        "!1 == 1",
        "$.a &&",
        "|| $.a",
        "()",
        "length() == 1",
        "length($.a, $.b) == 1",
        "$.a == -",
        "$.a == 01",
        "$.a == 1.",
        "$.a == .5",
        "$.a == +1",
        "$.a == 'a\\x'",
        "$.a == '\\ud800'",
        "$.a == \"\\'\"",
        "$['a'",
        "$[]",
        "$[01]",
        "$[-0]",
        "$[1:2:3:4]",
        "$.",
        "$..",
        "$...a",
        "$a",
        "a",
        "$.*a",
        "value($.a)",
        "length($..a) == 1",
        "True == true",
        "$.a == undefined",
        "$.a == [1]",
        "$.a == {}",
        "{{ input.x }}",
        "$.a == {{ input.x }}",
        "$.a\0",
    ] {
        assert_eq!(problem(expression).0, "invalid_expression", "{expression:?}");
    }
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn expressions_are_limited_in_length_and_depth() {
    let cases = [
        (format!("$.a == '{}'", "x".repeat(1_015)), ""),
        (format!("$.a == '{}'", "x".repeat(1_016)), "expression_too_long"),
        (format!("$.a == '{}'", "x".repeat(900_000)), "expression_too_long"),
        (nested("(", "1 == 1", ")", 32), ""),
        (nested("(", "1 == 1", ")", 33), "expression_too_complex"),
        (nested("(", "1 == 1", ")", 300), "expression_too_complex"),
        ("(".repeat(1_000), "expression_too_complex"),
        ("!(".repeat(500), "expression_too_complex"),
        (nested("$.a[?@", ".b == 1", "]", 4), "invalid_expression"),
        (nested("$.a[?@.b && ", "$", "]", 4), ""),
        (nested("$.a[?@.b && ", "$", "]", 5), "expression_too_complex"),
        (nested("$.a[?@.a", "", "]", 100), "expression_too_complex"),
        (nested("length(", "$.a", ")", 32) + " == 1", ""),
        (
            nested("length(", "$.a", ")", 33) + " == 1",
            "expression_too_complex",
        ),
        (
            format!("match($.a, '{}')", nested("(", "a", ")", 33)),
            "expression_too_complex",
        ),
        (
            "match($.a, '((a{1,1000}){1,1000}){1,1000}')".to_owned(),
            "expression_too_complex",
        ),
        (format!("$.a == '{}'", "[?(".repeat(300)), ""),
    ];
    for (expression, code) in cases {
        assert_eq!(problem(&expression).0, code, "{expression:.80}");
    }
}

#[test]
fn filters_that_contain_each_other_do_not_double_the_time() {
    // To parse one of them as a whole takes twice the time for each filter around another.
    let tests = vec!["match(@.a, 'a')"; 45].join(" && ");
    let expression = nested("match(value($[?", &tests, "]), 'a')", 4);
    assert!(
        expression.len() <= limits::MAX_EXPRESSION_BYTES,
        "{}",
        expression.len()
    );
    let case = json!({"when": expression, "to": "a"});
    assert_eq!(findings(&branching(json!({"cases": vec![case; 100]}))), [""; 0]);
}

#[test]
fn nodes_that_are_named_must_exist_and_come_before() {
    let cases = [
        ("$.nodes.before.output.score > 0.8", ""),
        ("$['nodes']['before'].output", ""),
        ("$.nodes.*", ""),
        ("$.missing == 1", ""),
        ("$.nodes.befor.output", "unknown_reference"),
        ("$.nodes['befor'].output", "unknown_reference"),
        ("$.nodes['before', 'befor'].output", "unknown_reference"),
        ("$.input[?@.x == $.nodes.befor.output]", "unknown_reference"),
        ("count($.nodes.befor) > 1", "unknown_reference"),
        ("$.nodes.a.output", "reference_not_upstream"),
        ("$.nodes.c.output", "reference_not_upstream"),
        ("$.secrets.KEY == 'x'", "secret_not_allowed_here"),
        ("$.input.secrets", ""),
    ];
    for (expression, code) in cases {
        assert_eq!(problem(expression).0, code, "{expression}");
    }
}

#[test]
fn a_problem_stands_where_it_is_in_the_text() {
    let place = |expression: &str| {
        let text = format!(
            r#"{{"name": "t", "nodes": [{{"id": "c", "type": "condition", "config": {{"expression": "{expression}"}}}}]}}"#
        );
        let checked = agentchains_workflow::check(&text);
        let found = checked.diagnostics.iter().next().unwrap();
        let column = usize::try_from(found.column.unwrap()).unwrap();
        text.chars().skip(column - 1).take(4).collect::<String>()
    };
    assert_eq!(place("$.ä = 1"), "= 1\"");
    assert_eq!(place("1 == $.a[*]"), "$.a[");
    assert_eq!(place("1 == 1 && $.nodes.x.y"), "$.no");
    assert_eq!(place("= 1"), "\"= 1");
    // Behind an escape, characters of the text and of the expression are no longer the same.
    assert_eq!(place("$['\\u0061'] = 1"), "\"$['");
}

#[test]
fn a_condition_reads_the_nodes_that_its_paths_name() {
    let reads = |expression: &str| {
        let condition = condition(expression).unwrap();
        ["before", "a"].map(|id| condition.reach().nodes().is_none_or(|ids| ids.contains(id)))
    };
    let every = [true, true];
    let none = [false, false];
    assert_eq!(reads("$.input.x == 1"), none);
    assert_eq!(reads("$.input.nodes"), none);
    assert_eq!(reads("1 == 1"), none);
    assert_eq!(reads("$.nodes.before.output && $.input"), [true, false]);
    assert_eq!(reads("$.input[?@ == $.nodes.before.cost]"), [true, false]);
    for expression in [
        "$",
        "$.*",
        "$..x",
        "$.nodes",
        "$.nodes.*",
        "$.nodes[?@.cost > 1]",
        "count($) > 1",
        "$['nodes', 'x']",
    ] {
        assert_eq!(reads(expression), every, "{expression}");
    }
}
