//! What is to be expected, from what was seen.
//!
//! Owns the rule by which a percentile is picked. It refuses to interpolate: what it gives is a value that occurred.

/// The middle and the upper end of some past values, such as the costs or the durations of executions.
///
/// Percentiles are by nearest rank: the smallest of the values that is no lower than that share of them.
///
/// ```
/// use agentchains_cost::{Percentiles, Usd};
///
/// let costs = [4, 1, 3, 2].map(Usd::from_nanos);
/// let expected = Percentiles { p50: Usd::from_nanos(2), p90: Usd::from_nanos(4), count: 4 };
/// assert_eq!(Percentiles::of(costs), Some(expected));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles<T> {
    /// At least half of the values are no higher.
    pub p50: T,
    /// At least nine in ten values are no higher.
    pub p90: T,
    /// How many values there were.
    pub count: usize,
}

impl<T: Ord + Copy> Percentiles<T> {
    /// The percentiles of these values, in any order; `None` of no values.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut values: Vec<T> = values.into_iter().collect();
        values.sort_unstable();
        Some(Self {
            p50: nearest_rank(&values, 50)?,
            p90: nearest_rank(&values, 90)?,
            count: values.len(),
        })
    }
}

/// The value whose rank, counted from 1, is the least that is not below `percent` of all.
fn nearest_rank<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    // Divided before it is multiplied, so that no length overflows.
    let (hundreds, rest) = (sorted.len() / 100, sorted.len() % 100);
    let rank = hundreds * percent + (rest * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}
