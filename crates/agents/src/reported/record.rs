//! Where records of cost and usage stand in metadata, and how each is read.
//!
//! Owns the places, the names and the numbers. It refuses to guess: what is no number of tokens is absent, while a cost
//! that is no amount of money is invalid, so that an agent cannot hide a cost by misspelling it.

use std::time::Duration;

use agentchains_cost::ReportedCost;
use serde_json::Value;

use super::Metadata;

const COST: [&str; 5] = ["cost_usd", "costUsd", "cost", "total_cost_usd", "total_cost"];

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
/// Parts of the input tokens.
const CACHED_TOKENS: [&str; 6] = [
    "cached_tokens",
    "cachedContentTokenCount",
    "cachedInputTokens",
    "cache_read_input_tokens",
    "prompt_tokens_details.cached_tokens",
    "gen_ai.usage.cache_read.input_tokens",
];
/// Parts of the output tokens.
const REASONING_TOKENS: [&str; 3] = [
    "reasoning_tokens",
    "reasoningTokens",
    "completion_tokens_details.reasoning_tokens",
];
/// These come on top of the input tokens that are stated beside them.
const CACHE_READ: &str = "cache_tokens.read_tokens";
const CACHE_WRITTEN: &str = "cache_tokens.write_tokens";
/// These come on top of the output tokens that are stated beside them.
const THOUGHTS: &str = "thoughtsTokenCount";

const MODEL: [&str; 3] = ["model", "modelVersion", "gen_ai.response.model"];
const LONGEST_MODEL: usize = 200;

const PLAIN_USAGE: &str = "usage";
/// Other objects that hold records, the most general first.
const CONTAINERS: [(&str, Span); 6] = [
    ("shared.usage", Span::Task),
    ("execution.usage", Span::Task),
    ("kagent_usage_total", Span::Task),
    ("kagent.dev/a2a/usage", Span::Task),
    ("kagent_usage_metadata", Span::Call),
    ("adk_usage_metadata", Span::Call),
];
/// Ends of the URIs of extensions under which a record stands, or an object that holds one.
const EXTENSIONS: [&str; 2] = ["/cost-v1", "/usage/v1"];

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// All that was done for the task so far.
    Task,
    /// One call of a model.
    Call,
}

/// An object that may hold costs and usage.
pub(super) struct Record<'a> {
    fields: &'a Metadata,
    pub(super) span: Span,
}

/// The records in some metadata, these themselves first. `own` is what these and the plain `usage` in them are about.
pub(super) fn records(metadata: &Metadata, own: Span) -> impl Iterator<Item = Record<'_>> {
    let contained = [(PLAIN_USAGE, own)]
        .into_iter()
        .chain(CONTAINERS)
        .filter_map(|(path, span)| Some((object(metadata, path)?, span)));
    let extensions = metadata
        .iter()
        .filter(|(name, _)| EXTENSIONS.iter().any(|end| name.ends_with(end)))
        .filter_map(|(_, value)| value.as_object())
        .flat_map(|extension| std::iter::once(extension).chain(object(extension, PLAIN_USAGE)))
        .map(|fields| (fields, Span::Task));
    std::iter::once((metadata, own))
        .chain(contained)
        .chain(extensions)
        .map(|(fields, span)| Record { fields, span })
}

impl Record<'_> {
    pub(super) fn figures(&self) -> Figures {
        Figures {
            cost: self.first(&COST).map_or(ReportedCost::Absent, read_cost),
            tokens: self.tokens(),
        }
    }

    fn tokens(&self) -> Tokens {
        let read = self.count(&[CACHE_READ]);
        let thoughts = self.count(&[THOUGHTS]);
        Tokens {
            input: [self.count(&INPUT_TOKENS), read, self.count(&[CACHE_WRITTEN])]
                .into_iter()
                .fold(None, sum),
            output: sum(self.count(&OUTPUT_TOKENS), thoughts),
            cached: read.or_else(|| self.count(&CACHED_TOKENS)),
            reasoning: thoughts.or_else(|| self.count(&REASONING_TOKENS)),
        }
    }

    pub(super) fn compute_time(&self) -> Option<Duration> {
        let seconds = self.fields.get("seconds")?.as_f64()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    pub(super) fn model(&self) -> Option<String> {
        let model = self.first(&MODEL)?.as_str()?;
        Some(model.chars().take(LONGEST_MODEL).collect())
    }

    fn first(&self, names: &[&str]) -> Option<&Value> {
        let mut values = names.iter().filter_map(|name| at(self.fields, name));
        values.find(|value| !value.is_null())
    }

    fn count(&self, names: &[&str]) -> Option<u64> {
        names.iter().find_map(|name| count(at(self.fields, name)?))
    }
}

/// The value at a path, in which a dot leads into an object where no member has that name.
fn at<'a>(fields: &'a Metadata, path: &str) -> Option<&'a Value> {
    fields.get(path).or_else(|| {
        let (outer, inner) = path.split_once('.')?;
        at(fields.get(outer)?.as_object()?, inner)
    })
}

fn object<'a>(fields: &'a Metadata, path: &str) -> Option<&'a Metadata> {
    at(fields, path)?.as_object()
}

/// What a record says in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) cost: ReportedCost,
    pub(super) tokens: Tokens,
}

impl Figures {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes cost and tokens over from a later statement, each where that one has it.
    pub(super) fn replace_by(&mut self, later: Self) {
        let earlier = std::mem::replace(self, later);
        self.complete_by(earlier);
    }

    /// Takes cost and tokens over from another statement, each where this one has none.
    pub(super) fn complete_by(&mut self, other: Self) {
        if self.cost == ReportedCost::Absent {
            self.cost = other.cost;
        }
        if self.tokens == Tokens::default() {
            self.tokens = other.tokens;
        }
    }

    pub(super) fn add(&mut self, more: &Self) {
        self.cost = match (self.cost, more.cost) {
            (ReportedCost::Usd(one), ReportedCost::Usd(other)) => {
                ReportedCost::Usd(one.saturating_add(other))
            }
            (ReportedCost::Absent, only) | (only, ReportedCost::Absent) => only,
            _ => ReportedCost::Invalid,
        };
        self.tokens.add(more.tokens);
    }
}

/// Numbers of tokens, as in [`agentchains_cost::Usage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) cached: Option<u64>,
    pub(super) reasoning: Option<u64>,
}

impl Tokens {
    fn add(&mut self, more: Self) {
        self.input = sum(self.input, more.input);
        self.output = sum(self.output, more.output);
        self.cached = sum(self.cached, more.cached);
        self.reasoning = sum(self.reasoning, more.reasoning);
    }
}

/// The sum of what is known. It stops at the largest number, which nobody believes either.
fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

pub(super) fn read_cost(stated: &Value) -> ReportedCost {
    match stated {
        Value::Null => ReportedCost::Absent,
        Value::Number(number) => number
            .as_f64()
            .map_or(ReportedCost::Invalid, ReportedCost::from_f64),
        Value::String(text) => ReportedCost::from_text(text),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => ReportedCost::Invalid,
    }
}

/// A number of tokens; some agents write it as a double.
fn count(value: &Value) -> Option<u64> {
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
