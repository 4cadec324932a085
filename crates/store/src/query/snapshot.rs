//! What the machine needs to know of an execution.

use agentchains_machine::{ApprovalStatus, ExecutionId, ExecutionRow, Seed, Snapshot};
use agentchains_ports::StoreError;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, TransactionTrait};

use super::{approvals, nodes};
use crate::{
    entity::seed::{Column, Entity},
    large,
    mapping::seed,
};

/// An execution with the rows that belong to it. They agree with each other where `connection` is a transaction's, or
/// nobody else may change them.
pub(crate) async fn of_execution<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    execution: ExecutionRow,
) -> Result<Snapshot, StoreError> {
    let (id, is_fork) = (execution.id, execution.forked_from.is_some());
    Ok(Snapshot {
        execution,
        nodes: nodes::of_execution(connection, id).await?,
        approvals: approvals::of_execution(connection, id, ApprovalStatus::Pending).await?,
        seeds: match is_fork {
            true => seeds(connection, id).await?,
            false => Vec::new(),
        },
    })
}

async fn seeds<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    id: ExecutionId,
) -> Result<Vec<Seed>, StoreError> {
    let rows = Entity::find()
        .filter(Column::ExecutionId.eq(id.to_string()))
        .order_by_asc(Column::Path);
    let rows = large::rows(connection, rows).await?;
    rows.into_iter().map(seed).collect()
}
