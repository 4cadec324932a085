//! The nodes of an execution.

use agentchains_machine::{ExecutionId, NodeRow};
use agentchains_ports::StoreError;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    entity::node::{Column, Entity},
    error::store_error,
    mapping::node_row,
};

/// Those that have a row, by position and path.
pub(crate) async fn of_execution<C: ConnectionTrait>(
    connection: &C,
    id: ExecutionId,
) -> Result<Vec<NodeRow>, StoreError> {
    let rows = Entity::find()
        .filter(Column::ExecutionId.eq(id.to_string()))
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Path)
        .all(connection)
        .await
        .map_err(store_error)?;
    rows.into_iter().map(node_row).collect()
}
