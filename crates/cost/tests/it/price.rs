//! Price lists in JSON and the worst case that they set.

use std::time::Duration;

use agentchains_cost::{PriceList, Usd};

use crate::usd;

fn prices(json: &str) -> PriceList {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn a_price_list_round_trips_in_the_names_of_the_api() {
    let json = concat!(
        r#"{"per_call":0.01,"per_second":0.002,"per_1k_input_tokens":0.003,"per_1k_output_tokens":0.015,"#,
        r#""models":{"large":{"per_1k_output_tokens":1}}}"#
    );
    assert_eq!(serde_json::to_string(&prices(json)).unwrap(), json);
    assert_eq!(serde_json::to_string(&PriceList::default()).unwrap(), "{}");
}

#[test]
fn a_negative_price_an_unknown_member_or_a_non_number_is_refused() {
    for (json, message) in [
        (r#"{"per_call":-0.01}"#, "must not be negative"),
        (
            r#"{"models":{"large":{"per_second":"-1"}}}"#,
            "must not be negative",
        ),
        (r#"{"per_cal":1}"#, "unknown field `per_cal`"),
        (r#"{"models":{"large":{"models":{}}}}"#, "unknown field `models`"),
        (r#"{"per_call":true}"#, "expected an amount in USD"),
    ] {
        let error = serde_json::from_str::<PriceList>(json).unwrap_err().to_string();
        assert!(error.contains(message), "{json}: {error}");
    }
}

#[test]
fn the_worst_case_is_the_call_and_its_whole_timeout_over_all_models() {
    for (json, worst) in [
        ("{}", None),
        (r#"{"per_call":0}"#, Some("0")),
        (r#"{"per_call":0.25}"#, Some("0.25")),
        (r#"{"per_second":0.01}"#, Some("0.6")),
        (r#"{"per_call":0.25,"per_second":0.01}"#, Some("0.85")),
        (r#"{"per_call":0.25,"per_1k_input_tokens":0.01}"#, None),
        (r#"{"per_1k_output_tokens":0.01}"#, None),
        (
            r#"{"per_call":0.25,"models":{"large":{"per_call":1},"small":{"per_second":0.001}}}"#,
            Some("1"),
        ),
        (
            r#"{"per_call":0.25,"models":{"large":{"per_1k_input_tokens":1}}}"#,
            None,
        ),
        (r#"{"models":{"large":{"per_call":1}}}"#, None),
    ] {
        assert_eq!(
            prices(json).worst_case(Duration::from_secs(60)),
            worst.map(usd),
            "{json}"
        );
    }
}

#[test]
fn a_worst_case_beyond_all_money_is_the_largest_amount() {
    let prices = PriceList {
        per_second: Some(Usd::MAX),
        per_call: Some(usd("1")),
        ..PriceList::default()
    };
    assert_eq!(prices.worst_case(Duration::MAX), Some(Usd::MAX));
}
