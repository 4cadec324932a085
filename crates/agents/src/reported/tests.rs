//! What is read from metadata, and what becomes of several reports.

mod conventions;

use agentchains_cost::Usd;
use serde_json::json;

use super::*;

fn metadata(value: &Value) -> Metadata {
    value.as_object().cloned().unwrap()
}

fn usd(text: &str) -> ReportedCost {
    ReportedCost::Usd(text.parse::<Usd>().unwrap())
}

/// Input and output tokens.
fn tokens(input: u64, output: u64) -> Usage {
    Usage {
        input_tokens: Some(input),
        output_tokens: Some(output),
        ..Usage::default()
    }
}

fn at_least(usage: Usage) -> Usage {
    Usage {
        lower_bound: true,
        ..usage
    }
}

/// What stands in each place of a task as it came, in one piece.
#[derive(Default)]
struct Piece {
    task: Value,
    message: Value,
    artifact: Value,
}

impl Piece {
    fn check(&self, expected_cost: ReportedCost, expected_usage: Option<Usage>) {
        let places = [&self.task, &self.message, &self.artifact];
        let places: Vec<_> = places
            .into_iter()
            .map(|place| place.as_object().cloned().unwrap_or_default())
            .collect();
        let places: Vec<&Metadata> = places.iter().collect();
        assert_eq!(cost(None, &places), expected_cost, "{places:?}");
        assert_eq!(usage(&places), expected_usage, "{places:?}");
    }
}

fn in_task(task: Value) -> Piece {
    Piece {
        task,
        ..Piece::default()
    }
}

/// What came in a stream.
enum Came {
    /// A status update: its metadata, and those of its message.
    Update(Value, Value),
    Artifact(Value),
    Task(Value),
}

use Came::{Artifact, Task, Update};

fn streamed(events: &[Came]) -> (ReportedCost, Option<Usage>) {
    let mut reported = Reported::default();
    for event in events {
        match event {
            Update(update, message) => {
                let message = message.as_object();
                reported.status_update(&update.as_object().cloned().unwrap_or_default(), message);
            }
            Artifact(place) | Task(place) => reported.result(&metadata(place)),
        }
    }
    (reported.cost(), reported.usage())
}

#[test]
fn a_cost_is_found_wherever_agents_put_it() {
    for (place, expected) in [
        (json!({"cost_usd": 0.004}), usd("0.004")),
        (json!({"cost": "0.25"}), usd("0.25")),
        (json!({"costUsd": 1}), usd("1")),
        (json!({"total_cost_usd": 1}), usd("1")),
        (json!({"usage": {"total_cost": 0.5}}), usd("0.5")),
        (json!({"shared": {"usage": {"cost": 0.5}}}), usd("0.5")),
        (json!({"https://x.example/usage/v1": {"cost": 0.5}}), usd("0.5")),
        (json!({"cost_usd": null, "cost": 2}), usd("2")),
        (json!({"cost_usd": 1, "usage": {"cost_usd": 2}}), usd("1")),
        (json!({"cost_usd": 0.1 + 0.2}), usd("0.3")),
        (json!({"cost_usd": 0}), usd("0")),
        (json!({}), ReportedCost::Absent),
        (json!({"cost_usd": null}), ReportedCost::Absent),
        (json!({"usage": "3 tokens"}), ReportedCost::Absent),
    ] {
        assert_eq!(cost(None, &[&metadata(&place)]), expected, "{place}");
    }
}

#[test]
fn a_cost_that_cannot_be_true_is_invalid() {
    for stated in [
        json!(-5),
        json!(-1e-300),
        json!("NaN"),
        json!("inf"),
        json!({"usd": 1}),
        json!([1]),
        json!(1e308),
        json!(1_000_000.01),
        json!(true),
        json!(""),
        json!("$1"),
    ] {
        let place = metadata(&json!({"cost_usd": stated}));
        assert_eq!(cost(None, &[&place]), ReportedCost::Invalid, "{stated}");
        let output = json!({"_cost": stated});
        assert_eq!(cost(Some(&output), &[]), ReportedCost::Invalid, "{stated}");
    }
}

#[test]
fn the_output_comes_before_the_metadata_and_these_in_their_order() {
    let place = |cost: u64| metadata(&json!({"cost_usd": cost}));
    let (task, artifact) = (place(1), place(2));
    assert_eq!(cost(Some(&json!({"_cost": 3})), &[&task, &artifact]), usd("3"));
    assert_eq!(cost(Some(&json!({"_cost": null})), &[&task, &artifact]), usd("1"));
    assert_eq!(cost(Some(&json!([1])), &[&task, &artifact]), usd("1"));
    assert_eq!(cost(None, &[&Metadata::new(), &artifact]), usd("2"));
}

#[test]
fn a_repeated_cost_is_not_added_and_the_last_total_counts() {
    let update = |cost: Value| Update(json!({"cost_usd": cost}), Value::Null);
    for (events, expected) in [
        (vec![update(json!(1)), update(json!(1))], usd("1")),
        (
            vec![update(json!(1)), update(json!(3)), Task(json!({}))],
            usd("3"),
        ),
        (
            vec![update(json!(1)), Task(json!({"cost_usd": -1}))],
            ReportedCost::Invalid,
        ),
        (vec![update(json!(-1)), Task(json!({"cost_usd": 2}))], usd("2")),
    ] {
        assert_eq!(streamed(&events).0, expected);
    }
}

#[test]
fn costs_of_single_calls_are_added_unless_one_is_invalid() {
    let call = |cost: Value| Update(Value::Null, json!({"usage": {"cost": cost}}));
    assert_eq!(
        streamed(&[call(json!(0.1)), call(json!(0.2)), call(json!(null))]).0,
        usd("0.3")
    );
    assert_eq!(
        streamed(&[call(json!(0.1)), call(json!(-1)), call(json!(0.2))]).0,
        ReportedCost::Invalid
    );
}

#[test]
fn counts_are_rounded_to_whole_numbers_and_not_negative() {
    for (stated, expected) in [
        (json!(1200), 1200),
        (json!(1200.0), 1200),
        (json!(2.999_999_999_9), 3),
        (json!(2.5), 3),
        (json!(-0.0), 0),
        (json!(1_u64 << 53), 1 << 53),
    ] {
        let usage = usage_of(&json!({"usage": {"input_tokens": stated}}));
        let expected = Usage {
            input_tokens: Some(expected),
            ..Usage::default()
        };
        assert_eq!(usage, Some(expected), "{stated}");
    }
    assert_eq!(usage_of(&json!({"usage": {"input_tokens": null}})), None);
}

fn invalid(usage: Usage) -> Usage {
    Usage {
        cost_invalid: true,
        ..usage
    }
}

#[test]
fn a_count_that_cannot_be_true_is_no_count_and_is_marked() {
    let absurd = (1_u64 << 53) + 1;
    for stated in [
        json!(-1),
        json!(-0.2),
        json!(absurd),
        json!(u64::MAX),
        json!(1e30),
        json!("many"),
        json!("5"),
        json!(true),
        json!([1]),
        json!({"deep": 1}),
    ] {
        for name in [
            "input_tokens",
            "candidatesTokenCount",
            "cached_tokens",
            "thoughtsTokenCount",
        ] {
            let usage = usage_of(&json!({"usage": {name: stated}}));
            assert_eq!(usage, Some(invalid(Usage::default())), "{name} {stated}");
        }
    }
    let (_, usage) = streamed(&[
        Update(Value::Null, json!({"usage": {"input_tokens": 3}})),
        Update(
            Value::Null,
            json!({"usage": {"input_tokens": -3, "output_tokens": 4}}),
        ),
    ]);
    assert_eq!(usage, Some(invalid(tokens(3, 4))));
}

#[test]
fn a_count_that_cannot_be_true_hides_no_other() {
    let usage = json!({"input_tokens": -3, "prompt_tokens": 3, "output_tokens": 4});
    assert_eq!(usage_of(&json!({"usage": usage})), Some(invalid(tokens(3, 4))));
    let valid = json!({"usage": {"input_tokens": 3, "output_tokens": 4}});
    let wrong = json!({"usage": {"input_tokens": -3}});
    let last = streamed(&[Artifact(valid.clone()), Task(wrong.clone())]);
    assert_eq!(last.1, Some(invalid(tokens(3, 4))));
    let first = streamed(&[Artifact(wrong), Task(valid)]);
    assert_eq!(first.1, Some(tokens(3, 4)), "the last total counts");
}

#[test]
fn a_piece_of_an_answer_tells_nothing_wherever_it_stands() {
    let usage = |partial: bool| {
        json!({"adk_usage_metadata": {"promptTokenCount": 3, "candidatesTokenCount": 4},
               "cost_usd": 1, "kagent_partial": partial})
    };
    in_task(usage(true)).check(ReportedCost::Absent, None);
    in_task(usage(false)).check(usd("1"), Some(at_least(tokens(3, 4))));
    let artifact = json!({"x_partial": true, "usage": {"input_tokens": 3}});
    let piece = Piece {
        artifact,
        ..Piece::default()
    };
    piece.check(ReportedCost::Absent, None);
}

#[test]
fn a_model_or_a_time_beside_a_record_does_not_hide_it() {
    let place = json!({
        "model": "large", "seconds": 1.5, "usage": {"seconds": 9, "candidatesTokenCount": 10},
    });
    let expected = Usage {
        output_tokens: Some(10),
        compute_time: Some(Duration::from_millis(1500)),
        model: Some("large".to_owned()),
        ..Usage::default()
    };
    assert_eq!(usage_of(&place), Some(expected));
    for seconds in [json!(-1), json!(1e300), json!("1")] {
        assert_eq!(usage_of(&json!({"usage": {"seconds": seconds}})), None);
    }
    let long = usage_of(&json!({"model": "x".repeat(1000)})).and_then(|usage| usage.model);
    assert_eq!(long.map(|model| model.len()), Some(200));
}

fn usage_of(place: &Value) -> Option<Usage> {
    usage(&[&metadata(place)])
}
