//! Worst cases as values that can be computed with.
//!
//! Owns what becomes of a bound when work is added up, repeated, chosen from or held to a budget. It refuses to take a
//! sum beyond the range of [`Usd`] for an amount, and to take it for no bound at all.

use std::iter::Sum;
use std::ops::{Add, Mul};

use crate::Usd;

/// The most that something may cost.
///
/// Bounds are ordered, from amounts over [`Uncountable`](Self::Uncountable) to [`Unbounded`](Self::Unbounded), so that [`Ord::max`] is the worst case of
/// a choice. The sum is that of work which is all done, the product with a count that of work which is repeated:
///
/// ```
/// use agentchains_cost::{Bound, Usd};
///
/// let search = Bound::AtMost("0.25".parse()?);
/// let draft = Bound::AtMost("1".parse()?);
/// assert_eq!(search + draft * 3, Bound::AtMost("3.25".parse()?));
/// assert_eq!(search.max(draft), draft);
/// assert_eq!(search + Bound::Unbounded, Bound::Unbounded);
/// # Ok::<(), agentchains_cost::ParseUsdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bound {
    /// It costs no more than this. A negative amount counts as zero in sums and products.
    AtMost(Usd),
    /// It has a bound, which is more than [`Usd::MAX`].
    Uncountable,
    /// Nothing bounds it.
    Unbounded,
}

impl Bound {
    /// The bound of what costs nothing.
    pub const ZERO: Self = Self::AtMost(Usd::ZERO);

    /// The amount, where there is one.
    #[must_use]
    pub const fn amount(self) -> Option<Usd> {
        match self {
            Self::AtMost(amount) => Some(amount),
            Self::Uncountable | Self::Unbounded => None,
        }
    }

    /// The bound where no more than this may be spent. That bounds nothing where nobody knows what a call may cost:
    /// such a call may start while anything is left, and is then charged in full.
    ///
    /// ```
    /// use agentchains_cost::{Bound, Usd};
    ///
    /// let budget: Usd = "10".parse()?;
    /// assert_eq!(Bound::AtMost("25".parse()?).within(budget), Bound::AtMost(budget));
    /// assert_eq!(Bound::Unbounded.within(budget), Bound::Unbounded);
    /// # Ok::<(), agentchains_cost::ParseUsdError>(())
    /// ```
    #[must_use]
    pub fn within(self, budget: Usd) -> Self {
        match self {
            Self::Unbounded => Self::Unbounded,
            bounded => bounded.min(Self::AtMost(budget)),
        }
    }

    fn from_nanos(nanos: i128) -> Self {
        i64::try_from(nanos).map_or(Self::Uncountable, |nanos| Self::AtMost(Usd::from_nanos(nanos)))
    }

    /// The amount in nano-dollars, never negative.
    fn nanos(self) -> Option<i128> {
        self.amount()
            .map(|amount| i128::from(amount.max(Usd::ZERO).nanos()))
    }
}

/// `None`, as in [`PriceList::worst_case`](crate::PriceList::worst_case), is no bound.
impl From<Option<Usd>> for Bound {
    fn from(worst_case: Option<Usd>) -> Self {
        worst_case.map_or(Self::Unbounded, Self::AtMost)
    }
}

/// The bound of both.
impl Add for Bound {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        match (self.nanos(), other.nanos()) {
            (Some(one), Some(other)) => Self::from_nanos(one + other),
            // One of them is no amount, and is more than one that is.
            _ => self.max(other),
        }
    }
}

/// The bound of doing it so many times; what is done zero times costs nothing, bounded or not.
impl Mul<u64> for Bound {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        match self.nanos() {
            _ if times == 0 => Self::ZERO,
            // A product of 63 and 64 bits fits into 127.
            Some(nanos) => Self::from_nanos(nanos * i128::from(times)),
            None => self,
        }
    }
}

/// The bound of all of them, [`Bound::ZERO`] of none.
impl Sum for Bound {
    fn sum<I: Iterator<Item = Self>>(bounds: I) -> Self {
        bounds.fold(Self::ZERO, Add::add)
    }
}
