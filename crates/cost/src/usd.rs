//! `Usd`: an exact amount of money.
//!
//! Owns the arithmetic and the text of amounts. It refuses binary fractions as a way to compute: every
//! operation works on whole nano-dollars and says what happens at the ends of the range.

mod parse;
mod wire;

pub use parse::ParseUsdError;

use std::fmt;
use std::iter::Sum;

/// Nano-dollars in one dollar.
pub(crate) const NANOS_PER_USD: i64 = 1_000_000_000;

/// An amount of US dollars, exact to 1e-9 USD.
///
/// The range is that of an `i64` of nano-dollars, about ±9.2 billion USD. There are no arithmetic operators:
/// a caller chooses between the `checked_` and the `saturating_` form, so that no sum wraps round silently.
///
/// As text an amount is a plain decimal without trailing zeros, see [`Display`](fmt::Display). In JSON it is
/// a number; every amount below 2²³ = 8,388,608 USD survives the way there and back unchanged, larger ones
/// that are not whole dollars are rounded to the nearest `f64`.
///
/// ```
/// use agentchains_cost::Usd;
///
/// let price: Usd = "0.0015".parse()?;
/// assert_eq!(price.nanos(), 1_500_000);
/// assert_eq!(price.saturating_add("1e-3".parse()?).to_string(), "0.0025");
/// # Ok::<(), agentchains_cost::ParseUsdError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i64);

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The largest amount, 9,223,372,036.854775807 USD.
    pub const MAX: Self = Self(i64::MAX);

    /// The smallest amount, -9,223,372,036.854775808 USD.
    pub const MIN: Self = Self(i64::MIN);

    /// An amount given in nano-dollars (1e-9 USD).
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-dollars (1e-9 USD).
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// `nanos` as an amount, or the end of the range that it lies beyond.
    pub(crate) fn from_nanos_clamped(nanos: i128) -> Self {
        let outside = if nanos < 0 { Self::MIN } else { Self::MAX };
        i64::try_from(nanos).map_or(outside, Self)
    }

    /// The nearest amount to `usd`.
    ///
    /// `None` for NaN, for infinities and beyond the range. Meant for amounts that others computed in binary
    /// floating point, such as `0.1 + 0.2`; what a person wrote is parsed exactly instead.
    pub(crate) fn from_f64_rounded(usd: f64) -> Option<Self> {
        format!("{usd:.9}").parse().ok()
    }

    /// The sum, or `None` when it lies outside the range.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The difference, or `None` when it lies outside the range.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The sum, or the end of the range that it lies beyond.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or the end of the range that it lies beyond.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Whether the amount is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether the amount is exactly zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// A plain decimal in dollars: no exponent, no currency sign, no trailing zeros (`1`, `1.5`, `-0.003`).
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = NANOS_PER_USD.unsigned_abs();
        let (whole, nanos) = (self.0.unsigned_abs() / unit, self.0.unsigned_abs() % unit);
        let mut digits = whole.to_string();
        if nanos != 0 {
            digits.push('.');
            digits.push_str(format!("{nanos:09}").trim_end_matches('0'));
        }
        f.pad_integral(!self.is_negative(), "", &digits)
    }
}

/// Adds exactly, whatever the order, and gives the end of the range when the total lies beyond it.
impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self::from_nanos_clamped(amounts.map(|amount| i128::from(amount.0)).sum())
    }
}

/// As for owned amounts.
impl<'a> Sum<&'a Self> for Usd {
    fn sum<I: Iterator<Item = &'a Self>>(amounts: I) -> Self {
        amounts.copied().sum()
    }
}
