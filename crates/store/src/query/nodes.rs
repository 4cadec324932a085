//! The nodes of an execution.

use agentchains_machine::{ExecutionId, NodeRow, NodeStatus};
use agentchains_ports::{StoreError, compare_nodes};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, TransactionTrait,
    sea_query::{ExprTrait, SimpleExpr},
};

use crate::{
    entity::node::{Column, Entity},
    large,
    mapping::node_row,
};

/// Those that have a row, in the order of [`compare_nodes`], which SQL cannot express.
pub(crate) async fn of_execution<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    id: ExecutionId,
) -> Result<Vec<NodeRow>, StoreError> {
    read(connection, Column::ExecutionId.eq(id.to_string())).await
}

/// Those that wait for something, or for which a child execution runs, in the same order.
pub(crate) async fn waiting<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    id: ExecutionId,
) -> Result<Vec<NodeRow>, StoreError> {
    let candidates = [NodeStatus::Waiting, NodeStatus::Running].map(NodeStatus::as_str);
    let own = Column::ExecutionId.eq(id.to_string());
    let mut nodes = read(connection, own.and(Column::Status.is_in(candidates))).await?;
    nodes.retain(|node| node.state.waits());
    Ok(nodes)
}

async fn read<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    condition: SimpleExpr,
) -> Result<Vec<NodeRow>, StoreError> {
    let rows = large::rows(connection, Entity::find().filter(condition)).await?;
    let mut nodes = rows.into_iter().map(node_row).collect::<Result<Vec<_>, _>>()?;
    nodes.sort_by(compare_nodes);
    Ok(nodes)
}
