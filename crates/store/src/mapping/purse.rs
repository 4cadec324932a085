//! Table `purses`.

use agentchains_cost::{Budget, Usd};

use crate::entity::purse;

/// The row of a purse.
pub(crate) fn purse_model(id: &str, budget: &Budget) -> purse::Model {
    purse::Model {
        id: id.to_owned(),
        max_budget: budget.limit().map(Usd::nanos),
        spent: budget.spent().nanos(),
        reserved: budget.reserved().nanos(),
    }
}

/// What a purse holds.
pub(crate) fn purse_budget(model: &purse::Model) -> Budget {
    Budget::restore(
        model.max_budget.map(Usd::from_nanos),
        Usd::from_nanos(model.spent),
        Usd::from_nanos(model.reserved),
    )
}
