//! Purses: budgets as they are kept, because several executions draw from one at the same time.
//!
//! An execution with a budget has a purse, from which it and the executions below it draw; a tenant with a cap has one
//! for each day or month. A reservation is taken from every purse on the way up in the commit that records its attempt.

use std::{collections::BTreeMap, fmt};

use agentchains_cost::{Budget, Usd};
use agentchains_machine::ExecutionId;
use jiff::{ToSpan as _, civil::Date};

use crate::CommitError;

/// Names a purse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PurseId(String);

impl PurseId {
    /// That of an execution with a budget.
    #[must_use]
    pub fn of_execution(id: ExecutionId) -> Self {
        Self(id.to_string())
    }

    /// That of a tenant for a day.
    #[must_use]
    pub fn of_day(tenant: &str, day: Date) -> Self {
        Self(format!("{tenant}/{day}"))
    }

    /// That of a tenant for the month of a day.
    #[must_use]
    pub fn of_month(tenant: &str, day: Date) -> Self {
        Self(format!("{tenant}/{}", day.strftime("%Y-%m")))
    }

    /// The name in the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is drawn from it any more once there is the purse `latest`: both are of one tenant and of days,
    /// or of months, and there is a day, or a month, between them. A purse of the period just before is still settled
    /// by calls that began in it.
    ///
    /// ```
    /// use agentchains_ports::PurseId;
    /// use jiff::civil::date;
    ///
    /// let of_day = |day| PurseId::of_day("acme", date(2026, 12, day));
    /// assert!(of_day(1).is_outdated_by(&of_day(3)));
    /// assert!(!of_day(2).is_outdated_by(&of_day(3)));
    /// assert!(!PurseId::of_month("acme", date(2026, 1, 1)).is_outdated_by(&of_day(3)));
    /// ```
    #[must_use]
    pub fn is_outdated_by(&self, latest: &Self) -> bool {
        let (Some((tenant, period)), Some((of, last))) = (self.period(), latest.period()) else {
            return false;
        };
        tenant == of && last.previous().is_some_and(|previous| period.is_before(previous))
    }

    /// The tenant and the period, where it is the purse of a cap.
    fn period(&self) -> Option<(&str, Period)> {
        let (tenant, period) = self.0.rsplit_once('/')?;
        let month = || format!("{period}-01").parse().ok().map(Period::Month);
        let period = period.parse().ok().map(Period::Day).or_else(month)?;
        Some((tenant, period))
    }
}

/// Reads back the name in a store.
impl From<String> for PurseId {
    fn from(name: String) -> Self {
        Self(name)
    }
}

/// What the cap of a purse is for; a month as its first day.
#[derive(Clone, Copy)]
enum Period {
    Day(Date),
    Month(Date),
}

impl Period {
    fn previous(self) -> Option<Self> {
        match self {
            Self::Day(day) => day.yesterday().ok().map(Self::Day),
            Self::Month(first) => first.checked_sub(1.month()).ok().map(Self::Month),
        }
    }

    /// Never for a day and a month.
    fn is_before(self, other: Self) -> bool {
        match (self, other) {
            (Self::Day(day), Self::Day(other)) | (Self::Month(day), Self::Month(other)) => day < other,
            _ => false,
        }
    }
}

impl fmt::Display for PurseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a commit does to a purse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurseChange {
    /// Which one. A purse that is not kept has no limit, and nothing is changed.
    pub purse: PurseId,
    /// The limit that it has from then on, in the place of another one; it is made where it is not kept.
    pub limit: Option<Usd>,
    /// By how much more is reserved, or less where it is below zero.
    pub reserved: Usd,
    /// By how much more is spent.
    pub spent: Usd,
    /// Whether a reservation is among that which must fit: what is spent and reserved then stays within the limit. What
    /// only settles counts in full.
    pub must_fit: bool,
}

impl PurseChange {
    /// The purse with the change made: what is settled makes room first, and what is spent and reserved stays from
    /// zero to [`Usd::MAX`]. `None` where it is not kept and not made.
    ///
    /// # Errors
    /// [`CommitError::OverBudget`] where it has no room for what must fit.
    ///
    /// ```
    /// use agentchains_cost::{Budget, Usd};
    /// use agentchains_ports::{PurseChange, PurseId};
    /// use jiff::civil::date;
    ///
    /// let reserve = |nanos| PurseChange {
    ///     purse: PurseId::of_day("acme", date(2026, 11, 22)),
    ///     limit: Some(Usd::from_nanos(10)),
    ///     reserved: Usd::from_nanos(nanos),
    ///     spent: Usd::ZERO,
    ///     must_fit: true,
    /// };
    /// let purse = reserve(7).applied_to(None)?;
    /// assert_eq!(purse.as_ref().and_then(Budget::remaining), Some(Usd::from_nanos(3)));
    /// assert!(reserve(4).applied_to(purse.as_ref()).is_err());
    /// # Ok::<(), agentchains_ports::CommitError>(())
    /// ```
    pub fn applied_to(&self, kept: Option<&Budget>) -> Result<Option<Budget>, CommitError> {
        if kept.is_none() && self.limit.is_none() {
            return Ok(None);
        }
        let before = kept.cloned().unwrap_or_default();
        let limit = self.limit.or(before.limit());
        let mut settled = Budget::restore(limit, before.spent(), before.reserved());
        settled.settle(Usd::ZERO.saturating_sub(self.reserved), self.spent);
        if self.must_fit && !settled.fits(self.reserved) {
            return Err(CommitError::OverBudget(self.purse.clone()));
        }
        let reserved = settled.reserved().saturating_add(self.reserved.max(Usd::ZERO));
        Ok(Some(Budget::restore(limit, settled.spent(), reserved)))
    }

    /// The purses that all changes of a commit leave, made in their order; `kept` has them as they were before it.
    ///
    /// # Errors
    /// [`CommitError::OverBudget`] with the first purse that has no room; then none of the changes counts.
    pub fn apply_all<'k>(
        changes: &[Self],
        kept: impl Fn(&PurseId) -> Option<&'k Budget>,
    ) -> Result<BTreeMap<PurseId, Budget>, CommitError> {
        let mut changed: BTreeMap<PurseId, Budget> = BTreeMap::new();
        for change in changes {
            let before = changed.get(&change.purse).or_else(|| kept(&change.purse));
            if let Some(after) = change.applied_to(before)? {
                changed.insert(change.purse.clone(), after);
            }
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn purses_of_caps_are_outdated_by_those_of_the_same_tenant_and_sort() {
        let day = |tenant: &str, month, day| PurseId::of_day(tenant, date(2026, month, day));
        let month = |tenant: &str, year, month| PurseId::of_month(tenant, date(year, month, 9));
        let of_execution = PurseId::from("01a203ed-b04d-745a-9337-f6b646e9caf2".to_owned());
        for (purse, latest, outdated) in [
            (day("a", 2, 27), day("a", 3, 1), true),
            (day("a", 2, 28), day("a", 3, 1), false),
            (day("a", 3, 1), day("a", 3, 1), false),
            (day("a", 3, 2), day("a", 3, 1), false),
            (day("b", 2, 1), day("a", 3, 1), false),
            (day("a/b", 2, 1), day("a", 3, 1), false),
            (month("a", 2025, 11), month("a", 2026, 1), true),
            (month("a", 2025, 12), month("a", 2026, 1), false),
            (month("a", 2020, 1), day("a", 3, 1), false),
            (day("a", 1, 1), month("a", 2026, 12), false),
            // Named so that it could be taken for a day of another tenant.
            (month("a/20", 2025, 1), day("a", 3, 1), false),
            (of_execution.clone(), day("a", 3, 1), false),
            (day("a", 1, 1), of_execution, false),
        ] {
            assert_eq!(purse.is_outdated_by(&latest), outdated, "{purse} by {latest}");
        }
    }
}
