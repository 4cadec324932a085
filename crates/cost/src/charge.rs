//! What an attempt is charged.
//!
//! Owns the order of the sources of a cost (section 9 of the workflow language) and what becomes of a cost
//! that cannot be true. It refuses to let a reply lower a charge: an impossible cost is charged at what was
//! reserved for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Lines, PriceList, Usage, Usd};

/// The highest cost of one attempt that is believed: 1,000,000 USD.
pub const MAX_REPORTED_COST: Usd = Usd::from_nanos(1_000_000 * 1_000_000_000);

/// The cost that a reply states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportedCost {
    /// The reply says nothing about its cost.
    #[default]
    Absent,
    /// The reply states this cost. When it is negative or above [`MAX_REPORTED_COST`] it is taken as
    /// [`Invalid`](Self::Invalid).
    Usd(Usd),
    /// The reply states a cost that is not a number, negative, or above [`MAX_REPORTED_COST`].
    Invalid,
}

impl ReportedCost {
    /// A cost that a reply states as a number of dollars, rounded to a nano-dollar.
    ///
    /// ```
    /// use agentchains_cost::ReportedCost;
    ///
    /// assert_eq!(ReportedCost::from_f64(0.1 + 0.2), ReportedCost::Usd("0.3".parse()?));
    /// assert_eq!(ReportedCost::from_f64(-0.5), ReportedCost::Invalid);
    /// assert_eq!(ReportedCost::from_f64(f64::NAN), ReportedCost::Invalid);
    /// # Ok::<(), agentchains_cost::ParseUsdError>(())
    /// ```
    #[must_use]
    pub fn from_f64(usd: f64) -> Self {
        if usd < 0.0 {
            return Self::Invalid;
        }
        Usd::from_f64_rounded(usd).map_or(Self::Invalid, |usd| Self::Usd(usd).checked())
    }

    /// A cost that a reply states as text, rounded to a nano-dollar.
    #[must_use]
    pub fn from_text(usd: &str) -> Self {
        usd.parse().map_or(Self::Invalid, Self::from_f64)
    }

    /// Any cost that is not believed as [`Invalid`](Self::Invalid).
    fn checked(self) -> Self {
        match self {
            Self::Usd(usd) if usd.is_negative() || usd > MAX_REPORTED_COST => Self::Invalid,
            cost => cost,
        }
    }
}

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

    /// The charge in place of a cost that cannot be true.
    fn reservation(reserved: Usd) -> Self {
        let lines = Lines {
            reservation: reserved.max(Usd::ZERO),
            ..Lines::NONE
        };
        Self {
            invalid: true,
            ..Self::of(lines, !lines.reservation.is_zero())
        }
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
    /// A cost in the reply that cannot be true is charged at `reserved`, the amount that was reserved for
    /// this attempt, and so is a usage that comes to more than [`MAX_REPORTED_COST`]. That counts as known unless
    /// nothing was reserved.
    #[must_use]
    pub fn charge(
        &self,
        reported: ReportedCost,
        usage: Option<&Usage>,
        elapsed: Duration,
        reserved: Usd,
    ) -> Charge {
        let prices = self.for_model(usage.and_then(|usage| usage.model.as_deref()));
        let (lines, known) = match reported.checked() {
            ReportedCost::Usd(reported) => {
                let lines = Lines {
                    reported,
                    call: prices.call(),
                    ..Lines::NONE
                };
                (lines, true)
            }
            ReportedCost::Absent => prices.bill(usage, elapsed),
            ReportedCost::Invalid => return Charge::reservation(reserved),
        };
        let charge = Charge::of(lines, known);
        if charge.amount > MAX_REPORTED_COST {
            return Charge::reservation(reserved);
        }
        charge
    }
}
