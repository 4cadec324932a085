//! Purses: budgets as they are kept, because several executions draw from one at the same time.
//!
//! An execution with a budget has a purse, from which it and the executions below it draw; a tenant with a cap has one
//! for each day or month. A reservation is taken from every purse on the way up in the commit that records its attempt.

use std::fmt;

use agentchains_cost::Usd;
use agentchains_machine::ExecutionId;
use jiff::civil::Date;

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
