//! What an agent says that an answer cost and used. There is no standard for it; the names here are those that
//! agents in the field were seen to use.
//!
//! Only totals are read: of several places that state something, the first counts, and nothing is added up.

use std::time::Duration;

use agentchains_cost::{ReportedCost, Usage};
use serde_json::{Map, Value};

type Metadata = Map<String, Value>;

const COST: [&str; 5] = ["cost_usd", "cost", "costUsd", "total_cost_usd", "total_cost"];

const INPUT_TOKENS: [&str; 6] = [
    "input_tokens",
    "prompt_tokens",
    "promptTokenCount",
    "inputTokens",
    "promptTokens",
    "gen_ai.usage.input_tokens",
];
const OUTPUT_TOKENS: [&str; 6] = [
    "output_tokens",
    "completion_tokens",
    "candidatesTokenCount",
    "outputTokens",
    "completionTokens",
    "gen_ai.usage.output_tokens",
];
const CACHED_TOKENS: [&str; 4] = [
    "cached_tokens",
    "cachedContentTokenCount",
    "cache_read_input_tokens",
    "gen_ai.usage.cache_read.input_tokens",
];
/// Of these, `thoughtsTokenCount` comes on top of the output tokens, while `reasoning_tokens` is a part of them.
const THOUGHTS: &str = "thoughtsTokenCount";
const REASONING: &str = "reasoning_tokens";
const MODEL: [&str; 3] = ["model", "modelVersion", "gen_ai.response.model"];

/// Objects in metadata that hold usage and cost, the most general first. A dot leads into an object.
const CONTAINERS: [&str; 7] = [
    "usage",
    "shared.usage",
    "execution.usage",
    "kagent_usage_total",
    "kagent.dev/a2a/usage",
    "kagent_usage_metadata",
    "adk_usage_metadata",
];

/// Ends of the URIs of extensions under which usage and cost stand.
const EXTENSIONS: [&str; 2] = ["/cost-v1", "/usage/v1"];

/// The cost of an answer: `_cost` in its output, else what its metadata say, the places in their order.
pub(crate) fn cost(output: Option<&Value>, places: &[&Metadata]) -> ReportedCost {
    let in_output = output.and_then(|output| output.get("_cost"));
    let in_metadata = places.iter().flat_map(|place| records(place));
    let stated = in_output
        .into_iter()
        .chain(in_metadata.filter_map(|record| first(record, &COST)));
    stated
        .map(read_cost)
        .find(|cost| *cost != ReportedCost::Absent)
        .unwrap_or_default()
}

/// What the metadata of an answer say that it used, the places in their order.
pub(crate) fn usage(places: &[&Metadata]) -> Option<Usage> {
    let mut records = places.iter().flat_map(|place| records(place));
    records.find_map(|record| Some(read_usage(record)).filter(|usage| *usage != Usage::default()))
}

/// The objects in one place that may hold cost and usage, the place itself first.
fn records(place: &Metadata) -> Vec<&Metadata> {
    let contained = CONTAINERS.iter().filter_map(|path| lookup(place, path));
    let extensions = place
        .iter()
        .filter(|(name, _)| EXTENSIONS.iter().any(|end| name.ends_with(end)))
        .filter_map(|(_, value)| value.as_object())
        .flat_map(|extension| {
            [Some(extension), lookup(extension, "usage")]
                .into_iter()
                .flatten()
        });
    std::iter::once(place)
        .chain(contained)
        .chain(extensions)
        .collect()
}

fn lookup<'a>(place: &'a Metadata, path: &str) -> Option<&'a Metadata> {
    if let Some(found) = place.get(path) {
        return found.as_object();
    }
    let (outer, inner) = path.split_once('.')?;
    place.get(outer)?.get(inner)?.as_object()
}

fn first<'a>(record: &'a Metadata, names: &[&str]) -> Option<&'a Value> {
    names
        .iter()
        .find_map(|name| record.get(*name).filter(|value| !value.is_null()))
}

fn read_cost(stated: &Value) -> ReportedCost {
    match stated {
        Value::Null => ReportedCost::Absent,
        Value::Number(number) => number
            .as_f64()
            .map_or(ReportedCost::Invalid, ReportedCost::from_f64),
        Value::String(text) => ReportedCost::from_text(text),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => ReportedCost::Invalid,
    }
}

fn read_usage(record: &Metadata) -> Usage {
    let count = |names: &[&str]| first(record, names).and_then(tokens);
    let thoughts = count(&[THOUGHTS]);
    let output_tokens = count(&OUTPUT_TOKENS);
    Usage {
        input_tokens: count(&INPUT_TOKENS),
        output_tokens: match (output_tokens, thoughts) {
            (Some(output), Some(thoughts)) => output.checked_add(thoughts),
            (output, thoughts) => output.or(thoughts),
        },
        cached_tokens: count(&CACHED_TOKENS),
        reasoning_tokens: thoughts.or_else(|| count(&[REASONING])),
        compute_time: record.get("seconds").and_then(Value::as_f64).and_then(seconds),
        model: first(record, &MODEL)
            .and_then(Value::as_str)
            .map(|model| model.chars().take(200).collect()),
    }
}

/// A number of tokens; some agents write it as a double.
fn tokens(value: &Value) -> Option<u64> {
    // Every double below this is also exact as a whole number, and nobody uses more tokens.
    const MOST: f64 = 9e15;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the double is rounded, not negative, and within the range of a u64"
    )]
    value.as_u64().or_else(|| {
        let count = value.as_f64()?.round();
        (0.0..=MOST).contains(&count).then_some(count as u64)
    })
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use agentchains_cost::Usd;
    use serde_json::json;

    use super::*;

    fn metadata(value: Value) -> Metadata {
        value.as_object().cloned().unwrap()
    }

    fn usd(text: &str) -> ReportedCost {
        ReportedCost::Usd(text.parse::<Usd>().unwrap())
    }

    #[test]
    fn a_cost_is_found_wherever_agents_put_it() {
        for (place, expected) in [
            (json!({"cost_usd": 0.004}), usd("0.004")),
            (json!({"cost": "0.25"}), usd("0.25")),
            (json!({"costUsd": 1}), usd("1")),
            (json!({"usage": {"total_cost": 0.5}}), usd("0.5")),
            (json!({"shared": {"usage": {"cost": 0.5}}}), usd("0.5")),
            (
                json!({"https://x.example/ext/cost-v1": {"usage": {}, "costUsd": 0.5}}),
                usd("0.5"),
            ),
            (json!({"cost_usd": null, "cost": 2}), usd("2")),
            (json!({}), ReportedCost::Absent),
            (json!({"cost_usd": null}), ReportedCost::Absent),
        ] {
            assert_eq!(cost(None, &[&metadata(place.clone())]), expected, "{place}");
        }
    }

    #[test]
    fn a_cost_that_cannot_be_true_is_invalid() {
        for stated in [
            json!(-5),
            json!("NaN"),
            json!("inf"),
            json!({"usd": 1}),
            json!(1e308),
            json!(true),
            json!(""),
        ] {
            let place = metadata(json!({"cost_usd": stated}));
            assert_eq!(cost(None, &[&place]), ReportedCost::Invalid, "{stated}");
        }
    }

    #[test]
    fn the_output_comes_before_the_metadata_and_these_in_their_order() {
        let (task, artifact) = (metadata(json!({"cost_usd": 1})), metadata(json!({"cost_usd": 2})));
        assert_eq!(cost(Some(&json!({"_cost": 3})), &[&task, &artifact]), usd("3"));
        assert_eq!(cost(Some(&json!([1])), &[&task, &artifact]), usd("1"));
        assert_eq!(cost(None, &[&Metadata::new(), &artifact]), usd("2"));
    }

    #[test]
    fn usage_is_found_by_the_names_of_each_family() {
        let tokens = |input, output| Usage {
            input_tokens: input,
            output_tokens: output,
            ..Usage::default()
        };
        for (place, expected) in [
            (
                json!({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
                tokens(Some(3), Some(4)),
            ),
            (
                json!({"adk_usage_metadata": {"promptTokenCount": 3.0}}),
                tokens(Some(3), None),
            ),
            (
                json!({"kagent.dev/a2a/usage": {"candidatesTokenCount": 4.0}}),
                tokens(None, Some(4)),
            ),
            (
                json!({"execution": {"usage": {"inputTokens": 3, "outputTokens": 4}}}),
                tokens(Some(3), Some(4)),
            ),
            (json!({"gen_ai.usage.input_tokens": 3}), tokens(Some(3), None)),
            (
                json!({"usage": {"input_tokens": -3, "output_tokens": 1e30}, "input_tokens": 5}),
                tokens(Some(5), None),
            ),
        ] {
            assert_eq!(usage(&[&metadata(place.clone())]), Some(expected), "{place}");
        }
        assert_eq!(
            usage(&[&metadata(json!({"usage": {"input_tokens": "many"}}))]),
            None
        );
    }

    #[test]
    fn thoughts_count_as_output_and_the_rest_is_kept() {
        let place = metadata(json!({"usage": {
            "candidatesTokenCount": 10, "thoughtsTokenCount": 5, "cachedContentTokenCount": 2,
            "seconds": 1.5, "modelVersion": "large",
        }}));
        let expected = Usage {
            output_tokens: Some(15),
            reasoning_tokens: Some(5),
            cached_tokens: Some(2),
            compute_time: Some(Duration::from_millis(1500)),
            model: Some("large".to_owned()),
            ..Usage::default()
        };
        assert_eq!(usage(&[&place]), Some(expected));
    }
}
