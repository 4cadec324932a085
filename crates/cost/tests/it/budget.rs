//! The purse, against its rule.

use agentchains_cost::{Budget, DoesNotFit, NotRaised, Usd};
use proptest::prelude::*;

use crate::{the_same_each_time, usd};

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
    Settle(i64),
    Release,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        any::<i64>().prop_map(Action::Reserve),
        any::<i64>().prop_map(Action::Settle),
        Just(Action::Release),
    ]
}

proptest! {
    #![proptest_config(the_same_each_time(1_000))]

    #[test]
    fn extreme_amounts_never_make_room(
        limit in any::<i64>(), actions in prop::collection::vec(action(), 0..20),
    ) {
        let mut purse = Budget::new(Some(Usd::from_nanos(limit)));
        for action in actions {
            let (spent, fits_before) = (purse.spent(), purse.fits(Usd::from_nanos(1)));
            match action {
                Action::Reserve(amount) => {
                    let reserved = purse.reserve(Usd::from_nanos(amount)).is_ok();
                    prop_assert!(fits_before || !reserved || amount <= 0);
                }
                Action::Settle(charged) => {
                    purse.settle(purse.reserved(), Usd::from_nanos(charged));
                }
                Action::Release => purse.release(Usd::MAX),
            }
            prop_assert!(purse.spent() >= spent);
            prop_assert!(!purse.reserved().is_negative());
        }
    }
}
