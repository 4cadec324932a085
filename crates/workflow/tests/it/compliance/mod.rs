//! The public compliance suite of RFC 9535, through conditions.
//!
//! `cases.json` holds the cases of <https://github.com/jsonpath-standard/jsonpath-compliance-test-suite> at commit
//! 7be7c1f, without what is not used here; its licence and notice are beside it.

use serde::Deserialize;
use serde_json::Value;

use crate::support::condition;

#[derive(Deserialize)]
struct Case {
    name: String,
    selector: String,
    #[serde(default)]
    document: Value,
    /// What is selected.
    result: Option<Vec<Value>>,
    /// What may be selected, where the order of an object's members is open.
    #[serde(default)]
    results: Vec<Vec<Value>>,
    #[serde(default)]
    invalid_selector: bool,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("cases.json")).unwrap()
}

#[test]
fn valid_paths_select_what_the_suite_says() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases().into_iter().filter(|case| !case.invalid_selector) {
        count += 1;
        let expected: Vec<_> = case.result.into_iter().chain(case.results).collect();
        let selected = condition(&case.selector).map(|condition| {
            let decision = condition.decide(&case.document).unwrap();
            decision.values[case.selector.as_str()].clone()
        });
        if !selected
            .as_ref()
            .is_ok_and(|selected| expected.iter().any(|list| selected.as_array() == Some(list)))
        {
            wrong.push(format!("{}: {} selects {selected:?}", case.name, case.selector));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 400, "only {count} cases were read");
}

#[test]
fn invalid_paths_are_refused() {
    let accepted: Vec<_> = cases()
        .into_iter()
        .filter(|case| case.invalid_selector)
        // Blanks around an expression mean nothing, whatever they would mean around a path elsewhere.
        .filter(|case| case.selector.trim() == case.selector)
        .filter(|case| condition(&case.selector).is_ok())
        .map(|case| format!("{}: {}", case.name, case.selector))
        .collect();
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
}
