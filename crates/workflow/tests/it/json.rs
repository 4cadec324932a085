//! What counts as JSON: RFC 8259, at most 128 levels, each key once.

use agentchains_workflow::check;

use crate::support::found;

fn codes(text: &str) -> Vec<&'static str> {
    check(text)
        .diagnostics
        .iter()
        .map(|found| found.code.as_str())
        .collect()
}

#[test]
fn what_is_not_json_is_told_apart_from_what_breaks_a_rule() {
    let texts = [
        "",
        " ",
        "{",
        "{}{}",
        "{\"name\":\"t\",}",
        "[1,]",
        "[1 2]",
        "{'name':1}",
        "{name:1}",
        "// c\n{}",
        "{} /* c */",
        "\u{feff}{}",
        "\u{a0}{}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":0x1}",
        "{\"a\":NaN}",
        "{\"a\":-Infinity}",
        "{\"a\":1e}",
        "nul",
        "\"open",
        "\0",
    ];
    for text in texts {
        let checked = check(text);
        assert!(!checked.is_json(), "{text:?}");
        assert_eq!(found(&checked), ["invalid_json@"], "{text:?}");
    }
    for text in [
        "{}",
        "5",
        "null",
        " [ ] ",
        "\"{}\"",
        "\"\\ud83d\\ude00\"",
        "{\"a\":-0.0e-0}",
    ] {
        let checked = check(text);
        assert!(checked.is_json() && checked.workflow.is_none(), "{text}");
    }
}

#[test]
fn errors_of_syntax_stand_where_they_are() {
    let place = |text: &str| {
        let checked = check(text);
        let found = checked.diagnostics.iter().next().unwrap();
        (found.line.unwrap(), found.column.unwrap(), found.message.clone())
    };
    let (line, column, message) = place("{\n  \"ä\": tru}");
    assert_eq!(
        (line, message.as_str()),
        (2, "the text is not JSON: expected ident")
    );
    assert!((7..=11).contains(&column), "{column}");
    assert_eq!(place("").0, 1);
}

#[test]
fn nesting_is_limited_outside_of_texts() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(codes(&nested(128)), ["wrong_type"]);
    assert_eq!(codes(&nested(129)), ["too_deep"]);
    assert_eq!(codes(&"[".repeat(1_000_000)), ["too_deep"]);
    assert_eq!(codes(&"{\"a\":".repeat(100_000)), ["too_deep"]);
    assert!(check(&nested(129)).is_json());
    let text = format!("{{\"name\":\"\\\"{}\",\"nodes\":[]}}", "[".repeat(150));
    assert_eq!(codes(&text), ["empty_workflow"]);
}

#[test]
fn a_key_twice_is_refused_everywhere_and_however_it_is_spelled() {
    let node = r#""nodes":[{"id":"a","type":"agent_call","agent_id":"x"#;
    let cases = [
        (format!(r#"{{"name":"t","name":"u",{node}"}}]}}"#), "/name"),
        (
            format!(r#"{{"name":"t",{node}","agent\u005fid":"y"}}]}}"#),
            "/nodes/0/agent_id",
        ),
        (
            format!(r#"{{"name":"t",{node}","config":{{"a":{{"k":1,"k":1}}}}}}]}}"#),
            "/nodes/0/config/a/k",
        ),
        (
            format!(r#"{{"name":"t",{node}","output_schema":{{"type":"object","type":"object"}}}}]}}"#),
            "/nodes/0/output_schema/type",
        ),
        (
            format!(r#"{{"name":"t",{node}","config":{{"a~/b":1,"a~/b":2}}}}]}}"#),
            "/nodes/0/config/a~0~1b",
        ),
    ];
    for (text, pointer) in cases {
        assert_eq!(
            found(&check(&text)),
            [format!("duplicate_key@{pointer}")],
            "{text}"
        );
    }
}

#[test]
fn numbers_that_no_double_holds_are_refused_anywhere() {
    let text = |number: &str| {
        format!(
            r#"{{"name":"t","nodes":[{{"id":"a","type":"agent_call","agent_id":"x","config":{{"n":{number}}}}}]}}"#
        )
    };
    for number in ["1e400", "-1e400"] {
        assert_eq!(
            found(&check(&text(number))),
            ["invalid_value@/nodes/0/config/n"],
            "{number}"
        );
    }
    let kept = [
        ("1e300", "1e+300"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551616", "1.8446744073709552e+19"),
        ("5e-324", "5e-324"),
        ("123456.789012345", "123456.789012345"),
    ];
    for (number, expected) in kept {
        let workflow = check(&text(number)).workflow.unwrap();
        let config = &workflow.document()["nodes"][0]["config"]["n"];
        let same: serde_json::Value = expected.parse::<serde_json::Number>().unwrap().into();
        assert_eq!(config, &same, "{number}");
    }
}
