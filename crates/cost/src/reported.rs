//! What a reply states that it cost.
//!
//! Owns which statements are believed. It refuses to take a misspelt cost for none, so that an agent cannot hide what it
//! charges.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::Usd;

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
    pub(crate) fn checked(self) -> Self {
        match self {
            Self::Usd(usd) if usd.is_negative() || usd > MAX_REPORTED_COST => Self::Invalid,
            cost => cost,
        }
    }
}

/// Whatever a reply has where a cost is expected: a number, or one as text; `null` is no statement, and anything else is
/// [`Invalid`](ReportedCost::Invalid).
impl<'de> Deserialize<'de> for ReportedCost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReportedCostVisitor)
    }
}

struct ReportedCostVisitor;

impl<'de> Visitor<'de> for ReportedCostVisitor {
    type Value = ReportedCost;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cost in USD")
    }

    fn visit_unit<E: de::Error>(self) -> Result<ReportedCost, E> {
        Ok(ReportedCost::Absent)
    }

    fn visit_i64<E: de::Error>(self, usd: i64) -> Result<ReportedCost, E> {
        self.visit_str(&usd.to_string())
    }

    fn visit_u64<E: de::Error>(self, usd: u64) -> Result<ReportedCost, E> {
        self.visit_str(&usd.to_string())
    }

    fn visit_f64<E: de::Error>(self, usd: f64) -> Result<ReportedCost, E> {
        Ok(ReportedCost::from_f64(usd))
    }

    fn visit_str<E: de::Error>(self, usd: &str) -> Result<ReportedCost, E> {
        Ok(ReportedCost::from_text(usd))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<ReportedCost, E> {
        Ok(ReportedCost::Invalid)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ReportedCost, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(ReportedCost::Invalid)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<ReportedCost, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(ReportedCost::Invalid)
    }
}
