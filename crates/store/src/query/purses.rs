//! Purses.

use agentchains_cost::Budget;
use agentchains_ports::{PurseId, StoreError};
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::{entity::purse::Entity, error::store_error, mapping::purse_budget};

/// What a purse holds.
pub(super) async fn one<C: ConnectionTrait>(
    connection: &C,
    id: &PurseId,
) -> Result<Option<Budget>, StoreError> {
    let row = Entity::find_by_id(id.as_str()).one(connection).await;
    Ok(row.map_err(store_error)?.as_ref().map(purse_budget))
}
