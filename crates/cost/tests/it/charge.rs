//! What an attempt is charged, by the order of section 9 of the workflow language.

use std::time::Duration;

use agentchains_cost::{Charge, MAX_REPORTED_COST, PriceList, ReportedCost, Usage, Usd};
use proptest::prelude::*;

use crate::{prices, the_same_each_time, usd};

const ELAPSED: Duration = Duration::from_secs(10);

/// What a charge says of a cost.
#[derive(Debug, PartialEq)]
struct Said {
    amount: Usd,
    known: bool,
    invalid: bool,
}

impl From<Charge> for Said {
    fn from(charge: Charge) -> Self {
        Self {
            amount: charge.amount,
            known: charge.known,
            invalid: charge.invalid,
        }
    }
}

fn known(amount: &str) -> Said {
    Said {
        amount: usd(amount),
        known: true,
        invalid: false,
    }
}

fn unknown(amount: &str) -> Said {
    Said {
        known: false,
        ..known(amount)
    }
}

fn invalid(amount: &str) -> Said {
    Said {
        invalid: true,
        ..known(amount)
    }
}

/// Charges an attempt that reserved 0.5 USD, with prices and usage as JSON.
fn charge(list: &str, reported: ReportedCost, usage: &str) -> Said {
    let usage: Option<Usage> = serde_json::from_str(usage).unwrap();
    prices(list)
        .charge(reported, usage.as_ref(), ELAPSED, usd("0.5"))
        .into()
}

#[test]
fn a_reported_cost_wins_over_usage_and_the_price_per_call_comes_on_top() {
    let reported = ReportedCost::Usd(usd("0.003"));
    let usage = r#"{"input_tokens":1000000}"#;
    assert_eq!(charge("{}", reported, "null"), known("0.003"));
    assert_eq!(
        charge(r#"{"per_1k_input_tokens":1,"per_second":1}"#, reported, usage),
        known("0.003")
    );
    assert_eq!(charge(r#"{"per_call":0.01}"#, reported, usage), known("0.013"));
}

#[test]
fn without_a_reported_cost_usage_is_charged_at_its_prices() {
    let tokens = r#"{"per_1k_input_tokens":0.003,"per_1k_output_tokens":0.015}"#;
    for (prices, usage, expected) in [
        (
            tokens,
            r#"{"input_tokens":1200,"output_tokens":300}"#,
            known("0.0081"),
        ),
        (tokens, r#"{"input_tokens":0,"output_tokens":0}"#, known("0")),
        (
            tokens,
            r#"{"input_tokens":1200,"output_tokens":300,"cached_tokens":900,"reasoning_tokens":1}"#,
            known("0.0081"),
        ),
        (r#"{"per_second":0.1}"#, "null", known("1")),
        (r#"{"per_second":0.1}"#, r#"{"seconds":2.5}"#, known("0.25")),
        (r#"{"per_call":0.2}"#, "null", known("0.2")),
        (
            r#"{"per_call":0.2}"#,
            r#"{"input_tokens":1000,"lower_bound":true}"#,
            known("0.2"),
        ),
        (
            r#"{"per_call":0.2,"per_second":0.1,"per_1k_input_tokens":1}"#,
            r#"{"input_tokens":500}"#,
            known("1.7"),
        ),
    ] {
        assert_eq!(
            charge(prices, ReportedCost::Absent, usage),
            expected,
            "{prices} {usage}"
        );
    }
}

#[test]
fn a_cost_that_nothing_tells_is_unknown_and_what_is_known_of_it_is_charged() {
    for (prices, usage, expected) in [
        ("{}", "null", unknown("0")),
        ("{}", r#"{"input_tokens":1200,"seconds":1}"#, unknown("0")),
        (r#"{"per_1k_input_tokens":1}"#, "null", unknown("0")),
        (
            r#"{"per_1k_input_tokens":1,"per_1k_output_tokens":1}"#,
            r#"{"input_tokens":1000}"#,
            unknown("1"),
        ),
        (
            r#"{"per_call":0.2,"per_1k_input_tokens":1}"#,
            r#"{"output_tokens":5}"#,
            unknown("0.2"),
        ),
        (
            r#"{"per_1k_input_tokens":1}"#,
            r#"{"cached_tokens":1000}"#,
            unknown("1"),
        ),
        (
            r#"{"per_1k_cached_tokens":1}"#,
            r#"{"output_tokens":5}"#,
            unknown("0"),
        ),
        (
            r#"{"per_1k_input_tokens":1}"#,
            r#"{"input_tokens":1000,"lower_bound":true}"#,
            unknown("1"),
        ),
    ] {
        assert_eq!(
            charge(prices, ReportedCost::Absent, usage),
            expected,
            "{prices} {usage}"
        );
    }
}

#[test]
fn prices_of_the_reported_model_replace_those_of_the_agent_one_by_one() {
    let prices = r#"{"per_call":0.1,"per_1k_input_tokens":1,"models":{"large":{"per_1k_input_tokens":5}}}"#;
    for (usage, expected) in [
        (r#"{"input_tokens":1000}"#, known("1.1")),
        (r#"{"input_tokens":1000,"model":"large"}"#, known("5.1")),
        (r#"{"input_tokens":1000,"model":"other"}"#, known("1.1")),
    ] {
        assert_eq!(charge(prices, ReportedCost::Absent, usage), expected, "{usage}");
    }
}

#[test]
fn a_cost_that_cannot_be_true_is_charged_at_its_reservation() {
    for reported in [
        ReportedCost::Invalid,
        ReportedCost::Usd(usd("-0.000000001")),
        ReportedCost::Usd(usd("1000000.000000001")),
        ReportedCost::from_f64(-1e-300),
        ReportedCost::from_f64(f64::INFINITY),
        ReportedCost::from_f64(f64::NAN),
        ReportedCost::from_f64(1e300),
        ReportedCost::from_text("cheap"),
        ReportedCost::from_text("NaN"),
        ReportedCost::from_text("-1"),
    ] {
        assert_eq!(
            charge(r#"{"per_call":0.1}"#, reported, "null"),
            invalid("0.5"),
            "{reported:?}"
        );
    }
    let unreserved = PriceList::default().charge(ReportedCost::Invalid, None, ELAPSED, Usd::ZERO);
    assert_eq!(
        Said::from(unreserved),
        Said {
            known: false,
            ..invalid("0")
        }
    );
}

#[test]
fn a_cost_that_cannot_be_true_is_charged_no_lower_than_the_usage_beside_it() {
    let tokens = r#"{"per_call":0.1,"per_1k_input_tokens":1,"per_1k_output_tokens":1}"#;
    for (usage, expected) in [
        (r#"{"input_tokens":300,"output_tokens":0}"#, invalid("0.5")),
        (r#"{"input_tokens":400,"output_tokens":0}"#, invalid("0.5")),
        (r#"{"input_tokens":400,"output_tokens":1}"#, invalid("0.501")),
        (
            r#"{"input_tokens":500}"#,
            Said {
                known: false,
                ..invalid("0.6")
            },
        ),
        (r#"{"input_tokens":9007199254740992}"#, invalid("0.5")),
    ] {
        assert_eq!(charge(tokens, ReportedCost::Invalid, usage), expected, "{usage}");
    }
    let usage: Usage = serde_json::from_str(r#"{"input_tokens":500,"output_tokens":0}"#).unwrap();
    let unreserved = prices(tokens).charge(ReportedCost::Invalid, Some(&usage), ELAPSED, Usd::ZERO);
    assert_eq!(Said::from(unreserved), invalid("0.6"));
}

#[test]
fn a_usage_that_cannot_be_true_is_charged_at_its_reservation_where_tokens_decide() {
    let tokens = r#"{"per_1k_input_tokens":1,"per_1k_output_tokens":1}"#;
    let some = r#"{"input_tokens":100,"cost_invalid":true}"#;
    for (list, reported, usage, expected) in [
        (tokens, ReportedCost::Absent, some, invalid("0.5")),
        (
            tokens,
            ReportedCost::Absent,
            r#"{"input_tokens":700,"output_tokens":1,"cost_invalid":true}"#,
            invalid("0.701"),
        ),
        (tokens, ReportedCost::Usd(usd("0.2")), some, invalid("0.2")),
        (r#"{"per_call":0.1}"#, ReportedCost::Absent, some, invalid("0.1")),
        (
            "{}",
            ReportedCost::Absent,
            some,
            Said {
                known: false,
                ..invalid("0")
            },
        ),
    ] {
        assert_eq!(
            charge(list, reported, usage),
            expected,
            "{list} {reported:?} {usage}"
        );
    }
}

#[test]
fn a_usage_that_comes_to_more_than_anything_costs_is_charged_at_its_reservation() {
    for (list, usage, expected) in [
        (
            r#"{"per_1k_input_tokens":1}"#,
            r#"{"input_tokens":18446744073709551615}"#,
            invalid("0.5"),
        ),
        (r#"{"per_second":1}"#, r#"{"seconds":1000000.1}"#, invalid("0.5")),
        (r#"{"per_second":1}"#, r#"{"seconds":1000000}"#, known("1000000")),
        (r#"{"per_call":1000001}"#, "null", invalid("0.5")),
    ] {
        assert_eq!(
            charge(list, ReportedCost::Absent, usage),
            expected,
            "{list} {usage}"
        );
    }
}

#[test]
fn the_highest_believable_cost_is_charged() {
    assert_eq!(
        charge("{}", ReportedCost::from_f64(1e6), "null"),
        known("1000000")
    );
    assert_eq!(
        charge("{}", ReportedCost::from_text("0.0000000004"), "null"),
        known("0")
    );
    assert_eq!(charge("{}", ReportedCost::from_f64(-0.0), "null"), known("0"));
}

proptest! {
    #![proptest_config(the_same_each_time(1_000))]

    #[test]
    fn a_token_line_is_the_exact_product_rounded_half_up_once(
        price in 0_i64..1_000_000_000_000, tokens in 0_u64..1_000_000_000,
    ) {
        let prices = PriceList { per_1k_input_tokens: Some(Usd::from_nanos(price)), ..PriceList::default() };
        let usage = Usage { input_tokens: Some(tokens), ..Usage::default() };
        let charge = prices.charge(ReportedCost::Absent, Some(&usage), ELAPSED, Usd::ZERO);

        let product = i128::from(price) * i128::from(tokens);
        let rounded = product / 1000 + i128::from(product % 1000 >= 500);
        if let Some(naive) = i64::try_from(rounded).ok().map(Usd::from_nanos).filter(|naive| *naive <= MAX_REPORTED_COST) {
            prop_assert_eq!(Said::from(charge), Said { amount: naive, known: true, invalid: false });
        } else {
            prop_assert!(charge.invalid);
        }
    }

    #[test]
    fn no_charge_is_negative_or_other_than_its_lines(
        reported in any::<f64>(), price in any::<i64>(), tokens: u64, reserved in any::<i64>(),
    ) {
        let prices = PriceList {
            per_call: Some(Usd::from_nanos(price)),
            per_second: Some(Usd::from_nanos(price)),
            per_1k_output_tokens: Some(Usd::from_nanos(price)),
            ..PriceList::default()
        };
        let usage = Usage { output_tokens: Some(tokens), ..Usage::default() };
        for reported in [ReportedCost::Absent, ReportedCost::Invalid, ReportedCost::from_f64(reported)] {
            let charge = prices.charge(reported, Some(&usage), Duration::MAX, Usd::from_nanos(reserved));
            prop_assert!(!charge.amount.is_negative());
            prop_assert_eq!(charge.amount, charge.lines.total());
        }
    }

    #[test]
    fn nothing_that_cannot_be_true_lowers_a_charge(tokens: Option<u64>, price in 0_i64..1_000_000_000, reserved in 0..=i64::MAX) {
        let prices = PriceList { per_1k_input_tokens: Some(Usd::from_nanos(price)), ..PriceList::default() };
        let reserved = Usd::from_nanos(reserved);
        let usage = Usage { input_tokens: tokens, ..Usage::default() };
        let doubtful = Usage { cost_invalid: true, ..usage.clone() };
        let honest = prices.charge(ReportedCost::Absent, Some(&usage), ELAPSED, reserved);
        for (reported, usage) in [(ReportedCost::Invalid, usage), (ReportedCost::Absent, doubtful)] {
            let charge = prices.charge(reported, Some(&usage), ELAPSED, reserved);
            prop_assert!(charge.invalid);
            prop_assert_eq!(charge.amount, honest.amount.max(reserved));
        }
    }
}
