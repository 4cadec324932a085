//! The large values of a group commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use sea_orm::{ConnectionTrait, DbErr, sea_query::OnConflict};

use super::script::Script;
use crate::{
    entity::{large_value, large_value_use},
    large,
    mapping::Rows,
};

/// Adds the large values of executions that are not kept yet, and that these executions use them: after the
/// executions. Does nothing where there are none.
pub(super) async fn record(
    script: &mut Script,
    before: &impl ConnectionTrait,
    rows: impl Iterator<Item = &Rows> + Clone,
) -> Result<(), DbErr> {
    let values = rows.clone().flat_map(|rows| &rows.large_values);
    let mut missing: BTreeMap<&str, &large_value::Model> =
        values.map(|value| (value.hash.as_str(), value)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let hashes: Vec<&str> = missing.keys().copied().collect();
    for hash in large::kept(before, &hashes).await? {
        missing.remove(hash.as_str());
    }
    let uses: BTreeSet<large_value_use::Model> = rows
        .flat_map(|rows| {
            rows.large_values
                .iter()
                .map(|value| (&rows.execution.id, &value.hash))
        })
        .map(|(execution_id, hash)| large_value_use::Model {
            execution_id: execution_id.clone(),
            hash: hash.clone(),
        })
        .collect();
    script.insert(missing.into_values(), None);
    script.insert(uses.iter(), Some(&USED_BEFORE));
    Ok(())
}

/// Writes the row as it is: one that is left alone would count as not written.
static USED_BEFORE: LazyLock<OnConflict> = LazyLock::new(|| {
    use large_value_use::Column::{ExecutionId, Hash};

    OnConflict::columns([ExecutionId, Hash])
        .update_column(Hash)
        .to_owned()
});
