//! What completed executions have cost and taken. Only columns of fixed size are read: values may be large.

use std::time::Duration;

use agentchains_cost::Usd;
use agentchains_machine::{ExecutionStatus, NodeStatus};
use agentchains_ports::{History, HistoryRequest, PastExecution, PastNodeRun, PastRun, StoreError};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    entity::{execution, node},
    error::store_error,
    mapping::word,
};

/// The id of an execution or a node, its cost, whether that is known, and the moments of its start and its end.
type Columns = (String, i64, bool, i64, i64);

/// The history of a version.
pub(super) async fn of_version<C: ConnectionTrait>(
    connection: &C,
    tenant: &str,
    wanted: &HistoryRequest,
) -> Result<History, StoreError> {
    let executions = executions(connection, tenant, wanted).await?;
    let ids = executions.iter().map(|(id, ..)| id.as_str());
    let nodes = nodes(connection, ids, wanted.max_node_runs).await?;
    Ok(History {
        executions: executions.iter().map(past_execution).collect::<Result<_, _>>()?,
        nodes: nodes.into_iter().map(past_node_run).collect(),
    })
}

async fn executions<C: ConnectionTrait>(
    connection: &C,
    tenant: &str,
    wanted: &HistoryRequest,
) -> Result<Vec<Columns>, StoreError> {
    use execution::Column::{
        CostKnown, FinishedAt, ForkedFrom, Id, Spent, StartedAt, Status, Tenant, WorkflowId, WorkflowVersion,
    };

    execution::Entity::find()
        .select_only()
        .columns([Id, Spent, CostKnown, StartedAt, FinishedAt])
        .filter(Tenant.eq(tenant))
        .filter(WorkflowId.eq(wanted.workflow_id.to_string()))
        .filter(WorkflowVersion.eq(i64::from(wanted.version)))
        .filter(Status.eq(ExecutionStatus::Completed.as_str()))
        .filter(ForkedFrom.is_null())
        .filter(StartedAt.is_not_null())
        .filter(FinishedAt.is_not_null())
        .order_by_desc(Id)
        .limit(u64::from(wanted.max_executions))
        .into_tuple()
        .all(connection)
        .await
        .map_err(store_error)
}

async fn nodes<'i, C: ConnectionTrait>(
    connection: &C,
    executions: impl Iterator<Item = &'i str>,
    most: u32,
) -> Result<Vec<Columns>, StoreError> {
    use node::Column::{Cost, CostKnown, ExecutionId, FinishedAt, NodeId, Path, Reused, StartedAt, Status};

    node::Entity::find()
        .select_only()
        .columns([NodeId, Cost, CostKnown, StartedAt, FinishedAt])
        .filter(ExecutionId.is_in(executions))
        .filter(Status.eq(NodeStatus::Completed.as_str()))
        .filter(Reused.eq(false))
        .filter(StartedAt.is_not_null())
        .filter(FinishedAt.is_not_null())
        .order_by_desc(ExecutionId)
        .order_by_asc(Path)
        .limit(u64::from(most))
        .into_tuple()
        .all(connection)
        .await
        .map_err(store_error)
}

fn past_execution(columns: &Columns) -> Result<PastExecution, StoreError> {
    Ok(PastExecution {
        id: word("executions.id", &columns.0)?,
        run: past_run(columns),
    })
}

fn past_node_run(columns: Columns) -> PastNodeRun {
    PastNodeRun {
        run: past_run(&columns),
        node_id: columns.0,
    }
}

fn past_run((_, cost, cost_known, started_at, finished_at): &Columns) -> PastRun {
    let micros = finished_at.saturating_sub(*started_at);
    PastRun {
        cost: Usd::from_nanos(*cost),
        cost_known: *cost_known,
        duration: Duration::from_micros(u64::try_from(micros).unwrap_or_default()),
    }
}
