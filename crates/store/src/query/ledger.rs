//! The ledger of a tree of executions. Of nodes only columns of fixed size are read: values may be large.

use std::collections::HashMap;

use agentchains_cost::Usd;
use agentchains_machine::{AttemptRow, ExecutionId, NodePath, NodeType};
use agentchains_ports::{Account, Ledger, PurseId, StoreError, Told, compare_attempts, compare_paths};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{CommonTableExpression, Expr, Query, SelectStatement, SimpleExpr, UnionType, WithClause},
};

use super::purses;
use crate::{
    entity::{attempt, execution, node},
    error::store_error,
    mapping::{attempt_row, word},
};

/// What SQL calls the execution with all that are below it.
const TREE: &str = "tree";

/// An execution's id, the execution that has started it, and the node there.
type Member = (String, Option<String>, Option<String>);

/// The ledger of a tenant's execution. `connection` is a transaction's, so that all of it is of one moment.
pub(super) async fn of_tree<C: ConnectionTrait>(
    connection: &C,
    tenant: &str,
    top: ExecutionId,
) -> Result<Option<Ledger>, StoreError> {
    let tree = tree(tenant, top);
    let members = members(connection, &tree).await?;
    if members.is_empty() {
        return Ok(None);
    }
    let mut attempts = attempts(connection, &tree).await?;
    let mut told = told(connection, &tree).await?;
    let account = |(id, parent, path): Member| {
        let execution_id = word("executions.id", &id)?;
        let started_by = match (parent, path) {
            (Some(parent), Some(path)) if execution_id != top => Some((
                word("executions.parent_execution_id", &parent)?,
                NodePath::from(path),
            )),
            _ => None,
        };
        Ok(Account {
            execution_id,
            started_by,
            attempts: attempts.remove(&id).unwrap_or_default(),
            told: told.remove(&id).unwrap_or_default(),
        })
    };
    Ok(Some(Ledger {
        accounts: members
            .into_iter()
            .map(account)
            .collect::<Result<_, StoreError>>()?,
        nodes: nodes(connection, top).await?,
        purse: purses::one(connection, &PurseId::of_execution(top)).await?,
    }))
}

/// The table expression [`TREE`]. Its rows are distinct, so that it ends whatever the database holds.
fn tree(tenant: &str, top: ExecutionId) -> WithClause {
    use execution::Column::{Depth, Id, ParentExecutionId, ParentPath, Tenant};

    let columns = [Id, ParentExecutionId, ParentPath, Depth];
    let parent = Expr::col((execution::Entity, ParentExecutionId));
    let below = Query::select()
        .columns(columns.map(|column| (execution::Entity, column)))
        .from(execution::Entity)
        .inner_join(TREE, parent.equals((TREE, Id)))
        .take();
    let whole = Query::select()
        .columns(columns)
        .from(execution::Entity)
        .and_where(Id.eq(top.to_string()))
        .and_where(Tenant.eq(tenant))
        .union(UnionType::Distinct, below)
        .take();
    let table = CommonTableExpression::new()
        .table_name(TREE)
        .columns(columns)
        .query(whole)
        .to_owned();
    WithClause::new().recursive(true).cte(table).to_owned()
}

/// The executions, each after the one that has started it.
async fn members<C: ConnectionTrait>(connection: &C, tree: &WithClause) -> Result<Vec<Member>, StoreError> {
    use execution::Column::{Depth, Id, ParentExecutionId, ParentPath};

    let mut query = execution::Entity::find()
        .select_only()
        .columns([Id, ParentExecutionId, ParentPath])
        .filter(in_tree(Id))
        .order_by_asc(Depth)
        .order_by_asc(Id);
    QueryTrait::query(&mut query).with_cte(tree.clone());
    query.into_tuple().all(connection).await.map_err(store_error)
}

/// The attempts of each execution.
async fn attempts<C: ConnectionTrait>(
    connection: &C,
    tree: &WithClause,
) -> Result<HashMap<String, Vec<AttemptRow>>, StoreError> {
    let mut query = attempt::Entity::find().filter(in_tree(attempt::Column::ExecutionId));
    QueryTrait::query(&mut query).with_cte(tree.clone());
    let mut attempts: HashMap<String, Vec<AttemptRow>> = HashMap::new();
    for mut row in query.all(connection).await.map_err(store_error)? {
        let of_execution = attempts.entry(std::mem::take(&mut row.execution_id));
        of_execution.or_default().push(attempt_row(row)?);
    }
    for of_execution in attempts.values_mut() {
        of_execution.sort_by(compare_attempts);
    }
    Ok(attempts)
}

/// What the nodes of each execution that have started a child were told.
async fn told<C: ConnectionTrait>(
    connection: &C,
    tree: &WithClause,
) -> Result<HashMap<String, Vec<Told>>, StoreError> {
    use node::Column::{Attempts, Cost, CostKnown, ExecutionId, Kind, Path};

    let mut query = node::Entity::find()
        .select_only()
        .columns([ExecutionId, Path, Cost, CostKnown])
        .filter(in_tree(ExecutionId))
        .filter(Kind.eq(NodeType::Subworkflow.as_str()))
        .filter(Attempts.gt(0))
        .order_by_asc(Path);
    QueryTrait::query(&mut query).with_cte(tree.clone());
    let rows: Vec<(String, String, i64, bool)> =
        query.into_tuple().all(connection).await.map_err(store_error)?;
    let mut told: HashMap<String, Vec<Told>> = HashMap::new();
    for (execution_id, path, cost, cost_known) in rows {
        told.entry(execution_id).or_default().push(Told {
            path: NodePath::from(path),
            cost: Usd::from_nanos(cost),
            cost_known,
        });
    }
    Ok(told)
}

/// The nodes of an execution in their order.
async fn nodes<C: ConnectionTrait>(connection: &C, id: ExecutionId) -> Result<Vec<NodePath>, StoreError> {
    use node::Column::{ExecutionId, Path, Position};

    let rows: Vec<(i64, String)> = node::Entity::find()
        .select_only()
        .columns([Position, Path])
        .filter(ExecutionId.eq(id.to_string()))
        .into_tuple()
        .all(connection)
        .await
        .map_err(store_error)?;
    let mut nodes: Vec<(i64, NodePath)> = rows
        .into_iter()
        .map(|(position, path)| (position, path.into()))
        .collect();
    nodes.sort_by(|(a, path), (b, other)| a.cmp(b).then_with(|| compare_paths(path, other)));
    Ok(nodes.into_iter().map(|(_, path)| path).collect())
}

/// That a column names an execution of the tree.
fn in_tree(column: impl ColumnTrait) -> SimpleExpr {
    let ids: SelectStatement = Query::select().column(execution::Column::Id).from(TREE).take();
    column.in_subquery(ids)
}
