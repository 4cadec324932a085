//! What an agent asks for its work: prices, and the lines of a bill made from them.
//!
//! Owns the wire form of `pricing` and the rounding of each line. It refuses negative prices and unknown
//! members, so that a misspelt price is an error and not a free agent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Usage, Usd};

const TOKENS_PER_PRICE: i128 = 1_000;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Prices; what has none is absent.
///
/// A negative price, which deserialization refuses, counts as zero in every sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Fixed price, due for every call.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_call: Option<Usd>,
    /// Price of a second of compute time.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_second: Option<Usd>,
    /// Price of 1,000 input tokens.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_1k_input_tokens: Option<Usd>,
    /// Price of 1,000 output tokens.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_1k_output_tokens: Option<Usd>,
}

/// The prices of one agent: [`Rates`] whatever the model, and others by model.
///
/// A model's entry replaces the agent's prices one by one; what it leaves out is as for the agent. The JSON
/// form is `pricing` of an agent in the HTTP API:
///
/// ```
/// use agentchains_cost::PriceList;
///
/// let prices: PriceList = serde_json::from_str(
///     r#"{"per_call": 0.01, "models": {"large": {"per_1k_output_tokens": "0.06"}}}"#,
/// )?;
/// assert_eq!(prices.per_call, Some("0.01".parse()?));
/// assert_eq!(prices.models["large"].per_1k_output_tokens, Some("0.06".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceList {
    /// Fixed price, due for every call.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_call: Option<Usd>,
    /// Price of a second of compute time.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_second: Option<Usd>,
    /// Price of 1,000 input tokens.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_1k_input_tokens: Option<Usd>,
    /// Price of 1,000 output tokens.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_1k_output_tokens: Option<Usd>,
    /// Prices by the model's name, as the agent reports it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, Rates>,
}

impl PriceList {
    /// The most that an attempt with this timeout can cost by this list.
    ///
    /// `None` when the list sets no such bound: nothing is priced, or tokens are. As the model is not known
    /// beforehand, it is the most over all models, and there is no bound when one of them has none.
    #[must_use]
    pub fn worst_case(&self, attempt_timeout: Duration) -> Option<Usd> {
        let mut worst = self.base().worst_case(attempt_timeout)?;
        for model in self.models.values() {
            worst = worst.max(model.or(self.base()).worst_case(attempt_timeout)?);
        }
        Some(worst)
    }

    /// The prices that apply to `model`.
    pub(crate) fn rates_for(&self, model: Option<&str>) -> Rates {
        let priced = model.and_then(|name| self.models.get(name));
        priced.map_or(self.base(), |model| model.or(self.base()))
    }

    fn base(&self) -> Rates {
        Rates {
            per_call: self.per_call,
            per_second: self.per_second,
            per_1k_input_tokens: self.per_1k_input_tokens,
            per_1k_output_tokens: self.per_1k_output_tokens,
        }
    }
}

impl Rates {
    fn or(self, other: Self) -> Self {
        Self {
            per_call: self.per_call.or(other.per_call),
            per_second: self.per_second.or(other.per_second),
            per_1k_input_tokens: self.per_1k_input_tokens.or(other.per_1k_input_tokens),
            per_1k_output_tokens: self.per_1k_output_tokens.or(other.per_1k_output_tokens),
        }
    }

    fn worst_case(&self, timeout: Duration) -> Option<Usd> {
        let by_tokens = self.per_1k_input_tokens.is_some() || self.per_1k_output_tokens.is_some();
        let by_call_or_time = self.per_call.is_some() || self.per_second.is_some();
        (by_call_or_time && !by_tokens).then(|| self.call().saturating_add(self.time(timeout)))
    }

    /// The line for the call itself, zero without a price for it.
    pub(crate) fn call(&self) -> Usd {
        self.per_call.unwrap_or_default().max(Usd::ZERO)
    }

    /// The line for compute time, zero without a price for it.
    fn time(&self, time: Duration) -> Usd {
        line(
            self.per_second.unwrap_or_default(),
            time.as_nanos(),
            NANOS_PER_SECOND,
        )
    }

    /// All lines together, and whether they are complete: something is priced, and all that is priced by
    /// tokens was reported. Compute time is what was reported, else `elapsed`.
    pub(crate) fn bill(&self, usage: Option<&Usage>, elapsed: Duration) -> (Usd, bool) {
        let compute_time = usage.and_then(|usage| usage.compute_time).unwrap_or(elapsed);
        let mut total = self.call().saturating_add(self.time(compute_time));
        let mut complete = *self != Self::default();
        let tokens = [
            (
                self.per_1k_input_tokens,
                usage.and_then(|usage| usage.input_tokens),
            ),
            (
                self.per_1k_output_tokens,
                usage.and_then(|usage| usage.output_tokens),
            ),
        ];
        for (price, count) in tokens {
            match (price, count) {
                (Some(price), Some(count)) => {
                    total = total.saturating_add(line(price, u128::from(count), TOKENS_PER_PRICE));
                }
                (Some(_), None) => complete = false,
                (None, _) => {}
            }
        }
        (total, complete)
    }
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

/// An optional price: any amount that is not negative.
fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usd>, D::Error> {
    let price = Option::<Usd>::deserialize(deserializer)?;
    match price {
        Some(price) if price.is_negative() => Err(de::Error::custom("a price must not be negative")),
        price => Ok(price),
    }
}
