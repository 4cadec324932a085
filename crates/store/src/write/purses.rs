//! Purses in a group commit: read once, drawn from by one commit after the other, and written once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use agentchains_cost::{Budget, Usd};
use agentchains_ports::{CommitError, PurseChange};
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, sea_query::OnConflict};

use super::rows;
use crate::{
    entity::purse::{Column, Entity, Model},
    mapping::{purse_budget, purse_model},
};

/// The purses that a batch draws from and those that it makes.
#[derive(Default)]
pub(super) struct Purses<'b> {
    kept: HashMap<String, Budget>,
    /// As the parts of the batch so far leave them.
    changed: BTreeMap<&'b str, Budget>,
}

impl<'b> Purses<'b> {
    /// Reads those that the changes name, in one query; in none where there are no changes.
    pub(super) async fn read(
        tx: &DatabaseTransaction,
        changes: impl Iterator<Item = &'b PurseChange>,
    ) -> Result<Self, DbErr> {
        let ids: BTreeSet<&str> = changes.map(|change| change.purse.as_str()).collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let rows = Entity::find().filter(Column::Id.is_in(ids)).all(tx).await?;
        let budget = |row: Model| {
            let budget = purse_budget(&row);
            (row.id, budget)
        };
        Ok(Self {
            kept: rows.into_iter().map(budget).collect(),
            changed: BTreeMap::new(),
        })
    }

    /// Makes the purse of an execution with a budget.
    pub(super) fn make(&mut self, execution_id: &'b str, limit: Usd) {
        self.changed.insert(execution_id, Budget::new(Some(limit)));
    }

    /// Makes all changes of a commit, or none of them.
    ///
    /// # Errors
    /// [`CommitError::OverBudget`] with the first purse that has no room.
    pub(super) fn draw(&mut self, changes: &'b [PurseChange]) -> Result<(), CommitError> {
        let mut drawn = BTreeMap::new();
        for change in changes {
            let id = change.purse.as_str();
            let before = drawn
                .get(id)
                .or_else(|| self.changed.get(id))
                .or_else(|| self.kept.get(id));
            if before.is_none() && change.limit.is_none() {
                continue;
            }
            let before = before.cloned().unwrap_or_default();
            let after =
                after(&before, change).ok_or_else(|| CommitError::OverBudget(change.purse.clone()))?;
            drawn.insert(id, after);
        }
        self.changed.append(&mut drawn);
        Ok(())
    }

    /// Writes those that have changed.
    pub(super) async fn write(&self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let models = self.changed.iter();
        let models = models.map(|(id, budget)| purse_model(id, budget)).collect();
        let replace = OnConflict::column(Column::Id)
            .update_columns([Column::MaxBudget, Column::Spent, Column::Reserved])
            .to_owned();
        rows::insert::<Entity>(tx, models, Some(replace)).await?;
        Ok(())
    }
}

/// A purse with a change made, unless it has no room for what must fit. What is settled makes room first.
fn after(before: &Budget, change: &PurseChange) -> Option<Budget> {
    let limit = change.limit.or(before.limit());
    let mut settled = Budget::restore(limit, before.spent(), before.reserved());
    settled.settle(Usd::ZERO.saturating_sub(change.reserved), change.spent);
    if change.must_fit && !settled.fits(change.reserved) {
        return None;
    }
    let reserved = settled.reserved().saturating_add(change.reserved.max(Usd::ZERO));
    Some(Budget::restore(limit, settled.spent(), reserved))
}
