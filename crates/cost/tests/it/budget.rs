//! The purse, against its rule and a naive model.

use agentchains_cost::{Budget, DoesNotFit, NotRaised, Usd};
use proptest::prelude::*;

use crate::usd;

fn budget(limit: &str, spent: &str, reserved: &str) -> Budget {
    Budget::restore(Some(usd(limit)), usd(spent), usd(reserved))
}

#[test]
fn a_reservation_fits_up_to_the_limit_and_not_beyond() {
    let mut purse = budget("1", "0.25", "0.25");
    assert!(purse.fits(usd("0.5")));
    let refused = purse.reserve(usd("0.500000001")).unwrap_err();
    let expected = DoesNotFit {
        needed: usd("0.500000001"),
        remaining: usd("0.5"),
        reserved: usd("0.25"),
    };
    assert_eq!(refused, expected);
    assert_eq!(purse, budget("1", "0.25", "0.25"));
    purse.reserve(usd("0.5")).unwrap();
    assert_eq!(purse.remaining(), Some(Usd::ZERO));
}

#[test]
fn without_a_limit_everything_fits_and_is_counted() {
    let mut purse = Budget::new(None);
    purse.reserve(Usd::MAX).unwrap();
    purse.reserve(usd("1")).unwrap();
    assert_eq!(
        (purse.remaining(), purse.exhausted(), purse.may_start(None)),
        (None, false, true)
    );
    let settlement = purse.settle(Usd::MAX, usd("2"));
    assert_eq!((settlement.overrun, settlement.crossed), (None, vec![]));
    assert_eq!((purse.spent(), purse.reserved()), (usd("2"), Usd::ZERO));
}

#[test]
fn a_call_that_may_cost_something_does_not_start_when_nothing_is_left() {
    for (purse, worst_case, may_start) in [
        (budget("1", "0.9", "0"), None, true),
        (budget("1", "0.9", "0.1"), None, false),
        (budget("1", "1", "0"), None, false),
        (budget("1", "1", "0"), Some("0.000000001"), false),
        (budget("1", "1", "0"), Some("0"), true),
        (budget("1", "1.1", "0"), Some("0"), false),
        (budget("0", "0", "0"), None, false),
        (budget("0", "0", "0"), Some("0"), true),
    ] {
        assert_eq!(
            purse.may_start(worst_case.map(usd)),
            may_start,
            "{purse:?} {worst_case:?}"
        );
    }
}

#[test]
fn a_charge_replaces_its_reservation_and_an_excess_is_an_overrun() {
    let mut purse = budget("1", "0", "0.6");
    let settlement = purse.settle(usd("0.6"), usd("0.4"));
    assert_eq!(settlement.overrun, None);
    assert_eq!((purse.spent(), purse.reserved()), (usd("0.4"), Usd::ZERO));

    purse.reserve(usd("0.5")).unwrap();
    let settlement = purse.settle(usd("0.5"), usd("0.75"));
    assert_eq!(settlement.overrun, Some(usd("0.25")));
    assert_eq!((purse.spent(), purse.remaining()), (usd("1.15"), Some(Usd::ZERO)));
    assert!(purse.exhausted());
}

#[test]
fn each_threshold_is_crossed_once() {
    let mut purse = Budget::new(Some(usd("1")));
    let mut charge = |amount: &str| purse.settle(Usd::ZERO, usd(amount)).crossed;
    for (amount, crossed) in [
        ("0.499999999", vec![]),
        ("0.000000001", vec![50]),
        ("0.4", vec![80]),
        ("0.1", vec![100]),
        ("1", vec![]),
    ] {
        assert_eq!(charge(amount), crossed, "{amount}");
    }
    assert_eq!(
        Budget::new(Some(usd("1"))).settle(Usd::ZERO, usd("5")).crossed,
        [50, 80, 100]
    );
    assert_eq!(
        Budget::new(Some(Usd::ZERO)).settle(Usd::ZERO, usd("5")).crossed,
        [0_u8; 0]
    );
}

#[test]
fn a_released_reservation_costs_nothing() {
    let mut purse = budget("1", "0.25", "0.5");
    purse.release(usd("0.5"));
    assert_eq!(purse, budget("1", "0.25", "0"));
    purse.release(usd("0.5"));
    assert_eq!(purse.reserved(), Usd::ZERO);
}

#[test]
fn a_limit_is_only_ever_raised() {
    let mut purse = budget("1", "1", "0");
    assert_eq!(purse.raise(usd("1")), Err(NotRaised::NotHigher(usd("1"))));
    assert_eq!(Budget::new(None).raise(usd("1")), Err(NotRaised::Unlimited));
    purse.raise(usd("2")).unwrap();
    assert_eq!((purse.limit(), purse.exhausted()), (Some(usd("2")), false));
    assert_eq!(purse.settle(Usd::ZERO, usd("1")).crossed, [80, 100]);
}

#[test]
fn negative_amounts_give_nothing_back() {
    let mut purse = budget("1", "0.5", "0.25");
    purse.reserve(usd("-5")).unwrap();
    purse.release(usd("-5"));
    purse.settle(usd("-5"), usd("-5"));
    assert_eq!(purse, budget("1", "0.5", "0.25"));
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Reserve(i64),
    Settle { pick: usize, charged: i64 },
    Release { pick: usize },
}

fn action(amounts: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = Action> {
    prop_oneof![
        amounts.clone().prop_map(Action::Reserve),
        (any::<usize>(), amounts).prop_map(|(pick, charged)| Action::Settle { pick, charged }),
        any::<usize>().prop_map(|pick| Action::Release { pick }),
    ]
}

/// The purse as plain sums: the charges made and the reservations in flight.
#[derive(Default)]
struct Model {
    charged: Vec<i128>,
    open: Vec<i64>,
}

impl Model {
    fn spent(&self) -> i128 {
        self.charged.iter().sum()
    }

    fn reserved(&self) -> i128 {
        self.open.iter().copied().map(i128::from).sum()
    }
}

proptest! {
    #[test]
    fn the_purse_is_the_sum_of_its_charges_and_open_reservations(
        limit in 0_i64..1000, actions in prop::collection::vec(action(0_i64..400), 0..60),
    ) {
        let (mut purse, mut model) = (Budget::new(Some(Usd::from_nanos(limit))), Model::default());
        for action in actions {
            let spent_before = model.spent();
            match action {
                Action::Reserve(amount) => {
                    let fits = model.spent() + model.reserved() + i128::from(amount) <= i128::from(limit);
                    prop_assert_eq!(purse.reserve(Usd::from_nanos(amount)).is_ok(), fits);
                    model.open.extend(fits.then_some(amount));
                }
                Action::Settle { pick, charged } if !model.open.is_empty() => {
                    let reserved = model.open.swap_remove(pick % model.open.len());
                    model.charged.push(i128::from(charged));
                    let settlement = purse.settle(Usd::from_nanos(reserved), Usd::from_nanos(charged));
                    let overrun = (charged > reserved).then(|| Usd::from_nanos(charged - reserved));
                    prop_assert_eq!(settlement.overrun, overrun);
                    let reaches = |spent: i128, percent: u8| {
                        spent * 100 >= i128::from(limit) * i128::from(percent)
                    };
                    let crossed = [50, 80, 100].into_iter();
                    let crossed = crossed.filter(|at| !reaches(spent_before, *at) && reaches(model.spent(), *at));
                    prop_assert_eq!(settlement.crossed, crossed.collect::<Vec<_>>());
                }
                Action::Release { pick } if !model.open.is_empty() => {
                    let reserved = model.open.swap_remove(pick % model.open.len());
                    purse.release(Usd::from_nanos(reserved));
                }
                Action::Settle { .. } | Action::Release { .. } => {}
            }
            prop_assert_eq!(i128::from(purse.spent().nanos()), model.spent());
            prop_assert_eq!(i128::from(purse.reserved().nanos()), model.reserved());
            let remaining = (i128::from(limit) - model.spent() - model.reserved()).max(0);
            prop_assert_eq!(purse.remaining().map(|left| i128::from(left.nanos())), Some(remaining));
            prop_assert_eq!(purse.exhausted(), model.spent() >= i128::from(limit));
        }
    }

    #[test]
    fn extreme_amounts_never_make_room(
        limit in any::<i64>(), actions in prop::collection::vec(action(any::<i64>()), 0..20),
    ) {
        let mut purse = Budget::new(Some(Usd::from_nanos(limit)));
        for action in actions {
            let (spent, fits_before) = (purse.spent(), purse.fits(Usd::from_nanos(1)));
            match action {
                Action::Reserve(amount) => {
                    let reserved = purse.reserve(Usd::from_nanos(amount)).is_ok();
                    prop_assert!(fits_before || !reserved || amount <= 0);
                }
                Action::Settle { pick: _, charged } => {
                    purse.settle(purse.reserved(), Usd::from_nanos(charged));
                }
                Action::Release { .. } => purse.release(Usd::MAX),
            }
            prop_assert!(purse.spent() >= spent);
            prop_assert!(!purse.reserved().is_negative());
        }
    }
}
