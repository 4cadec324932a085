//! Where records of cost and usage stand in metadata, and how each is read.
//!
//! Owns the places and the names. It refuses to guess, and to pass over: a cost that is no amount of money
//! and a count that is no number of tokens are invalid, so that an agent cannot hide either by misspelling it.

use std::time::Duration;

use agentchains_cost::ReportedCost;
use serde_json::Value;

use super::{
    Metadata,
    tokens::{Tokens, count, sum},
};

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
        let mut invalid = false;
        let mut first = |names: &[&str]| {
            let stated = names.iter().filter_map(|name| at(self.fields, name));
            let mut counts = stated.filter(|value| !value.is_null()).map(count);
            counts.find_map(|count| {
                invalid |= count.is_none();
                count
            })
        };
        let (read, written, thoughts) = (first(&[CACHE_READ]), first(&[CACHE_WRITTEN]), first(&[THOUGHTS]));
        Tokens {
            input: [first(&INPUT_TOKENS), read, written].into_iter().fold(None, sum),
            output: sum(first(&OUTPUT_TOKENS), thoughts),
            cached: read.or_else(|| first(&CACHED_TOKENS)),
            reasoning: thoughts.or_else(|| first(&REASONING_TOKENS)),
            invalid,
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
        self.tokens = self.tokens.or(other.tokens);
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

/// A cost as it is stated; whatever is no amount of money is invalid.
pub(super) fn read_cost(stated: &Value) -> ReportedCost {
    serde_json::from_value(stated.clone()).unwrap_or(ReportedCost::Invalid)
}
