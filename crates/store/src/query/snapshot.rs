//! What the machine needs to know of an execution.

use agentchains_machine::{ApprovalStatus, ExecutionId, ExecutionRow, Seed, Snapshot};
use agentchains_ports::StoreError;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{approvals, nodes};
use crate::{
    entity::seed::{Column, Entity},
    error::store_error,
    mapping::seed,
};

/// An execution with the rows that belong to it. `connection` is a transaction's, so that they agree with each other.
pub(crate) async fn of_execution<C: ConnectionTrait>(
    connection: &C,
    execution: ExecutionRow,
) -> Result<Snapshot, StoreError> {
    let id = execution.id;
    Ok(Snapshot {
        execution,
        nodes: nodes::of_execution(connection, id).await?,
        approvals: approvals::of_execution(connection, id, ApprovalStatus::Pending).await?,
        seeds: seeds(connection, id).await?,
    })
}

async fn seeds<C: ConnectionTrait>(connection: &C, id: ExecutionId) -> Result<Vec<Seed>, StoreError> {
    let rows = Entity::find()
        .filter(Column::ExecutionId.eq(id.to_string()))
        .order_by_asc(Column::Path)
        .all(connection)
        .await
        .map_err(store_error)?;
    rows.into_iter().map(seed).collect()
}
