//! The statements of a group commit: for each table one, whatever the number of executions.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    Iterable, sea_query::OnConflict,
};

use super::create::NewRows;
use crate::{
    entity::{
        approval, attempt, event, execution, execution_input, execution_label, idempotency_key, node, seed,
    },
    mapping::Rows,
    terminal::not_terminal,
};

/// The most values that SQLite binds in one statement.
const MAX_VALUES: usize = 32_766;

/// What SQL calls the row that an upsert could not insert.
const EXCLUDED: &str = "excluded";

/// Writes executions that are recorded for the first time and such that go on.
pub(super) async fn write(
    tx: &DatabaseTransaction,
    created: &[&NewRows],
    committed: &[&Rows],
) -> Result<(), DbErr> {
    let executions = created.iter().map(|new| new.rows.execution.clone()).collect();
    insert::<execution::Entity>(tx, executions, None).await?;
    update_executions(tx, committed).await?;

    let inputs = created.iter().map(|new| new.input.clone()).collect();
    insert::<execution_input::Entity>(tx, inputs, None).await?;
    let labels = created
        .iter()
        .flat_map(|new| new.labels.iter().cloned())
        .collect();
    insert::<execution_label::Entity>(tx, labels, None).await?;
    let seeds = created.iter().flat_map(|new| new.seeds.iter().cloned()).collect();
    insert::<seed::Entity>(tx, seeds, None).await?;
    let keys = created.iter().filter_map(|new| new.key.clone()).collect();
    insert::<idempotency_key::Entity>(tx, keys, None).await?;

    let all = || {
        created
            .iter()
            .map(|new| &new.rows)
            .chain(committed.iter().copied())
    };
    let nodes = all().flat_map(|rows| rows.nodes.iter().cloned()).collect();
    insert::<node::Entity>(tx, nodes, Some(replace_node())).await?;
    let attempts = all().flat_map(|rows| rows.attempts.iter().cloned()).collect();
    insert::<attempt::Entity>(tx, attempts, Some(replace_attempt())).await?;
    let approvals = all().flat_map(|rows| rows.approvals.iter().cloned()).collect();
    insert::<approval::Entity>(tx, approvals, Some(replace_approval())).await?;
    // A number that is there already is refused by the key, which keeps the sequence free of repeats.
    let events = all().flat_map(|rows| rows.events.iter().cloned()).collect();
    insert::<event::Entity>(tx, events, None).await?;
    Ok(())
}

async fn update_executions(tx: &DatabaseTransaction, committed: &[&Rows]) -> Result<(), DbErr> {
    let executions = committed.iter().map(|rows| rows.execution.clone()).collect();
    let written = insert::<execution::Entity>(tx, executions, Some(advance_execution())).await?;
    // The standings that let these rows pass were read in this transaction.
    if written == committed.len() {
        Ok(())
    } else {
        Err(DbErr::RecordNotUpdated)
    }
}

/// Inserts rows, in as many statements as the limit of bound values makes necessary. Returns how many were
/// written.
pub(super) async fn insert<E>(
    tx: &DatabaseTransaction,
    models: Vec<E::Model>,
    on_conflict: Option<OnConflict>,
) -> Result<usize, DbErr>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    let rows_per_statement = MAX_VALUES / E::Column::iter().count().max(1);
    let mut models = models.into_iter().map(IntoActiveModel::into_active_model);
    let mut written = 0_u64;
    loop {
        let rows: Vec<E::ActiveModel> = models.by_ref().take(rows_per_statement).collect();
        if rows.is_empty() {
            return Ok(usize::try_from(written).unwrap_or(usize::MAX));
        }
        let mut statement = E::insert_many(rows);
        if let Some(on_conflict) = &on_conflict {
            statement = statement.on_conflict(on_conflict.clone());
        }
        written += statement.exec_without_returning(tx).await?;
    }
}

/// Everything of an execution that may change, if the row is the one that the new values were computed from.
fn advance_execution() -> OnConflict {
    use execution::Column::{
        Children, CostKnown, Deadline, Ending, Error, FinishedAt, Id, InFlight, LastSeq, LeaseEpoch,
        MaxBudget, NodesSettled, NodesTotal, Output, ParentHolds, PauseReason, Reserved, Revision, Spent,
        StartedAt, Status, WakeAt,
    };
    OnConflict::column(Id)
        .update_columns([
            Status,
            PauseReason,
            Ending,
            Output,
            Error,
            MaxBudget,
            Spent,
            Reserved,
            CostKnown,
            ParentHolds,
            StartedAt,
            FinishedAt,
            Deadline,
            WakeAt,
            LastSeq,
            InFlight,
            Children,
            NodesTotal,
            NodesSettled,
            Revision,
        ])
        .action_and_where(Revision.into_expr().add(1).equals((EXCLUDED, Revision)))
        .action_and_where(LeaseEpoch.into_expr().equals((EXCLUDED, LeaseEpoch)))
        .action_and_where(not_terminal())
        .to_owned()
}

fn replace_node() -> OnConflict {
    use node::Column::{
        Attempts, AttemptsBefore, ChildExecutionId, ChildMaxBudget, ChildSpent, Cost, CostKnown, ExecutionId,
        FinishedAt, Iteration, Overrun, Path, RemoteTask, Request, Reserved, Reused, StartedAt, State,
        Status, Usage, WakeAt,
    };
    OnConflict::columns([ExecutionId, Path])
        .update_columns([
            Status,
            State,
            Attempts,
            AttemptsBefore,
            Iteration,
            Request,
            RemoteTask,
            Cost,
            CostKnown,
            Overrun,
            Reserved,
            ChildSpent,
            ChildMaxBudget,
            Usage,
            Reused,
            ChildExecutionId,
            WakeAt,
            StartedAt,
            FinishedAt,
        ])
        .to_owned()
}

fn replace_attempt() -> OnConflict {
    use attempt::Column::{
        Cost, CostKnown, Error, ExecutionId, FinishedAt, Lines, Number, Overrun, Path, PriceVersion,
        Reserved, Status, Usage,
    };
    OnConflict::columns([ExecutionId, Path, Number])
        .update_columns([
            Status,
            Reserved,
            Cost,
            CostKnown,
            Lines,
            PriceVersion,
            Overrun,
            Usage,
            Error,
            FinishedAt,
        ])
        .to_owned()
}

fn replace_approval() -> OnConflict {
    use approval::Column::{Decisions, ExpiresAt, Id, Status};
    OnConflict::column(Id)
        .update_columns([Status, Decisions, ExpiresAt])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use agentchains_machine::ExecutionStatus;
    use agentchains_ports::Fence;
    use agentchains_testkit::samples;
    use sea_orm::{DatabaseConnection, TransactionTrait};
    use sea_orm_migration::MigratorTrait;

    use super::*;
    use crate::{
        StoreOptions, connect,
        mapping::{input_model, label_models, seed_models},
        migration::Migrator,
    };

    fn rows(status: ExecutionStatus, fence: Fence) -> Rows {
        let mut changes = samples::changes(samples::execution(1), 0);
        changes.execution.status = status;
        Rows::of(&changes, fence).unwrap()
    }

    async fn database_with(status: ExecutionStatus, fence: Fence) -> DatabaseConnection {
        let connection = connect::writer(&StoreOptions::new("sqlite::memory:"))
            .await
            .unwrap();
        Migrator::up(&connection, None).await.unwrap();
        let changes = samples::changes(samples::execution(1), 0);
        let new = NewRows {
            id: changes.execution.id,
            fence,
            rows: rows(status, fence),
            input: input_model(&changes).unwrap(),
            labels: label_models(&changes),
            seeds: seed_models(&changes).unwrap(),
            key: None,
        };
        let tx = connection.begin().await.unwrap();
        write(&tx, &[&new], &[]).await.unwrap();
        tx.commit().await.unwrap();
        connection
    }

    /// The check before the statement would have refused these; the statement does it too.
    #[tokio::test]
    async fn the_statement_itself_changes_no_execution_that_another_writer_or_its_end_has_closed() {
        use ExecutionStatus::{Completed, Running};

        let stored = Fence {
            epoch: 2,
            revision: 5,
        };
        for (status, fence, written) in [
            (
                Running,
                Fence {
                    epoch: 2,
                    revision: 6,
                },
                true,
            ),
            (
                Running,
                Fence {
                    epoch: 2,
                    revision: 5,
                },
                false,
            ),
            (
                Running,
                Fence {
                    epoch: 2,
                    revision: 7,
                },
                false,
            ),
            (
                Running,
                Fence {
                    epoch: 1,
                    revision: 6,
                },
                false,
            ),
            (
                Running,
                Fence {
                    epoch: 3,
                    revision: 6,
                },
                false,
            ),
            (
                Completed,
                Fence {
                    epoch: 2,
                    revision: 6,
                },
                false,
            ),
        ] {
            let connection = database_with(status, stored).await;
            let tx = connection.begin().await.unwrap();
            let outcome = write(&tx, &[], &[&rows(Running, fence)]).await;
            assert_eq!(outcome.is_ok(), written, "{status} under {fence:?}: {outcome:?}");
        }
    }
}
