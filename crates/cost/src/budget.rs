//! The purse: what may be spent, what was, and what is set aside for calls in flight.
//!
//! Owns the rule `spent + reserved + new ≤ limit` and what happens when a reservation is replaced by a
//! charge. It refuses to spend less than before: amounts below zero count as zero everywhere here.

use crate::Usd;

/// The percentages of the limit whose crossing is told.
const THRESHOLDS: [u8; 3] = [50, 80, 100];

/// A budget as a value.
///
/// Without a limit everything fits, and what is spent and reserved is counted all the same. Amounts saturate
/// at [`Usd::MAX`]; sums are compared exactly, so that saturation never makes room.
///
/// ```
/// use agentchains_cost::{Budget, Usd};
///
/// let mut budget = Budget::new(Some("1".parse()?));
/// budget.reserve("0.6".parse()?)?;
/// assert!(budget.reserve("0.6".parse()?).is_err());
///
/// let settlement = budget.settle("0.6".parse()?, "0.5".parse()?);
/// assert_eq!(settlement.crossed, [50]);
/// assert_eq!(budget.remaining(), Some("0.5".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    limit: Option<Usd>,
    spent: Usd,
    reserved: Usd,
}

/// A reservation that the budget has no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{needed} USD does not fit, {remaining} USD remain and {reserved} USD are reserved")]
pub struct DoesNotFit {
    /// What was asked for.
    pub needed: Usd,
    /// What is neither spent nor reserved.
    pub remaining: Usd,
    /// What is reserved for calls in flight; zero means that waiting will not help.
    pub reserved: Usd,
}

/// A limit that is not higher than the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRaised {
    /// The limit stands at this amount or more.
    #[error("the limit is {0} USD already")]
    NotHigher(Usd),
    /// There is no limit to raise.
    #[error("the budget has no limit")]
    Unlimited,
}

/// What came of replacing a reservation by a charge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// By how much the charge was more than its reservation, if it was. That includes every charge for a call
    /// that reserved nothing because its cost was not known beforehand.
    pub overrun: Option<Usd>,
    /// The percentages of the limit, of 50, 80 and 100, that the amount spent reached by this charge.
    pub crossed: Vec<u8>,
}

impl Budget {
    /// A budget of which nothing is spent.
    #[must_use]
    pub fn new(limit: Option<Usd>) -> Self {
        Self::restore(limit, Usd::ZERO, Usd::ZERO)
    }

    /// A budget as it was recorded.
    #[must_use]
    pub fn restore(limit: Option<Usd>, spent: Usd, reserved: Usd) -> Self {
        Self {
            limit,
            spent: spent.max(Usd::ZERO),
            reserved: reserved.max(Usd::ZERO),
        }
    }

    /// The most that may be spent, if there is such a limit.
    #[must_use]
    pub fn limit(&self) -> Option<Usd> {
        self.limit
    }

    /// What was charged so far.
    #[must_use]
    pub fn spent(&self) -> Usd {
        self.spent
    }

    /// What is set aside for calls in flight.
    #[must_use]
    pub fn reserved(&self) -> Usd {
        self.reserved
    }

    /// What is neither spent nor reserved, zero when the limit is passed; `None` without a limit.
    #[must_use]
    pub fn remaining(&self) -> Option<Usd> {
        let limit = self.limit?;
        Some(
            limit
                .saturating_sub(self.spent)
                .saturating_sub(self.reserved)
                .max(Usd::ZERO),
        )
    }

    /// Whether as much as the limit is spent, or more.
    #[must_use]
    pub fn exhausted(&self) -> bool {
        self.limit.is_some_and(|limit| self.spent >= limit)
    }

    /// Whether `amount` can be reserved.
    #[must_use]
    pub fn fits(&self, amount: Usd) -> bool {
        let total = [self.spent, self.reserved, amount.max(Usd::ZERO)];
        let total: i128 = total.into_iter().map(|part| i128::from(part.nanos())).sum();
        self.limit.is_none_or(|limit| total <= i128::from(limit.nanos()))
    }

    /// Whether a call with this worst case may start; `None` is a call of which no bound is known.
    ///
    /// A call that may cost something does not start when nothing is left, and no call at all starts once
    /// the limit is passed.
    #[must_use]
    pub fn may_start(&self, worst_case: Option<Usd>) -> bool {
        match worst_case {
            Some(amount) => self.fits(amount),
            None => self.remaining().is_none_or(|remaining| !remaining.is_zero()),
        }
    }

    /// Sets `amount` aside for a call that starts.
    ///
    /// # Errors
    /// [`DoesNotFit`] when what is spent and reserved would exceed the limit; nothing is changed then.
    pub fn reserve(&mut self, amount: Usd) -> Result<(), DoesNotFit> {
        if let Some(remaining) = self.remaining()
            && !self.fits(amount)
        {
            return Err(DoesNotFit {
                needed: amount,
                remaining,
                reserved: self.reserved,
            });
        }
        self.reserved = self.reserved.saturating_add(amount.max(Usd::ZERO));
        Ok(())
    }

    /// Replaces the reservation of a call by what it is charged, which is spent in full even where that
    /// passes the limit.
    pub fn settle(&mut self, reserved: Usd, charged: Usd) -> Settlement {
        let (reserved, charged) = (reserved.max(Usd::ZERO), charged.max(Usd::ZERO));
        let before = self.spent;
        self.release(reserved);
        self.spent = self.spent.saturating_add(charged);
        let crossed = |percent: &u8| !self.reaches(before, *percent) && self.reaches(self.spent, *percent);
        Settlement {
            overrun: (charged > reserved).then(|| charged.saturating_sub(reserved)),
            crossed: THRESHOLDS.into_iter().filter(crossed).collect(),
        }
    }

    /// Gives back the reservation of a call that is charged nothing.
    pub fn release(&mut self, reserved: Usd) {
        self.reserved = self
            .reserved
            .saturating_sub(reserved.max(Usd::ZERO))
            .max(Usd::ZERO);
    }

    /// Sets a higher limit. Thresholds are of the limit that holds, so they can be crossed again.
    ///
    /// # Errors
    /// [`NotRaised`] when there is no limit, or none below `limit`; nothing is changed then.
    pub fn raise(&mut self, limit: Usd) -> Result<(), NotRaised> {
        match self.limit {
            None => Err(NotRaised::Unlimited),
            Some(present) if limit <= present => Err(NotRaised::NotHigher(present)),
            Some(_) => {
                self.limit = Some(limit);
                Ok(())
            }
        }
    }

    /// Whether `spent` is at least that percentage of the limit; never without a limit.
    fn reaches(&self, spent: Usd, percent: u8) -> bool {
        let reached =
            |limit: Usd| i128::from(spent.nanos()) * 100 >= i128::from(limit.nanos()) * i128::from(percent);
        self.limit.is_some_and(reached)
    }
}
