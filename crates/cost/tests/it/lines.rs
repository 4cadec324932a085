//! What a charge is made of.

use std::time::Duration;

use agentchains_cost::{Charge, ReportedCost, Usage};

use crate::{prices, usd};

/// The lines of a charge for ten seconds that reserved 0.5 USD, as JSON.
fn lines(list: &str, reported: ReportedCost, usage: &str) -> String {
    let usage: Option<Usage> = serde_json::from_str(usage).unwrap();
    let charge = prices(list).charge(reported, usage.as_ref(), Duration::from_secs(10), usd("0.5"));
    assert_eq!(charge.amount, charge.lines.total(), "{list} {usage:?}");
    serde_json::to_string(&charge.lines).unwrap()
}

#[test]
fn a_part_with_a_price_of_its_own_is_taken_off_the_rest() {
    let input = r#"{"per_1k_input_tokens":1,"per_1k_cached_tokens":0.1}"#;
    let output = r#"{"per_1k_output_tokens":1,"per_1k_reasoning_tokens":2}"#;
    for (list, usage, expected) in [
        (
            input,
            r#"{"input_tokens":1000,"cached_tokens":600}"#,
            r#"{"input":0.4,"cached":0.06}"#,
        ),
        (input, r#"{"input_tokens":1000}"#, r#"{"input":1}"#),
        (input, r#"{"cached_tokens":600}"#, r#"{"cached":0.06}"#),
        (
            input,
            r#"{"input_tokens":500,"cached_tokens":600}"#,
            r#"{"cached":0.05}"#,
        ),
        (
            r#"{"per_1k_input_tokens":1}"#,
            r#"{"input_tokens":1000,"cached_tokens":600}"#,
            r#"{"input":1}"#,
        ),
        (
            r#"{"per_1k_cached_tokens":0.1}"#,
            r#"{"input_tokens":1000,"cached_tokens":600}"#,
            r#"{"cached":0.06}"#,
        ),
        (
            r#"{"per_1k_input_tokens":1,"per_1k_cached_tokens":0}"#,
            r#"{"input_tokens":1000,"cached_tokens":600}"#,
            r#"{"input":0.4}"#,
        ),
        (
            output,
            r#"{"output_tokens":1000,"reasoning_tokens":250}"#,
            r#"{"output":0.75,"reasoning":0.5}"#,
        ),
        (
            r#"{"per_1k_output_tokens":1}"#,
            r#"{"output_tokens":1000,"reasoning_tokens":250}"#,
            r#"{"output":1}"#,
        ),
        (
            r#"{"per_1k_input_tokens":1,"models":{"large":{"per_1k_cached_tokens":0.5}}}"#,
            r#"{"input_tokens":1000,"cached_tokens":1000,"model":"large"}"#,
            r#"{"cached":0.5}"#,
        ),
    ] {
        assert_eq!(
            lines(list, ReportedCost::Absent, usage),
            expected,
            "{list} {usage}"
        );
    }
}

#[test]
fn each_line_is_rounded_once() {
    let list = r#"{"per_1k_input_tokens":0.0000005,"per_1k_cached_tokens":0.0000005}"#;
    assert_eq!(
        lines(
            list,
            ReportedCost::Absent,
            r#"{"input_tokens":2,"cached_tokens":1}"#
        ),
        r#"{"input":1e-9,"cached":1e-9}"#
    );
}

#[test]
fn a_stated_cost_stands_beside_the_call_alone() {
    let list = r#"{"per_call":0.1,"per_second":1,"per_1k_input_tokens":1}"#;
    let usage = r#"{"input_tokens":1000}"#;
    for (reported, expected) in [
        (ReportedCost::Absent, r#"{"call":0.1,"time":10,"input":1}"#),
        (ReportedCost::Usd(usd("0.25")), r#"{"reported":0.25,"call":0.1}"#),
        (ReportedCost::Invalid, r#"{"call":0.1,"time":10,"input":1}"#),
    ] {
        assert_eq!(lines(list, reported, usage), expected, "{reported:?}");
    }
}

#[test]
fn the_reservation_stands_alone() {
    let list = r#"{"per_call":0.1,"per_1k_input_tokens":1}"#;
    let usage = r#"{"input_tokens":300}"#;
    assert_eq!(
        lines(list, ReportedCost::Invalid, usage),
        r#"{"reservation":0.5}"#
    );
}

#[test]
fn a_charge_round_trips_in_the_names_of_the_api() {
    for (json, version) in [
        (
            r#"{"cost_usd":0.1,"cost_known":true,"cost_invalid":false,"lines":{"call":0.1}}"#,
            None,
        ),
        (
            r#"{"cost_usd":0.1,"cost_known":true,"cost_invalid":false,"lines":{"call":0.1},"price_version":3}"#,
            Some(3),
        ),
    ] {
        let charge: Charge = serde_json::from_str(json).unwrap();
        assert_eq!(charge.price_version, version);
        assert_eq!(serde_json::to_string(&charge).unwrap(), json);
    }
    assert_eq!(Charge::NONE.lines.total(), Charge::NONE.amount);
}
