//! The nodes of an execution.

use agentchains_machine::{ExecutionId, NodeRow};
use agentchains_ports::{StoreError, compare_nodes};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::{
    entity::node::{Column, Entity},
    error::store_error,
    mapping::node_row,
};

/// Those that have a row, in the order of [`compare_nodes`], which SQL cannot express.
pub(crate) async fn of_execution<C: ConnectionTrait>(
    connection: &C,
    id: ExecutionId,
) -> Result<Vec<NodeRow>, StoreError> {
    let rows = Entity::find()
        .filter(Column::ExecutionId.eq(id.to_string()))
        .all(connection)
        .await
        .map_err(store_error)?;
    let mut nodes = rows.into_iter().map(node_row).collect::<Result<Vec<_>, _>>()?;
    nodes.sort_by(compare_nodes);
    Ok(nodes)
}
