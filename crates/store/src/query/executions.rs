//! Executions, one and in lists.

use agentchains_machine::{ExecutionId, ExecutionRow};
use agentchains_ports::{ExecutionFilter, Page, PageRequest, StoreError};
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, TransactionTrait,
    sea_query::{Alias, Expr, Query},
};

use crate::{
    entity::{
        execution::{Column, Entity},
        execution_input, execution_label,
    },
    error::store_error,
    large,
    mapping::{execution_row, micros, word},
    paging,
    terminal::{terminal, terminal_words},
};

/// One execution of a tenant.
pub(super) async fn one<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    tenant: &str,
    id: ExecutionId,
) -> Result<Option<ExecutionRow>, StoreError> {
    let found = Entity::find_by_id(id.to_string())
        .filter(Column::Tenant.eq(tenant))
        .find_also_related(execution_input::Entity);
    let mut found = large::rows(connection, found).await?;
    Ok(found.pop().map(execution_row).transpose()?.map(|(row, _)| row))
}

/// The child executions of one, ascending.
pub(super) async fn children<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    parent: ExecutionId,
) -> Result<Vec<ExecutionRow>, StoreError> {
    let rows = Entity::find()
        .filter(Column::ParentExecutionId.eq(parent.to_string()))
        .order_by_asc(Column::Id)
        .find_also_related(execution_input::Entity);
    large::rows(connection, rows)
        .await?
        .into_iter()
        .map(|found| execution_row(found).map(|(row, _)| row))
        .collect()
}

/// What ended before a moment, in trees that do not run any more.
pub(super) async fn ended_before<C: ConnectionTrait>(
    connection: &C,
    moment: Timestamp,
    limit: u32,
) -> Result<Vec<(String, ExecutionId)>, StoreError> {
    let root = Alias::new("root");
    let of_root = |column: Column| Expr::col((root.clone(), column));
    let runs = Query::select()
        .expr(Expr::value(1))
        .from_as(Entity, root.clone())
        .and_where(of_root(Column::Id).equals((Entity, Column::RootExecutionId)))
        .and_where(of_root(Column::Status).is_not_in(terminal_words()))
        .take();
    let rows: Vec<(String, String)> = Entity::find()
        .select_only()
        .columns([Column::Tenant, Column::Id])
        .filter(Column::FinishedAt.lt(micros(moment)))
        .filter(terminal())
        .filter(Expr::exists(runs).not())
        .order_by_asc(Column::FinishedAt)
        .order_by_asc(Column::Id)
        .limit(u64::from(limit))
        .into_tuple()
        .all(connection)
        .await
        .map_err(store_error)?;
    let ended = |(tenant, id): (String, String)| Ok((tenant, word("executions.id", &id)?));
    rows.into_iter().map(ended).collect()
}

/// Whether there are any.
pub(super) async fn has_children<C: ConnectionTrait>(
    connection: &C,
    parent: ExecutionId,
) -> Result<bool, StoreError> {
    let first: Option<String> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ParentExecutionId.eq(parent.to_string()))
        .limit(1)
        .into_tuple()
        .one(connection)
        .await
        .map_err(store_error)?;
    Ok(first.is_some())
}

/// How many executions are in a tree.
pub(super) async fn count_in_tree<C: ConnectionTrait>(
    connection: &C,
    root: ExecutionId,
) -> Result<u64, StoreError> {
    Entity::find()
        .filter(Column::RootExecutionId.eq(root.to_string()))
        .count(connection)
        .await
        .map_err(store_error)
}

/// A tenant's executions, newest first.
pub(super) async fn list<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    tenant: &str,
    filter: &ExecutionFilter,
    page: &PageRequest,
) -> Result<Page<ExecutionRow>, StoreError> {
    let mut query = filtered(tenant, filter).order_by_desc(Column::Id);
    if let Some(last) = paging::position::<ExecutionId>(page)? {
        query = query.filter(Column::Id.lt(last.to_string()));
    }
    let rows = query
        .limit(paging::rows_to_read(page))
        .find_also_related(execution_input::Entity);
    paging::part(
        large::rows(connection, rows).await?,
        page,
        |(last, _)| last.id.clone(),
        |found| execution_row(found).map(|(row, _)| row),
    )
}

/// How many of a tenant's executions are wanted.
pub(super) async fn count<C: ConnectionTrait>(
    connection: &C,
    tenant: &str,
    filter: &ExecutionFilter,
) -> Result<u64, StoreError> {
    filtered(tenant, filter)
        .count(connection)
        .await
        .map_err(store_error)
}

fn filtered(tenant: &str, filter: &ExecutionFilter) -> Select<Entity> {
    let mut query = Entity::find().filter(Column::Tenant.eq(tenant));
    if let Some(workflow_id) = filter.workflow_id {
        query = query.filter(Column::WorkflowId.eq(workflow_id.to_string()));
    }
    if !filter.statuses.is_empty() {
        let statuses = filter.statuses.iter().map(|status| status.as_str());
        query = query.filter(Column::Status.is_in(statuses));
    }
    if let Some(moment) = filter.started_after {
        query = query.filter(Column::CreatedAt.gt(micros(moment)));
    }
    if let Some(moment) = filter.started_before {
        query = query.filter(Column::CreatedAt.lt(micros(moment)));
    }
    for (name, value) in &filter.labels {
        let labelled = execution_label::Entity::find()
            .select_only()
            .column(execution_label::Column::ExecutionId)
            .filter(execution_label::Column::Name.eq(name))
            .filter(execution_label::Column::Value.eq(value))
            .into_query();
        query = query.filter(Column::Id.in_subquery(labelled));
    }
    query
}
