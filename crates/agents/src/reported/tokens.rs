//! Counts of tokens: what is one, and how they are added up.
//!
//! Owns the numbers. It refuses to believe a count that is negative, a fraction or larger than anybody uses, and to pass
//! it over: that there was one is kept.

use serde_json::Value;

/// Numbers of tokens, as in [`agentchains_cost::Usage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) cached: Option<u64>,
    pub(super) reasoning: Option<u64>,
    /// Whether a count was stated that cannot be true.
    pub(super) invalid: bool,
}

impl Tokens {
    /// Whether a count is known.
    pub(super) fn any(self) -> bool {
        [self.input, self.output, self.cached, self.reasoning]
            .iter()
            .any(Option::is_some)
    }

    /// These where a count of them is known, else those of another statement. What cannot be true hides nothing.
    pub(super) fn or(self, other: Self) -> Self {
        if self.any() {
            return self;
        }
        Self {
            invalid: self.invalid || other.invalid,
            ..other
        }
    }

    pub(super) fn add(&mut self, more: Self) {
        self.input = sum(self.input, more.input);
        self.output = sum(self.output, more.output);
        self.cached = sum(self.cached, more.cached);
        self.reasoning = sum(self.reasoning, more.reasoning);
        self.invalid |= more.invalid;
    }
}

/// The sum of what is known. It stops at the largest number, which nobody believes either.
pub(super) fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

/// A number of tokens; some agents write it as a double.
pub(super) fn count(stated: &Value) -> Option<u64> {
    /// Up to this every whole number is a double of its own, and nobody uses more tokens.
    const MOST: u64 = 1 << 53;
    let count = stated.as_u64().or_else(|| rounded(stated.as_f64()?))?;
    (count <= MOST).then_some(count)
}

/// The whole number nearest to a double that is not negative.
fn rounded(double: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and one beyond a u64 becomes the largest"
    )]
    (double >= 0.0).then_some(double.round() as u64)
}
