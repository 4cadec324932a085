//! Percentiles of past values.

use std::time::Duration;

use agentchains_cost::Percentiles;
use proptest::prelude::*;

use crate::{the_same_each_time, usd};

#[test]
fn percentiles_are_by_nearest_rank() {
    for (values, p50, p90) in [
        (vec![7], 7, 7),
        (vec![2, 1], 1, 2),
        (vec![3, 1, 2], 2, 3),
        ((1..=10).collect(), 5, 9),
        ((1..=11).collect(), 6, 10),
        ((1..=100).rev().collect(), 50, 90),
        ((1..=101).collect(), 51, 91),
        (vec![5; 20], 5, 5),
    ] {
        let expected = Percentiles {
            p50,
            p90,
            count: values.len(),
        };
        assert_eq!(Percentiles::of(values.clone()), Some(expected), "{values:?}");
    }
    assert_eq!(Percentiles::<u8>::of([]), None);
}

#[test]
fn amounts_and_durations_have_percentiles() {
    let costs = Percentiles::of(["0.3", "0.1", "0.2"].map(usd)).unwrap();
    assert_eq!((costs.p50, costs.p90), (usd("0.2"), usd("0.3")));
    let times = Percentiles::of([3, 1].map(Duration::from_secs)).unwrap();
    assert_eq!(times.p50, Duration::from_secs(1));
}

proptest! {
    #![proptest_config(the_same_each_time(1_000))]

    #[test]
    fn a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values in prop::collection::vec(0_u8..50, 1..300)) {
        let naive = |percent: usize| {
            let no_higher = |most: u8| values.iter().filter(|value| **value <= most).count();
            let mut sorted = values.clone();
            sorted.sort_unstable();
            sorted.into_iter().find(|value| no_higher(*value) * 100 >= values.len() * percent)
        };
        let found = Percentiles::of(values.iter().copied()).unwrap();
        prop_assert_eq!((Some(found.p50), Some(found.p90)), (naive(50), naive(90)));
    }
}
