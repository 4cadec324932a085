//! The statements of a group commit: for each table one, whatever the number of executions.

use std::sync::LazyLock;

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, ExprTrait, ModelTrait,
    sea_query::{Alias, Expr, OnConflict, Query, TableRef, UpdateStatement, ValueTuple},
};

use super::{create::NewRows, script::Script};
use crate::{
    entity::{
        approval, attempt, event, execution, execution_input, execution_label, idempotency_key, node, seed,
    },
    mapping::Rows,
    terminal::not_terminal,
};

/// What statements call the rows that they bring.
const NEW: &str = "new";

/// Writes executions that are recorded for the first time and such that go on.
///
/// # Errors
/// [`DbErr::RecordNotUpdated`] when an execution that goes on is not the one that its rows were computed from.
pub(super) async fn write(
    tx: &DatabaseTransaction,
    created: &[&NewRows],
    committed: &[&Rows],
) -> Result<(), DbErr> {
    let mut script = Script::new(tx);
    let executions = created.iter().map(|new| new.rows.execution.clone()).collect();
    script.insert::<execution::Entity>(executions, None);
    let executions: Vec<_> = committed.iter().map(|rows| rows.execution.clone()).collect();
    script.update(&executions, advance_executions);

    let inputs = created.iter().map(|new| new.input.clone()).collect();
    script.insert::<execution_input::Entity>(inputs, None);
    let labels = created
        .iter()
        .flat_map(|new| new.labels.iter().cloned())
        .collect();
    script.insert::<execution_label::Entity>(labels, None);
    let seeds = created.iter().flat_map(|new| new.seeds.iter().cloned()).collect();
    script.insert::<seed::Entity>(seeds, None);
    let keys = created.iter().filter_map(|new| new.key.clone()).collect();
    script.insert::<idempotency_key::Entity>(keys, None);

    let all = || {
        created
            .iter()
            .map(|new| &new.rows)
            .chain(committed.iter().copied())
    };
    let nodes = all().flat_map(|rows| rows.nodes.iter().cloned()).collect();
    script.insert::<node::Entity>(nodes, Some(&REPLACE_NODE));
    let attempts = all().flat_map(|rows| rows.attempts.iter().cloned()).collect();
    script.insert::<attempt::Entity>(attempts, Some(&REPLACE_ATTEMPT));
    let approvals = all().flat_map(|rows| rows.approvals.iter().cloned()).collect();
    script.insert::<approval::Entity>(approvals, Some(&REPLACE_APPROVAL));
    // A number that is there already is refused by the key, which keeps the sequence free of repeats.
    let events = all().flat_map(|rows| rows.events.iter().cloned()).collect();
    script.insert::<event::Entity>(events, None);
    if script.run(tx).await? {
        Ok(())
    } else {
        Err(DbErr::RecordNotUpdated)
    }
}

static REPLACE_NODE: LazyLock<OnConflict> = LazyLock::new(replace_node);
static REPLACE_ATTEMPT: LazyLock<OnConflict> = LazyLock::new(replace_attempt);
static REPLACE_APPROVAL: LazyLock<OnConflict> = LazyLock::new(replace_approval);

/// Brings executions up to these rows, each if it is the one that its row was computed from.
fn advance_executions(rows: &[execution::Model]) -> UpdateStatement {
    use execution::Column::{
        Children, CostKnown, Deadline, Ending, Error, FinishedAt, Id, InFlight, IsDriven, LastSeq,
        LeaseEpoch, MaxBudget, NodesSettled, NodesTotal, Output, ParentHolds, PauseReason, Recoveries,
        Reserved, Revision, Spent, StartedAt, Status, WakeAt,
    };
    const CONDITIONS: [execution::Column; 3] = [Id, LeaseEpoch, Revision];
    const CHANGES: [execution::Column; 21] = [
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
        IsDriven,
        Recoveries,
    ];
    let columns = || CONDITIONS.into_iter().chain(CHANGES);
    let values = rows
        .iter()
        .map(|row| ValueTuple::Many(columns().map(|column| row.get(column)).collect()));
    // Databases name the columns of a list of values like this.
    let new = |position: usize| Expr::col((NEW, Alias::new(format!("column{}", position + 1))));
    let mut update = Query::update();
    update
        .table(execution::Entity)
        .from(TableRef::ValuesList(values.collect(), NEW.into()))
        .value(Revision, new(2))
        .and_where(Id.into_expr().eq(new(0)))
        .and_where(LeaseEpoch.into_expr().eq(new(1)))
        .and_where(Revision.into_expr().add(1).eq(new(2)))
        .and_where(not_terminal());
    for (position, column) in columns().enumerate().skip(CONDITIONS.len()) {
        update.value(column, new(position));
    }
    update
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

    use super::*;
    use crate::{
        StoreOptions,
        backend::sqlite,
        mapping::{input_model, label_models, seed_models},
        migration,
    };

    fn rows(status: ExecutionStatus, fence: Fence) -> Rows {
        let mut changes = samples::changes(samples::execution(1), 0);
        changes.execution.status = status;
        Rows::of(&changes, fence).unwrap()
    }

    async fn database_with(status: ExecutionStatus, fence: Fence) -> DatabaseConnection {
        let connection = sqlite::writer(&StoreOptions::new("sqlite::memory:"))
            .await
            .unwrap();
        migration::up(&connection).await.unwrap();
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
