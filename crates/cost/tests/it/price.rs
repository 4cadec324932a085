//! Price lists in JSON and the worst case that they set.

use std::time::Duration;

use agentchains_cost::{PriceList, ReportedCost, Usage, Usd};
use proptest::prelude::*;

use crate::{prices, the_same_each_time, usd};

#[test]
fn a_price_list_round_trips_in_the_names_of_the_api() {
    let json = concat!(
        r#"{"per_call":0.01,"per_second":0.002,"per_1k_input_tokens":0.003,"per_1k_cached_tokens":0.0003,"#,
        r#""per_1k_output_tokens":0.015,"per_1k_reasoning_tokens":0.02,"max_input_tokens":8000,"#,
        r#""max_output_tokens":1000,"models":{"large":{"per_1k_output_tokens":1,"max_output_tokens":500}}}"#
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
        (
            r#"{"models":{"large":{"models":{"larger":{}}}}}"#,
            "the entry of model \"large\" must not have models of its own",
        ),
        (r#"{"max_input_tokens":-1}"#, "expected u64"),
        (r#"{"per_1k_cached_tokens":-1}"#, "must not be negative"),
        (r#"{"per_call":true}"#, "expected an amount in USD"),
    ] {
        let error = serde_json::from_str::<PriceList>(json).unwrap_err().to_string();
        assert!(error.contains(message), "{json}: {error}");
    }
}

#[test]
fn the_worst_case_is_the_call_its_whole_timeout_and_its_token_caps_over_all_models() {
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
        (r#"{"max_input_tokens":1000,"max_output_tokens":1000}"#, None),
        (
            r#"{"per_call":0.25,"per_1k_input_tokens":0.01,"max_input_tokens":5000}"#,
            Some("0.3"),
        ),
        (r#"{"per_1k_input_tokens":1,"max_output_tokens":1000}"#, None),
        (
            r#"{"per_1k_input_tokens":1,"per_1k_output_tokens":2,"max_input_tokens":1000,"max_output_tokens":500}"#,
            Some("2"),
        ),
        (
            r#"{"per_1k_reasoning_tokens":3,"max_output_tokens":500}"#,
            Some("1.5"),
        ),
        (
            r#"{"per_1k_input_tokens":1,"per_1k_cached_tokens":0.1,"max_input_tokens":1000}"#,
            Some("1.000000001"),
        ),
        (
            r#"{"per_1k_input_tokens":1,"max_input_tokens":1000,"models":{"large":{"max_input_tokens":9000}}}"#,
            Some("9"),
        ),
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

/// Prices small enough that rounding shows, and absent ones.
fn price() -> impl Strategy<Value = Option<Usd>> {
    prop::option::of((0_i64..3_000).prop_map(Usd::from_nanos))
}

proptest! {
    #![proptest_config(the_same_each_time(1_000))]

    #[test]
    fn no_usage_within_the_caps_is_charged_more_than_the_worst_case(
        [per_call, per_second, input, cached, output, reasoning] in [price(), price(), price(), price(), price(), price()],
        (caps, millis) in ((0_u64..5_000, 0_u64..5_000), 0_u64..2_000),
        (used, parts) in ((0.0..=1.0, 0.0..=1.0), (0.0..=1.0, 0.0..=1.0)),
    ) {
        let prices = PriceList {
            per_call,
            per_second,
            per_1k_input_tokens: input,
            per_1k_cached_tokens: cached,
            per_1k_output_tokens: output,
            per_1k_reasoning_tokens: reasoning,
            max_input_tokens: Some(caps.0),
            max_output_tokens: Some(caps.1),
            ..PriceList::default()
        };
        let share = |count: u64, share: f64| (count as f64 * share) as u64;
        let (input, output) = (share(caps.0, used.0), share(caps.1, used.1));
        let usage = Usage {
            input_tokens: Some(input),
            cached_tokens: Some(share(input, parts.0)),
            output_tokens: Some(output),
            reasoning_tokens: Some(share(output, parts.1)),
            ..Usage::default()
        };
        let elapsed = Duration::from_millis(millis);
        if let Some(worst) = prices.worst_case(elapsed) {
            let charge = prices.charge(ReportedCost::Absent, Some(&usage), elapsed, worst);
            prop_assert!(charge.amount <= worst, "{} > {worst}", charge.amount);
            prop_assert!(charge.known && !charge.invalid);
        }
    }
}
