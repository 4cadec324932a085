//! What an agent asks for its work: its prices, and the most that they can come to.
//!
//! Owns the wire form of `pricing` and the worst case of an attempt. It refuses negative prices and unknown
//! members, so that a misspelt price is an error and not a free agent.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::Usd;
use crate::bill::{by_time, by_tokens};

/// The prices of one agent; what has none is absent.
///
/// Cached tokens are a part of the input, reasoning tokens a part of the output. Without a price of their own
/// they cost what the rest of that input or output costs; with one they are a line of their own, and the rest
/// is priced without them.
///
/// Models may have other prices. A model's entry replaces the agent's members one by one; what it leaves out is
/// as for the agent. A negative price, which deserialization refuses, counts as zero in every sum.
///
/// The JSON form is `pricing` of an agent in the HTTP API:
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Price of 1,000 input tokens that came from a cache.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_1k_cached_tokens: Option<Usd>,
    /// Price of 1,000 output tokens.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_1k_output_tokens: Option<Usd>,
    /// Price of 1,000 output tokens that were reasoning.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "price")]
    pub per_1k_reasoning_tokens: Option<Usd>,
    /// The most input tokens that one attempt reads, over all its calls of models, cached ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_input_tokens: Option<u64>,
    /// The most output tokens that one attempt writes, over all its calls of models, reasoning included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// What differs by model, under its name as the agent reports it. These have no `models` of their own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "models")]
    pub models: BTreeMap<String, Self>,
}

impl PriceList {
    /// The most that an attempt with this timeout can cost by this list: its fixed price, its whole timeout, and
    /// its token caps at the higher of the prices that those tokens may have.
    ///
    /// `None` when the list sets no such bound: nothing is priced, or tokens are and have no cap. As the model is
    /// not known beforehand, it is the most over all models, and there is no bound when one of them has none.
    #[must_use]
    pub fn worst_case(&self, attempt_timeout: Duration) -> Option<Usd> {
        let mut worst = self.own_worst_case(attempt_timeout)?;
        for model in self.models.values() {
            worst = worst.max(self.overridden_by(model).own_worst_case(attempt_timeout)?);
        }
        Some(worst)
    }

    /// The prices that apply to `model`.
    pub(crate) fn for_model(&self, model: Option<&str>) -> Cow<'_, Self> {
        let priced = model.and_then(|name| self.models.get(name));
        priced.map_or(Cow::Borrowed(self), |model| Cow::Owned(self.overridden_by(model)))
    }

    /// Whether anything has a price.
    pub(crate) fn prices_anything(&self) -> bool {
        self.per_call.is_some() || self.per_second.is_some() || self.prices_tokens()
    }

    /// Whether tokens of any kind have a price.
    pub(crate) fn prices_tokens(&self) -> bool {
        [
            self.per_1k_input_tokens,
            self.per_1k_cached_tokens,
            self.per_1k_output_tokens,
            self.per_1k_reasoning_tokens,
        ]
        .iter()
        .any(Option::is_some)
    }

    fn overridden_by(&self, model: &Self) -> Self {
        Self {
            per_call: model.per_call.or(self.per_call),
            per_second: model.per_second.or(self.per_second),
            per_1k_input_tokens: model.per_1k_input_tokens.or(self.per_1k_input_tokens),
            per_1k_cached_tokens: model.per_1k_cached_tokens.or(self.per_1k_cached_tokens),
            per_1k_output_tokens: model.per_1k_output_tokens.or(self.per_1k_output_tokens),
            per_1k_reasoning_tokens: model.per_1k_reasoning_tokens.or(self.per_1k_reasoning_tokens),
            max_input_tokens: model.max_input_tokens.or(self.max_input_tokens),
            max_output_tokens: model.max_output_tokens.or(self.max_output_tokens),
            models: BTreeMap::new(),
        }
    }

    /// The worst case whatever the entries of models say.
    fn own_worst_case(&self, timeout: Duration) -> Option<Usd> {
        if !self.prices_anything() {
            return None;
        }
        let input = most_for_tokens(
            self.per_1k_input_tokens,
            self.per_1k_cached_tokens,
            self.max_input_tokens,
        )?;
        let output = most_for_tokens(
            self.per_1k_output_tokens,
            self.per_1k_reasoning_tokens,
            self.max_output_tokens,
        )?;
        let time = by_time(self.per_second.unwrap_or_default(), timeout);
        Some([self.call(), time, input, output].into_iter().sum())
    }
}

/// The most that the lines for up to `cap` tokens can come to, however these divide into the part that has a price
/// of its own and the rest. `None` when they have a price and no cap.
fn most_for_tokens(price: Option<Usd>, part_price: Option<Usd>, cap: Option<u64>) -> Option<Usd> {
    let Some(highest) = price.max(part_price) else {
        return Some(Usd::ZERO);
    };
    let one_line = by_tokens(highest, cap?);
    let two_lines = price.is_some() && part_price.is_some() && !one_line.is_zero();
    // Two lines can both be rounded up, which is one nano-dollar more than rounding their sum down.
    let rounding = Usd::from_nanos(i64::from(two_lines));
    Some(one_line.saturating_add(rounding))
}

/// An optional price: any amount that is not negative.
fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usd>, D::Error> {
    let price = Option::<Usd>::deserialize(deserializer)?;
    match price {
        Some(price) if price.is_negative() => Err(de::Error::custom("a price must not be negative")),
        price => Ok(price),
    }
}

/// Entries of models, which are one level deep.
fn models<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, PriceList>, D::Error> {
    let models = BTreeMap::<String, PriceList>::deserialize(deserializer)?;
    match models.iter().find(|(_, prices)| !prices.models.is_empty()) {
        Some((name, _)) => Err(de::Error::custom(format_args!(
            "the entry of model {name:?} must not have models of its own"
        ))),
        None => Ok(models),
    }
}
