//! Worst cases, added up, repeated and chosen from.

use agentchains_cost::{Bound, Usd};
use proptest::prelude::*;

use crate::{the_same_each_time, usd};

fn at_most(amount: &str) -> Bound {
    Bound::AtMost(usd(amount))
}

#[test]
fn what_nothing_bounds_stays_so_unless_it_is_never_done() {
    let one = at_most("1");
    assert_eq!(one + Bound::Unbounded, Bound::Unbounded);
    assert_eq!(Bound::Unbounded + one, Bound::Unbounded);
    assert_eq!(one.max(Bound::Unbounded), Bound::Unbounded);
    assert_eq!(
        [2, 0].map(|times| Bound::Unbounded * times),
        [Bound::Unbounded, Bound::ZERO]
    );
    assert_eq!(
        [one, Bound::Unbounded, one].into_iter().sum::<Bound>(),
        Bound::Unbounded
    );
    assert_eq!(Bound::Unbounded.amount(), None);
}

#[test]
fn a_bound_is_a_worst_case_or_none() {
    assert_eq!(Bound::from(Some(usd("0.5"))), at_most("0.5"));
    assert_eq!(Bound::from(None), Bound::Unbounded);
    assert_eq!(at_most("0.5").amount(), Some(usd("0.5")));
    assert_eq!([].into_iter().sum::<Bound>(), Bound::ZERO);
}

#[test]
fn negative_amounts_take_nothing_off() {
    assert_eq!(at_most("-5") + at_most("1"), at_most("1"));
    assert_eq!(at_most("-5") * 3, Bound::ZERO);
}

/// The naive bound: exact, and none where no amount can say it.
fn naive(nanos: i128) -> Bound {
    i64::try_from(nanos).map_or(Bound::Unbounded, |nanos| Bound::AtMost(Usd::from_nanos(nanos)))
}

proptest! {
    #![proptest_config(the_same_each_time(1_000))]

    #[test]
    fn sums_and_products_are_exact_or_unbounded(one in 0..=i64::MAX, other in 0..=i64::MAX, times: u64) {
        let [first, second] = [one, other].map(|nanos| Bound::AtMost(Usd::from_nanos(nanos)));
        prop_assert_eq!(first + second, naive(i128::from(one) + i128::from(other)));
        prop_assert_eq!(first * times, naive(i128::from(one) * i128::from(times)));
        prop_assert_eq!(first.max(second), naive(i128::from(one.max(other))));
    }
}
