//! Amounts as text, in JSON and in sums.

use agentchains_cost::{ParseUsdError, Usd};
use proptest::prelude::*;

use crate::usd;

#[test]
fn decimal_text_is_read_exactly() {
    let cases = [
        ("0", 0),
        ("-0", 0),
        ("0e999999999999999999999", 0),
        ("1", 1_000_000_000),
        ("1.50", 1_500_000_000),
        ("-0.5", -500_000_000),
        ("007.25", 7_250_000_000),
        ("1e-3", 1_000_000),
        ("1E-9", 1),
        ("0.0000000010000", 1),
        ("12.5e+2", 1_250_000_000_000),
        ("1000000000000e-12", 1_000_000_000),
        ("9223372036.854775807", i64::MAX),
        ("-9223372036.854775808", i64::MIN),
        ("0.1", 100_000_000),
        ("0.3", 300_000_000),
    ];
    for (text, nanos) in cases {
        assert_eq!(text.parse(), Ok(Usd::from_nanos(nanos)), "{text}");
    }
}

#[test]
fn text_that_is_no_amount_is_refused_with_its_reason() {
    use ParseUsdError::{NotANumber, OutOfRange, TooManyDecimals};
    let cases = [
        ("", NotANumber),
        ("-", NotANumber),
        ("+1", NotANumber),
        ("--1", NotANumber),
        (".5", NotANumber),
        ("1.", NotANumber),
        ("1.2.3", NotANumber),
        ("1e", NotANumber),
        ("1e+-3", NotANumber),
        ("1e1.5", NotANumber),
        (" 1", NotANumber),
        ("1_000", NotANumber),
        ("$1", NotANumber),
        ("NaN", NotANumber),
        ("inf", NotANumber),
        ("٣", NotANumber),
        ("0.0000000001", TooManyDecimals),
        ("1.0000000001", TooManyDecimals),
        ("1e-10", TooManyDecimals),
        ("1e-99999999999999999999", TooManyDecimals),
        ("9223372036.854775808", OutOfRange),
        ("-9223372036.854775809", OutOfRange),
        ("10000000000", OutOfRange),
        ("1e10", OutOfRange),
        ("1e99999999999999999999", OutOfRange),
    ];
    for (text, reason) in cases {
        assert_eq!(text.parse::<Usd>(), Err(reason), "{text}");
    }
}

#[test]
fn long_text_is_read_in_one_pass() {
    let zeros = "0".repeat(1_000_000);
    assert_eq!(format!("1.{zeros}").parse(), Ok(usd("1")));
    assert_eq!(format!("{zeros}1").parse(), Ok(usd("1")));
    assert_eq!(format!("0.{zeros}1e1000001").parse(), Ok(usd("1")));
    assert_eq!(format!("1{zeros}").parse::<Usd>(), Err(ParseUsdError::OutOfRange));
    assert_eq!(
        "9".repeat(1_000_000).parse::<Usd>(),
        Err(ParseUsdError::OutOfRange)
    );
}

#[test]
fn text_has_no_exponent_and_no_trailing_zeros() {
    for (nanos, text) in [
        (0, "0"),
        (1, "0.000000001"),
        (3_000_000, "0.003"),
        (-3_000_000, "-0.003"),
        (1_000_000_000, "1"),
        (1_500_000_000, "1.5"),
        (10_000_000_000, "10"),
        (i64::MAX, "9223372036.854775807"),
        (i64::MIN, "-9223372036.854775808"),
    ] {
        assert_eq!(Usd::from_nanos(nanos).to_string(), text);
    }
    assert_eq!(
        format!("{:>8}|{:<6}|", usd("0.25"), usd("-1")),
        "    0.25|-1    |"
    );
}

#[test]
fn json_is_a_number_with_whole_dollars_as_integers() {
    for (amount, json) in [
        ("1", "1"),
        ("-2", "-2"),
        ("0", "0"),
        ("0.003", "0.003"),
        ("12.345678901", "12.345678901"),
    ] {
        assert_eq!(serde_json::to_string(&usd(amount)).unwrap(), json);
    }
}

#[test]
fn json_numbers_and_decimal_strings_are_read_exactly() {
    for (json, amount) in [
        ("1", "1"),
        ("1.00", "1"),
        ("0.1", "0.1"),
        ("1e-3", "0.001"),
        ("-7", "-7"),
        (r#""0.1""#, "0.1"),
        (r#""1e-9""#, "0.000000001"),
    ] {
        assert_eq!(serde_json::from_str::<Usd>(json).unwrap(), usd(amount), "{json}");
    }
}

#[test]
fn json_that_is_no_amount_is_refused() {
    for (json, message) in [
        ("null", "expected an amount in USD"),
        ("true", "expected an amount in USD"),
        ("[1]", "expected an amount in USD"),
        (r#""one""#, "not a decimal number"),
        ("0.30000000000000004", "more than 9 decimals"),
        ("1e300", "outside the range"),
        ("18446744073709551615", "outside the range"),
    ] {
        let error = serde_json::from_str::<Usd>(json).unwrap_err().to_string();
        assert!(error.contains(message), "{json}: {error}");
    }
}

#[test]
fn a_sum_is_exact_in_any_order_and_stops_at_the_end_of_the_range() {
    let amounts = [Usd::MAX, usd("2"), Usd::from_nanos(-i64::MAX), usd("-0.5")];
    assert_eq!(amounts.iter().sum::<Usd>(), usd("1.5"));
    assert_eq!(amounts.into_iter().rev().sum::<Usd>(), usd("1.5"));
    assert_eq!([Usd::MAX, usd("1")].into_iter().sum::<Usd>(), Usd::MAX);
    assert_eq!([Usd::MIN, usd("-1")].into_iter().sum::<Usd>(), Usd::MIN);
}

#[test]
fn arithmetic_never_wraps_round() {
    assert_eq!(Usd::MAX.checked_add(Usd::from_nanos(1)), None);
    assert_eq!(Usd::MIN.checked_sub(Usd::from_nanos(1)), None);
    assert_eq!(Usd::MAX.saturating_add(usd("1")), Usd::MAX);
    assert_eq!(Usd::MIN.saturating_sub(usd("1")), Usd::MIN);
    assert_eq!(usd("1").checked_sub(usd("1.5")), Some(usd("-0.5")));
}

/// Below 2²³ USD, where the way through JSON is exact.
const EXACT_IN_JSON: i64 = (1 << 23) * 1_000_000_000;

proptest! {
    #[test]
    fn text_round_trips(nanos: i64) {
        let amount = Usd::from_nanos(nanos);
        prop_assert_eq!(amount.to_string().parse(), Ok(amount));
    }

    #[test]
    fn json_round_trips_below_its_bound(nanos in -EXACT_IN_JSON..EXACT_IN_JSON) {
        let amount = Usd::from_nanos(nanos);
        let json = serde_json::to_string(&amount).unwrap();
        prop_assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), amount);
    }

    #[test]
    fn json_round_trips_next_to_its_bound(below in 1_i64..10_000_000_000) {
        let amount = Usd::from_nanos(EXACT_IN_JSON - below);
        let json = serde_json::to_string(&amount).unwrap();
        prop_assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), amount);
    }

    #[test]
    fn a_decimal_means_its_digits_times_a_power_of_ten(
        digits in 0_i64..1_000_000_000_000, places in 0_usize..=9, exponent in -3_i32..=3,
    ) {
        let digits_text = format!("{digits:013}");
        let (whole, fraction) = digits_text.split_at(13 - places);
        let point = if places == 0 { "" } else { "." };
        let text = format!("{whole}{point}{fraction}e{exponent}");

        // The value in units of 1e-12 USD, of which a nano-dollar is a thousand.
        let power = 12 - i32::try_from(places).unwrap() + exponent;
        let value = i128::from(digits) * 10_i128.pow(u32::try_from(power).unwrap());
        let naive = match (value % 1000, i64::try_from(value / 1000)) {
            (0, Ok(nanos)) => Ok(Usd::from_nanos(nanos)),
            (0, Err(_)) => Err(ParseUsdError::OutOfRange),
            _ => Err(ParseUsdError::TooManyDecimals),
        };
        prop_assert_eq!(text.parse::<Usd>(), naive);
    }

    #[test]
    fn any_text_is_answered_without_a_panic(text in "[-+0-9.eE]{0,40}|\\PC{0,20}") {
        if let Ok(amount) = text.parse::<Usd>() {
            prop_assert!(text.parse::<f64>().is_ok());
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        }
    }
}
