//! What each agent can do: its content, delay and price. Everything is a function of what it is asked.

use std::time::Duration;

use serde_json::Value;

use crate::ask::Ask;

mod academic_search;
mod critic;
mod flaky;
mod summarizer;
mod text;
mod web_search;

pub(crate) use flaky::{Mishaps, Verdict};

/// One agent's abilities.
#[derive(Debug)]
pub(crate) struct Skill {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    /// What one call costs, in USD.
    pub(crate) cost_usd: f64,
    /// The shortest and the longest time that it works, in milliseconds.
    delay_ms: (u64, u64),
    /// Whether it fails on purpose before it answers.
    pub(crate) flaky: bool,
    answer: fn(&Ask) -> Value,
}

/// A result, with what it took.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) output: Value,
    pub(crate) cost_usd: f64,
    pub(crate) input_tokens: usize,
    pub(crate) output_tokens: usize,
}

/// All agents, in the order in which they are listed.
pub(crate) const SKILLS: &[&Skill] = &[
    &web_search::SKILL,
    &academic_search::SKILL,
    &summarizer::SKILL,
    &critic::SKILL,
    &flaky::SKILL,
];

/// A token is about as many characters.
const CHARACTERS_PER_TOKEN: usize = 4;

impl Skill {
    /// What it makes of a question.
    pub(crate) fn answer(&self, ask: &Ask) -> Answer {
        let output = (self.answer)(ask);
        Answer {
            input_tokens: ask.length().div_ceil(CHARACTERS_PER_TOKEN),
            output_tokens: output.to_string().len().div_ceil(CHARACTERS_PER_TOKEN),
            cost_usd: self.cost_usd,
            output,
        }
    }

    /// How long it works on a question.
    pub(crate) fn delay(&self, ask: &Ask) -> Duration {
        let (shortest, longest) = self.delay_ms;
        let spread = longest.saturating_sub(shortest).saturating_add(1);
        Duration::from_millis(shortest + ask.fingerprint() % spread)
    }
}
