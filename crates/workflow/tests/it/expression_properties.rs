//! Whatever an expression is, it is refused or decided; and what it means is what another implementation says.

use proptest::prelude::*;
use serde_json::{Value, json};
use serde_json_path::JsonPath;

use crate::support::{branching, condition, findings};

fn document() -> Value {
    json!({
        "input": {"a": [1, 2, {"a": 2, "b": "x"}], "b": {"a": "ab", "b": [true, null, "b"]}, "n": null},
        "nodes": {"before": {"output": {"a": 1, "b": [[1], [2, "ab"]]}}},
        "execution": {"a": 1}
    })
}

fn pick(from: &'static [&'static str]) -> BoxedStrategy<String> {
    prop::sample::select(from).prop_map(str::to_owned).boxed()
}

/// The steps of a path that selects at most one value; the other implementation does not count indices from the
/// end in a comparison.
fn singular_steps() -> BoxedStrategy<String> {
    let step = pick(&[
        ".a",
        ".b",
        "['b']",
        "[0]",
        ".input",
        ".nodes.before",
        "[1]",
        ".output",
    ]);
    prop::collection::vec(step, 0..4)
        .prop_map(|steps| steps.concat())
        .boxed()
}

fn steps() -> BoxedStrategy<String> {
    let step = pick(&[
        ".a",
        ".b",
        "[0]",
        "[*]",
        ".*",
        "..a",
        "..*",
        "..[0]",
        "[1:]",
        "[::-1]",
        "['a', 'b']",
        "[0, 0]",
        "[::0]",
        "[-2:9:2]",
    ]);
    prop::collection::vec(step, 0..3)
        .prop_map(|steps| steps.concat())
        .boxed()
}

fn literal() -> impl Strategy<Value = String> {
    pick(&[
        "1", "2", "-1", "0.5", "'ab'", "\"x\"", "''", "true", "false", "null",
    ])
}

/// An expression of the grammar; `origin` is what paths begin at.
fn expression(origin: &'static str, depth: u32) -> BoxedStrategy<String> {
    let path =
        move || (steps(), singular_steps()).prop_map(move |(first, rest)| format!("{origin}{rest}{first}"));
    let singular = move || singular_steps().prop_map(move |steps| format!("{origin}{steps}"));
    let filtered = if depth == 0 {
        path().boxed()
    } else {
        let inside = prop_oneof![expression("@", depth - 1), expression("$", depth - 1)];
        (singular(), inside, steps())
            .prop_map(|(path, test, rest)| format!("{path}[?{test}]{rest}"))
            .boxed()
    };
    let query = prop_oneof![path(), filtered].boxed();
    let operand = prop_oneof![
        literal(),
        singular(),
        query.clone().prop_map(|query| format!("count({query})")),
        query.clone().prop_map(|query| format!("value({query})")),
        singular().prop_map(|path| format!("length({path})")),
    ]
    .boxed();
    // The other operators are not those of the standard there: `true > false`, and nothing is not `<=` nothing.
    let comparison = (operand.clone(), pick(&["==", "!=", "<"]), operand)
        .prop_map(|(left, operator, right)| format!("{left} {operator} {right}"));
    let matching = (
        pick(&["match", "search"]),
        singular(),
        pick(&["'ab?'", "'.'", "'[a-c]b'", "''"]),
    )
        .prop_map(|(name, text, pattern)| format!("{name}({text}, {pattern})"));
    let test = prop_oneof![query, comparison, matching].boxed();
    let negated = prop_oneof![test.clone(), test.prop_map(|test| format!("!({test})"))].boxed();
    (negated.clone(), pick(&["", " && ", "||"]), negated)
        .prop_map(|(left, join, right)| match join.as_str() {
            "" => left,
            join => format!("({left}){join}{right}"),
        })
        .boxed()
}

/// Pieces that mean something somewhere.
const PIECES: &[&str] = &[
    "$",
    "@",
    ".a",
    ".",
    "..",
    "*",
    "[",
    "]",
    "[?",
    "(",
    ")",
    "!",
    "==",
    "<=",
    "=",
    "&&",
    "||",
    "&",
    ",",
    ":",
    "-",
    "0",
    "1.5e3",
    "'a'",
    "'",
    "\"",
    "\\",
    "\\u00e9",
    "length(",
    "count(",
    "match(",
    "'a{2}[b-'",
    "true",
    "null",
    " ",
    "é",
    "\u{0}",
    "nodes",
    "secrets",
    "{{",
];

proptest! {
    #[test]
    fn any_pieces_are_refused_or_decided(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24)) {
        let text = pieces.concat();
        if let Ok(condition) = condition(&text) {
            let _decided = condition.decide(&document());
        }
    }

    #[test]
    fn any_text_is_refused_or_decided(text in any::<String>()) {
        for config in [
            json!({"expression": text}),
            json!({"cases": [{"when": text, "label": text}]}),
            json!({"path": text, "operator": "eq", "value": text}),
            json!({"expression": format!("match($.input.b.a, '{text}')")}),
        ] {
            findings(&branching(config));
        }
    }

    #[test]
    fn expressions_mean_what_another_implementation_says(text in expression("$", 2)) {
        let accepted = condition(&text).map_err(|found| TestCaseError::fail(format!("{text}: {found:?}")));
        let decision = accepted?.decide(&document()).unwrap();
        if let Ok(path) = JsonPath::parse(&text) {
            let selected: Vec<Value> = path.query(&document()).into_iter().cloned().collect();
            prop_assert_eq!(&decision.values[text.as_str()], &Value::Array(selected), "{}", text);
        } else {
            let filter = JsonPath::parse(&format!("$[?{text}]")).unwrap();
            let holds = !filter.query(&document()).is_empty();
            prop_assert_eq!(decision.label.as_deref(), Some(if holds { "true" } else { "false" }), "{}", text);
        }
    }
}
