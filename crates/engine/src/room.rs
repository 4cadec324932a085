//! Room in several budgets at once, as an execution needs it that draws from its own and from those above it.
//!
//! Owns how much of what is wanted fits into all of them; it keeps none, and takes nothing out of any.

use agentchains_cost::{Budget, Usd};
use agentchains_machine::{Shortage, Wanted};

/// What is to be set aside in each of these budgets: the least of what is wanted of those that have a limit.
///
/// # Errors
/// The name of the first one that has no room, and what it is short of.
pub(crate) fn in_all<K>(
    wanted: Wanted,
    budgets: impl IntoIterator<Item = (K, Budget)>,
) -> Result<Usd, (K, Shortage)> {
    let mut least: Option<Usd> = None;
    for (name, budget) in budgets {
        let amount = wanted.of(&budget).map_err(|shortage| (name, shortage))?;
        if budget.limit().is_some() {
            least = Some(least.map_or(amount, |least| least.min(amount)));
        }
    }
    let without_limits = match wanted {
        Wanted::Exactly(amount) => amount,
        Wanted::Nothing | Wanted::Rest => Usd::ZERO,
    };
    Ok(least.unwrap_or(without_limits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(dollars: i64) -> Usd {
        Usd::from_nanos(dollars * 1_000_000_000)
    }

    /// Budgets by their limits, each with so much reserved, numbered from 0.
    fn budgets(given: &[(Option<i64>, i64)]) -> impl Iterator<Item = (usize, Budget)> {
        let budget = |(limit, reserved): &(Option<i64>, i64)| {
            Budget::restore(limit.map(usd), Usd::ZERO, usd(*reserved))
        };
        given.iter().map(budget).enumerate()
    }

    #[test]
    fn what_is_wanted_fits_into_all_budgets_or_the_first_without_room_is_named() {
        let (some, all) = (Wanted::Exactly(usd(2)), Wanted::Rest);
        let short = |budget: usize, exhausted: bool| Err((budget, Shortage { exhausted }));
        for (wanted, given, expected) in [
            (some, &[][..], Ok(usd(2))),
            (all, &[], Ok(usd(0))),
            (some, &[(None, 0), (Some(2), 0)], Ok(usd(2))),
            (all, &[(Some(5), 1), (None, 7), (Some(9), 6)], Ok(usd(3))),
            (all, &[(None, 7)], Ok(usd(0))),
            (Wanted::Nothing, &[(Some(1), 0), (Some(9), 0)], Ok(usd(0))),
            (some, &[(Some(2), 0), (Some(2), 1), (Some(1), 0)], short(1, false)),
            (some, &[(Some(1), 0), (Some(2), 1)], short(0, true)),
            (Wanted::Nothing, &[(Some(1), 0), (Some(0), 0)], short(1, true)),
        ] {
            assert_eq!(in_all(wanted, budgets(given)), expected, "{wanted:?} {given:?}");
        }
    }
}
