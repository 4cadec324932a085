//! What an attempt is charged.
//!
//! Owns the order of the sources of a cost (section 9 of the workflow language) and what becomes of a cost
//! that cannot be true. It refuses to let a reply lower a charge: an impossible cost is charged at what was
//! reserved for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{PriceList, Usage, Usd};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The amount, never negative.
    #[serde(rename = "cost_usd")]
    pub amount: Usd,
    /// Whether the amount is what the attempt cost. When it is not, it is as much of the cost as is known.
    #[serde(rename = "cost_known")]
    pub known: bool,
    /// Whether the reply stated a cost that cannot be true.
    #[serde(rename = "cost_invalid")]
    pub invalid: bool,
}

impl Charge {
    /// The charge for what certainly cost nothing: a reused result, an attempt that never reached its agent.
    pub const NONE: Self = Self {
        amount: Usd::ZERO,
        known: true,
        invalid: false,
    };
}

impl PriceList {
    /// What an attempt that reached the agent, or may have, is charged.
    ///
    /// In this order:
    /// 1. a cost in the reply, plus the fixed price per call;
    /// 2. tokens, compute time (`elapsed`, the attempt's duration, when none was reported) and call at their
    ///    prices. The cost is unknown when nothing is priced (then the amount is zero) or when tokens have a
    ///    price but were not reported (then the amount is that of the other lines).
    ///
    /// A cost in the reply that cannot be true is charged at `reserved`, the amount that was reserved for
    /// this attempt. That counts as known unless nothing was reserved.
    #[must_use]
    pub fn charge(
        &self,
        reported: ReportedCost,
        usage: Option<&Usage>,
        elapsed: Duration,
        reserved: Usd,
    ) -> Charge {
        let rates = self.rates_for(usage.and_then(|usage| usage.model.as_deref()));
        match reported.checked() {
            ReportedCost::Usd(usd) => Charge {
                amount: usd.saturating_add(rates.call()),
                known: true,
                invalid: false,
            },
            ReportedCost::Absent => {
                let (amount, known) = rates.bill(usage, elapsed);
                Charge {
                    amount,
                    known,
                    invalid: false,
                }
            }
            ReportedCost::Invalid => {
                let amount = reserved.max(Usd::ZERO);
                Charge {
                    amount,
                    known: !amount.is_zero(),
                    invalid: true,
                }
            }
        }
    }
}
