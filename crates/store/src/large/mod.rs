//! Large values: JSON of more than 64 KiB, kept once under its hash however many rows hold it.
//!
//! [`take_out`] leaves a reference in the row wherever a payload holds such a value, and [`rows`] reads rows with all
//! that was taken out of them. Which executions use a value is kept beside it, so that it goes with the last of them.

mod payloads;
mod read;
mod text;

use agentchains_machine::sha256_hex;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect, QueryTrait,
};

pub(crate) use self::{payloads::Payloads, read::rows};
use crate::entity::{large_value, large_value_use};

/// The length in bytes up to which a value stays where it is.
const LIMIT: usize = 64 << 10;

/// Hashes that one statement names; no database takes more than 32,766 values in one.
const MAX_HASHES: usize = 4096;

/// Takes the large values out of rows, and adds them to those that were taken out before.
pub(crate) fn take_out(rows: &mut [impl Payloads], values: &mut Vec<large_value::Model>) {
    for (_, text) in rows.iter_mut().flat_map(Payloads::payloads) {
        if text.len() > LIMIT {
            *text = text::take_apart(text, LIMIT, |body| {
                let hash = sha256_hex(&body);
                values.push(large_value::Model {
                    hash: hash.clone(),
                    body,
                });
                hash
            });
        }
    }
}

/// Those of some values, by their hashes, that are kept already.
pub(crate) async fn kept(connection: &impl ConnectionTrait, hashes: &[&str]) -> Result<Vec<String>, DbErr> {
    let mut kept = Vec::new();
    for hashes in hashes.chunks(MAX_HASHES) {
        let found: Vec<String> = large_value::Entity::find()
            .select_only()
            .column(large_value::Column::Hash)
            .filter(large_value::Column::Hash.is_in(hashes.iter().copied()))
            .into_tuple()
            .all(connection)
            .await?;
        kept.extend(found);
    }
    Ok(kept)
}

/// The hashes of the values that an execution uses.
pub(crate) async fn used_by(connection: &impl ConnectionTrait, id: &str) -> Result<Vec<String>, DbErr> {
    large_value_use::Entity::find()
        .select_only()
        .column(large_value_use::Column::Hash)
        .filter(large_value_use::Column::ExecutionId.eq(id))
        .into_tuple()
        .all(connection)
        .await
}

/// Deletes those of some values, by their hashes, that no execution uses.
pub(crate) async fn delete_unused(connection: &impl ConnectionTrait, hashes: &[String]) -> Result<(), DbErr> {
    for hashes in hashes.chunks(MAX_HASHES) {
        let used = large_value_use::Entity::find()
            .select_only()
            .column(large_value_use::Column::Hash)
            .filter(large_value_use::Column::Hash.is_in(hashes))
            .into_query();
        large_value::Entity::delete_many()
            .filter(large_value::Column::Hash.is_in(hashes))
            .filter(large_value::Column::Hash.into_expr().not_in_subquery(used))
            .exec(connection)
            .await?;
    }
    Ok(())
}
