//! Random histories of a purse against a naive model: whatever is reserved, charged, given back and raised, in whatever
//! order, no call is refused that fits, none is admitted that does not (I16), what is spent is the sum of the charges
//! (I17) and never falls (I18), and nothing but an overrun leads past the limit (I20).

use agentchains_cost::{Budget, Settlement, Usd};
use proptest::{prelude::*, test_runner::TestCaseError};

use crate::the_same_each_time;

/// What happens to the purse. `pick` chooses one of the reservations in flight.
#[derive(Clone, Copy, Debug)]
enum Action {
    Reserve(i64),
    Settle { pick: usize, charged: i64 },
    Release { pick: usize },
    Raise(i64),
}

/// A history: the limit it begins with, what happens, and whether agents charge no more than was reserved.
#[derive(Clone, Debug)]
struct History {
    limit: i64,
    honest: bool,
    actions: Vec<Action>,
}

/// Amounts of a size that makes reservations meet the limit, in several units.
fn history() -> impl Strategy<Value = History> {
    let unit = prop::sample::select(vec![1_i64, 1_000_000_000, 100_000_000_000_000]);
    let actions = prop::collection::vec(action(), 0..60);
    (unit, 0_i64..1_000, any::<bool>(), actions).prop_map(|(unit, limit, honest, actions)| History {
        limit: limit * unit,
        honest,
        actions: actions
            .into_iter()
            .map(|action| action.in_units_of(unit))
            .collect(),
    })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0_i64..400).prop_map(Action::Reserve),
        4 => (any::<usize>(), 0_i64..400).prop_map(|(pick, charged)| Action::Settle { pick, charged }),
        2 => any::<usize>().prop_map(|pick| Action::Release { pick }),
        1 => (0_i64..2_000).prop_map(Action::Raise),
    ]
}

impl Action {
    fn in_units_of(self, unit: i64) -> Self {
        match self {
            Self::Reserve(amount) => Self::Reserve(amount * unit),
            Self::Settle { pick, charged } => Self::Settle {
                pick,
                charged: charged * unit,
            },
            Self::Release { pick } => Self::Release { pick },
            Self::Raise(limit) => Self::Raise(limit * unit),
        }
    }
}

/// The purse as plain sums, beside the purse itself.
struct Model {
    purse: Budget,
    limit: i128,
    charged: Vec<i128>,
    open: Vec<i64>,
    overruns: i128,
}

impl Model {
    fn new(limit: i64) -> Self {
        Self {
            purse: Budget::new(Some(Usd::from_nanos(limit))),
            limit: i128::from(limit),
            charged: Vec::new(),
            open: Vec::new(),
            overruns: 0,
        }
    }

    fn spent(&self) -> i128 {
        self.charged.iter().sum()
    }

    fn reserved(&self) -> i128 {
        self.open.iter().copied().map(i128::from).sum()
    }

    fn act(&mut self, action: Action, honest: bool) -> Result<(), TestCaseError> {
        match action {
            Action::Reserve(amount) => self.reserve(amount),
            Action::Settle { pick, charged } => match self.take(pick) {
                Some(reserved) if honest => self.settle(reserved, charged.min(reserved)),
                Some(reserved) => self.settle(reserved, charged),
                None => Ok(()),
            },
            Action::Release { pick } => {
                if let Some(reserved) = self.take(pick) {
                    self.purse.release(Usd::from_nanos(reserved));
                }
                Ok(())
            }
            Action::Raise(limit) => {
                let raised = self.purse.raise(Usd::from_nanos(limit)).is_ok();
                prop_assert_eq!(raised, i128::from(limit) > self.limit);
                self.limit = self.limit.max(i128::from(limit));
                Ok(())
            }
        }
    }

    fn take(&mut self, pick: usize) -> Option<i64> {
        let at = pick.checked_rem(self.open.len())?;
        Some(self.open.swap_remove(at))
    }

    fn reserve(&mut self, amount: i64) -> Result<(), TestCaseError> {
        let fits = self.spent() + self.reserved() + i128::from(amount) <= self.limit;
        let worst_case = Usd::from_nanos(amount);
        prop_assert_eq!(self.purse.may_start(Some(worst_case)), fits);
        prop_assert_eq!(self.purse.reserve(worst_case).is_ok(), fits);
        self.open.extend(fits.then_some(amount));
        Ok(())
    }

    fn settle(&mut self, reserved: i64, charged: i64) -> Result<(), TestCaseError> {
        let before = self.spent();
        let settlement = self
            .purse
            .settle(Usd::from_nanos(reserved), Usd::from_nanos(charged));
        self.charged.push(i128::from(charged));
        let overrun = (charged > reserved).then(|| charged - reserved);
        self.overruns += i128::from(overrun.unwrap_or(0));
        let reaches = |spent: i128, percent: u8| spent * 100 >= self.limit * i128::from(percent);
        let crossed = |percent: &u8| !reaches(before, *percent) && reaches(self.spent(), *percent);
        let expected = Settlement {
            overrun: overrun.map(Usd::from_nanos),
            crossed: [50, 80, 100].into_iter().filter(crossed).collect(),
        };
        prop_assert_eq!(settlement, expected);
        Ok(())
    }

    /// What holds between any two actions.
    fn check(&self) -> Result<(), TestCaseError> {
        let (spent, reserved) = (self.spent(), self.reserved());
        prop_assert_eq!(i128::from(self.purse.spent().nanos()), spent);
        prop_assert_eq!(i128::from(self.purse.reserved().nanos()), reserved);
        let remaining = (self.limit - spent - reserved).max(0);
        let left = self.purse.remaining().map(Usd::nanos).map(i128::from);
        prop_assert_eq!(left, Some(remaining));
        prop_assert_eq!(self.purse.exhausted(), spent >= self.limit);
        prop_assert_eq!(self.purse.may_start(None), remaining > 0);
        prop_assert!(spent + reserved <= self.limit + self.overruns);
        Ok(())
    }
}

proptest! {
    #![proptest_config(the_same_each_time(10_000))]

    #[test]
    fn the_purse_is_the_sum_of_its_charges_and_open_reservations_in_every_history(history in history()) {
        let mut model = Model::new(history.limit);
        for action in history.actions {
            let before = model.purse.spent();
            model.act(action, history.honest)?;
            model.check()?;
            prop_assert!(model.purse.spent() >= before);
        }
        while let Some(reserved) = model.take(0) {
            model.settle(reserved, reserved)?;
        }
        model.check()?;
        prop_assert_eq!(model.purse.reserved(), Usd::ZERO);
        prop_assert!(!history.honest || model.overruns == 0);
    }
}
