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

#[test]
fn what_no_amount_can_say_is_more_than_any_and_less_than_what_nothing_bounds() {
    let most = Bound::AtMost(Usd::MAX);
    let beyond = most + at_most("0.000000001");
    assert_eq!((beyond, beyond.amount()), (Bound::Uncountable, None));
    assert!(most < beyond && beyond < Bound::Unbounded);
    assert_eq!([beyond + most, most + beyond, most * 2], [beyond; 3]);
    assert_eq!(
        [beyond + Bound::Unbounded, Bound::Unbounded + beyond],
        [Bound::Unbounded; 2]
    );
    assert_eq!([3, 0].map(|times| beyond * times), [beyond, Bound::ZERO]);
}

#[test]
fn a_budget_bounds_what_has_a_bound() {
    for (bound, expected) in [
        (at_most("2"), at_most("1")),
        (at_most("0.5"), at_most("0.5")),
        (Bound::Uncountable, at_most("1")),
        (Bound::Unbounded, Bound::Unbounded),
    ] {
        assert_eq!(bound.within(usd("1")), expected, "{bound:?}");
    }
}

/// The naive bound: exact, where an amount can say it.
fn naive(nanos: i128) -> Bound {
    i64::try_from(nanos).map_or(Bound::Uncountable, |nanos| Bound::AtMost(Usd::from_nanos(nanos)))
}

proptest! {
    #![proptest_config(the_same_each_time(1_000))]

    #[test]
    fn sums_and_products_are_exact_or_uncountable(one in 0..=i64::MAX, other in 0..=i64::MAX, times: u64) {
        let [first, second] = [one, other].map(|nanos| Bound::AtMost(Usd::from_nanos(nanos)));
        prop_assert_eq!(first + second, naive(i128::from(one) + i128::from(other)));
        prop_assert_eq!(first * times, naive(i128::from(one) * i128::from(times)));
        prop_assert_eq!(first.max(second), naive(i128::from(one.max(other))));
    }
}
