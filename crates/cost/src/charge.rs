//! What an attempt is charged.
//!
//! Owns the order of the sources of a cost (section 9 of the workflow language) and what becomes of a cost
//! that cannot be true. It refuses to let a reply lower a charge: an impossible cost is charged at what was
//! reserved for it, and at no less than what is believed of the usage beside it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Lines, MAX_REPORTED_COST, PriceList, ReportedCost, Usage, Usd};

/// What one attempt is charged, in the names of the HTTP API.
///
/// ```
/// use std::time::Duration;
///
/// use agentchains_cost::{PriceList, ReportedCost, Usage, Usd};
///
/// let prices: PriceList = serde_json::from_str(r#"{"per_call": 0.01, "per_1k_input_tokens": 0.003}"#)?;
/// let usage = Usage { input_tokens: Some(2_000), ..Usage::default() };
/// let charge = prices
///     .charge(ReportedCost::Absent, Some(&usage), Duration::from_secs(2), Usd::ZERO)
///     .with_price_version(7);
/// assert_eq!(
///     serde_json::to_value(charge)?,
///     serde_json::json!({
///         "cost_usd": 0.016, "cost_known": true, "cost_invalid": false,
///         "lines": {"call": 0.01, "input": 0.006}, "price_version": 7,
///     }),
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The amount, never negative: the exact sum of `lines`.
    #[serde(rename = "cost_usd")]
    pub amount: Usd,
    /// Whether the amount is what the attempt cost. When it is not, it is as much of the cost as is known.
    #[serde(rename = "cost_known")]
    pub known: bool,
    /// Whether the reply stated a cost, or a usage, that cannot be true.
    #[serde(rename = "cost_invalid")]
    pub invalid: bool,
    /// What the amount is made of.
    #[serde(default)]
    pub lines: Lines,
    /// Which version of the price list it was made with. The keeper of the list counts the versions; a registry of
    /// agents takes the revision of the agent. Absent where prices are not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_version: Option<u32>,
}

impl Charge {
    /// The charge for what certainly cost nothing: a reused result, an attempt that never reached its agent.
    pub const NONE: Self = Self {
        amount: Usd::ZERO,
        known: true,
        invalid: false,
        lines: Lines::NONE,
        price_version: None,
    };

    /// The same charge, with the version of the price list that it was made with.
    #[must_use]
    pub const fn with_price_version(self, version: u32) -> Self {
        Self {
            price_version: Some(version),
            ..self
        }
    }

    /// The charge in place of what cannot be true.
    fn reservation(reserved: Usd) -> Self {
        let lines = Lines {
            reservation: reserved.max(Usd::ZERO),
            ..Lines::NONE
        };
        Self::of(lines, !lines.reservation.is_zero())
    }

    fn of(lines: Lines, known: bool) -> Self {
        Self {
            amount: lines.total(),
            known,
            lines,
            ..Self::NONE
        }
    }
}

impl PriceList {
    /// What an attempt that reached the agent, or may have, is charged.
    ///
    /// In this order:
    /// 1. a cost in the reply, plus the fixed price per call;
    /// 2. tokens, compute time (`elapsed`, the attempt's duration, when none was reported) and call at their
    ///    prices. The cost is unknown when nothing is priced (then the amount is zero), or when tokens have a
    ///    price and were not all reported (then the amount is that of what was).
    ///
    /// A cost in the reply that cannot be true is charged at `reserved`, the amount that was reserved for this attempt,
    /// or by 2 where that comes to more. The same holds for a usage that cannot be true ([`Usage::cost_invalid`]) where
    /// no cost is stated and tokens have a price. Whatever comes to more than [`MAX_REPORTED_COST`] is charged at
    /// `reserved`. A reservation counts as known unless it is zero.
    #[must_use]
    pub fn charge(
        &self,
        reported: ReportedCost,
        usage: Option<&Usage>,
        elapsed: Duration,
        reserved: Usd,
    ) -> Charge {
        let prices = self.for_model(usage.and_then(|usage| usage.model.as_deref()));
        let usage_invalid = usage.is_some_and(|usage| usage.cost_invalid);
        let reported = reported.checked();
        let charge = if let ReportedCost::Usd(reported) = reported {
            let call = prices.call();
            let lines = Lines {
                reported,
                call,
                ..Lines::NONE
            };
            Charge::of(lines, true)
        } else {
            let (lines, complete) = prices.bill(usage, elapsed);
            Charge::of(lines, complete)
        };
        let unbelieved = match reported {
            ReportedCost::Usd(_) => false,
            ReportedCost::Absent => usage_invalid && prices.prices_tokens(),
            ReportedCost::Invalid => true,
        };
        let absurd = charge.amount > MAX_REPORTED_COST;
        let reservation = Charge::reservation(reserved);
        let replaced = absurd || (unbelieved && reservation.amount >= charge.amount);
        Charge {
            invalid: usage_invalid || unbelieved || absurd,
            ..if replaced { reservation } else { charge }
        }
    }
}
