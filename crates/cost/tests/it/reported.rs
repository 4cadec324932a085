//! What a reply may have where its cost is expected.

use agentchains_cost::ReportedCost::{self, Absent, Invalid};
use serde_json::{Value, json};

use crate::usd;

#[test]
fn any_json_is_a_statement_of_a_cost_none_or_one_that_cannot_be_true() {
    for (stated, expected) in [
        (json!(null), Absent),
        (json!(0.1 + 0.2), ReportedCost::Usd(usd("0.3"))),
        (json!(3), ReportedCost::Usd(usd("3"))),
        (json!("0.25"), ReportedCost::Usd(usd("0.25"))),
        (json!(-3), Invalid),
        (json!(u64::MAX), Invalid),
        (json!(1e308), Invalid),
        (json!("1e400"), Invalid),
        (json!("NaN"), Invalid),
        (json!("$1"), Invalid),
        (json!(true), Invalid),
        (json!([1, [2]]), Invalid),
        (json!({"usd": {"cents": 1}}), Invalid),
    ] {
        let read = |stated: Value| serde_json::from_value::<ReportedCost>(stated);
        assert_eq!(read(stated.clone()).unwrap(), expected, "{stated}");
        let as_text: ReportedCost = serde_json::from_str(&stated.to_string()).unwrap();
        assert_eq!(as_text, expected, "{stated}");
    }
}
