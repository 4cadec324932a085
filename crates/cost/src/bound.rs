//! Worst cases as values that can be computed with.
//!
//! Owns what becomes of a bound when work is added up, repeated or chosen from. It refuses to bound what it cannot
//! count: a sum beyond the range of [`Usd`] is no bound.

use std::iter::Sum;
use std::ops::{Add, Mul};

use crate::Usd;

/// The most that something may cost.
///
/// Bounds are ordered, [`Unbounded`](Self::Unbounded) above every amount, so that [`Ord::max`] is the worst case of
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
            Self::Unbounded => None,
        }
    }

    fn from_nanos(nanos: i128) -> Self {
        i64::try_from(nanos).map_or(Self::Unbounded, |nanos| Self::AtMost(Usd::from_nanos(nanos)))
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
            _ => Self::Unbounded,
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
            None => Self::Unbounded,
        }
    }
}

/// The bound of all of them, [`Bound::ZERO`] of none.
impl Sum for Bound {
    fn sum<I: Iterator<Item = Self>>(bounds: I) -> Self {
        bounds.fold(Self::ZERO, Add::add)
    }
}
