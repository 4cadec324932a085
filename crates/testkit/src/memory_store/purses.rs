//! What a commit does to purses.

use std::collections::BTreeMap;

use agentchains_cost::{Budget, Usd};
use agentchains_ports::{CommitError, PurseChange, PurseId};

/// The purses that the changes of a commit leave, unless one has no room.
pub(super) fn after(
    kept: &BTreeMap<PurseId, Budget>,
    changes: &[PurseChange],
) -> Result<BTreeMap<PurseId, Budget>, CommitError> {
    let mut changed: BTreeMap<PurseId, Budget> = BTreeMap::new();
    for change in changes {
        let before = changed.get(&change.purse).or_else(|| kept.get(&change.purse));
        let limit = change.limit.or(before.and_then(Budget::limit));
        let Some(limit) = limit else { continue };
        let before = before.cloned().unwrap_or_default();
        let spent = before.spent().saturating_add(change.spent.max(Usd::ZERO));
        // Compared before it saturates, which would make room.
        let reserved = (exact(before.reserved()) + exact(change.reserved)).max(0);
        if change.must_fit && exact(spent) + reserved > exact(limit) {
            return Err(CommitError::OverBudget(change.purse.clone()));
        }
        let reserved = i64::try_from(reserved).map_or(Usd::MAX, Usd::from_nanos);
        changed.insert(
            change.purse.clone(),
            Budget::restore(Some(limit), spent, reserved),
        );
    }
    Ok(changed)
}

/// In nano-dollars, with room for sums.
fn exact(amount: Usd) -> i128 {
    i128::from(amount.nanos())
}
