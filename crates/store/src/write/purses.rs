//! Purses in a group commit: read once, drawn from by one commit after the other, and written once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use agentchains_cost::{Budget, Usd};
use agentchains_ports::{CommitError, PurseChange, PurseId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::OnConflict,
};

use super::script::Script;
use crate::{
    entity::purse::{Column, Entity, Model},
    mapping::{purse_budget, purse_model},
};

/// The purses that a batch draws from and those that it makes.
#[derive(Default)]
pub(super) struct Purses {
    kept: BTreeMap<PurseId, Budget>,
    /// As the parts of the batch so far leave them.
    changed: BTreeMap<PurseId, Budget>,
}

impl Purses {
    /// Reads those that the changes name, in one query; in none where there are no changes.
    pub(super) async fn read(
        before: &impl ConnectionTrait,
        changes: impl Iterator<Item = &PurseChange>,
    ) -> Result<Self, DbErr> {
        let ids: BTreeSet<&str> = changes.map(|change| change.purse.as_str()).collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let rows = Entity::find().filter(Column::Id.is_in(ids)).all(before).await?;
        let budget = |row: Model| {
            let budget = purse_budget(&row);
            (row.id.into(), budget)
        };
        Ok(Self {
            kept: rows.into_iter().map(budget).collect(),
            changed: BTreeMap::new(),
        })
    }

    /// Makes the purse of an execution with a budget.
    pub(super) fn make(&mut self, execution_id: &str, limit: Usd) {
        self.changed
            .insert(execution_id.to_owned().into(), Budget::new(Some(limit)));
    }

    /// Makes all changes of a commit, or none of them.
    ///
    /// # Errors
    /// [`CommitError::OverBudget`] with the first purse that has no room.
    pub(super) fn draw(&mut self, changes: &[PurseChange]) -> Result<(), CommitError> {
        let before = |id: &PurseId| self.changed.get(id).or_else(|| self.kept.get(id));
        let mut drawn = PurseChange::apply_all(changes, before)?;
        self.changed.append(&mut drawn);
        Ok(())
    }

    /// Adds those that have changed, and forgets those of earlier days and months where one of a later one is made.
    pub(super) async fn record(
        &self,
        before: &impl ConnectionTrait,
        script: &mut Script,
    ) -> Result<(), DbErr> {
        for made in self.changed.keys().filter(|id| !self.kept.contains_key(id)) {
            forget_outdated(before, script, made).await?;
        }
        let changed = self.changed.iter();
        let models: Vec<Model> = changed
            .map(|(id, budget)| purse_model(id.as_str(), budget))
            .collect();
        script.insert(models.iter(), Some(&REPLACE));
        Ok(())
    }
}

static REPLACE: LazyLock<OnConflict> = LazyLock::new(|| {
    OnConflict::column(Column::Id)
        .update_columns([Column::MaxBudget, Column::Spent, Column::Reserved])
        .to_owned()
});

/// Deletes the purses of caps that nothing is drawn from any more. Executions' purses outdate none.
async fn forget_outdated(
    before: &impl ConnectionTrait,
    script: &mut Script,
    latest: &PurseId,
) -> Result<(), DbErr> {
    let Some((tenant, _)) = latest.as_str().rsplit_once('/') else {
        return Ok(());
    };
    // The names of earlier periods are smaller, and among those between the two are other tenants' too.
    let names: Vec<String> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.gt(format!("{tenant}/")))
        .filter(Column::Id.lt(latest.as_str()))
        .into_tuple()
        .all(before)
        .await?;
    let outdated = names.into_iter().map(PurseId::from);
    let outdated: Vec<PurseId> = outdated.filter(|id| id.is_outdated_by(latest)).collect();
    if !outdated.is_empty() {
        let outdated = outdated.iter().map(PurseId::as_str);
        script.delete(
            Entity::delete_many()
                .filter(Column::Id.is_in(outdated))
                .into_query(),
        );
    }
    Ok(())
}
