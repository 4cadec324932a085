//! The lines of a bill: what each part of an attempt costs by a price list.
//!
//! Owns the rounding: each line is the exact product of a count and a price, rounded once. It refuses to count a
//! token twice: what has a price of its own is taken off the rest.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PriceList, Usage, Usd};

const TOKENS_PER_PRICE: i128 = 1_000;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// What a charge is made of. Its amount is the exact sum of these lines; in JSON, lines of zero are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CostLines")]
pub struct Lines {
    /// The cost that the reply states. Time and tokens are not charged beside it.
    #[serde(skip_serializing_if = "is_zero")]
    pub reported: Usd,
    /// The reservation, charged in place of a cost or a usage that cannot be true. There are no other lines then.
    #[serde(skip_serializing_if = "is_zero")]
    pub reservation: Usd,
    /// The fixed price.
    #[serde(skip_serializing_if = "is_zero")]
    pub call: Usd,
    /// Compute time.
    #[serde(skip_serializing_if = "is_zero")]
    pub time: Usd,
    /// Input tokens, without cached ones where these have a price of their own.
    #[serde(skip_serializing_if = "is_zero")]
    pub input: Usd,
    /// Cached input tokens, where they have a price of their own.
    #[serde(skip_serializing_if = "is_zero")]
    pub cached: Usd,
    /// Output tokens, without those of reasoning where these have a price of their own.
    #[serde(skip_serializing_if = "is_zero")]
    pub output: Usd,
    /// Output tokens of reasoning, where they have a price of their own.
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning: Usd,
}

impl Lines {
    /// No lines.
    pub(crate) const NONE: Self = Self {
        reported: Usd::ZERO,
        reservation: Usd::ZERO,
        call: Usd::ZERO,
        time: Usd::ZERO,
        input: Usd::ZERO,
        cached: Usd::ZERO,
        output: Usd::ZERO,
        reasoning: Usd::ZERO,
    };

    /// The sum of all lines, or [`Usd::MAX`] when it lies beyond the range.
    #[must_use]
    pub fn total(&self) -> Usd {
        let lines = [
            self.reported,
            self.reservation,
            self.call,
            self.time,
            self.input,
            self.cached,
            self.output,
            self.reasoning,
        ];
        lines.into_iter().sum()
    }
}

impl PriceList {
    /// The line for the call itself, zero without a price for it.
    pub(crate) fn call(&self) -> Usd {
        self.per_call.unwrap_or_default().max(Usd::ZERO)
    }

    /// The lines for call, compute time (what was reported, else `elapsed`) and tokens, whatever the entries of
    /// models say, and whether they are complete: something is priced, and the tokens that have a price were all
    /// reported.
    pub(crate) fn bill(&self, usage: Option<&Usage>, elapsed: Duration) -> (Lines, bool) {
        let unused = Usage::default();
        let usage = usage.unwrap_or(&unused);
        let input = Tokens {
            price: self.per_1k_input_tokens,
            part_price: self.per_1k_cached_tokens,
            count: usage.input_tokens,
            part: usage.cached_tokens,
        };
        let output = Tokens {
            price: self.per_1k_output_tokens,
            part_price: self.per_1k_reasoning_tokens,
            count: usage.output_tokens,
            part: usage.reasoning_tokens,
        };
        let lines = Lines {
            call: self.call(),
            time: by_time(
                self.per_second.unwrap_or_default(),
                usage.compute_time.unwrap_or(elapsed),
            ),
            input: input.rest(),
            cached: input.own_line(),
            output: output.rest(),
            reasoning: output.own_line(),
            ..Lines::NONE
        };
        let tokens_known =
            input.is_complete() && output.is_complete() && !(usage.lower_bound && self.prices_tokens());
        (lines, self.prices_anything() && tokens_known)
    }
}

/// The tokens of one direction, of which a part may have a price of its own.
struct Tokens {
    price: Option<Usd>,
    part_price: Option<Usd>,
    /// All tokens, the part included.
    count: Option<u64>,
    part: Option<u64>,
}

impl Tokens {
    /// The tokens that the part's own price applies to: no more than there are in all.
    fn priced_apart(&self) -> u64 {
        let part = self.part_price.and(self.part).unwrap_or(0);
        part.min(self.count.unwrap_or(part))
    }

    fn own_line(&self) -> Usd {
        by_tokens(self.part_price.unwrap_or_default(), self.priced_apart())
    }

    fn rest(&self) -> Usd {
        // Where only the part was reported, there were at least as many.
        let count = self.count.or(self.part).unwrap_or(0);
        by_tokens(
            self.price.unwrap_or_default(),
            count.saturating_sub(self.priced_apart()),
        )
    }

    /// Whether all that has a price was reported. An agent that counts its tokens and says nothing of the part has
    /// none in it.
    fn is_complete(&self) -> bool {
        self.count.is_some() || (self.price.is_none() && (self.part_price.is_none() || self.part.is_some()))
    }
}

/// The line for some tokens, at the price of 1,000.
pub(crate) fn by_tokens(price: Usd, count: u64) -> Usd {
    line(price, u128::from(count), TOKENS_PER_PRICE)
}

/// The line for some time, at the price of a second.
pub(crate) fn by_time(price: Usd, time: Duration) -> Usd {
    line(price, time.as_nanos(), NANOS_PER_SECOND)
}

/// `price × count / per`, rounded half up to a nano-dollar; [`Usd::MAX`] beyond the range.
fn line(price: Usd, count: u128, per: i128) -> Usd {
    let price = i128::from(price.max(Usd::ZERO).nanos());
    let product = i128::try_from(count)
        .ok()
        .and_then(|count| price.checked_mul(count));
    product.map_or(Usd::MAX, |nanos| {
        Usd::from_nanos_clamped(nanos.saturating_add(per / 2) / per)
    })
}

fn is_zero(amount: &Usd) -> bool {
    amount.is_zero()
}
