//! The rows of a group commit, table by table, whatever the number of executions.

use std::sync::LazyLock;

use sea_orm::{
    ColumnTrait, ExprTrait, ModelTrait,
    sea_query::{Alias, Expr, OnConflict, Query, TableRef, UpdateStatement, ValueTuple},
};

use super::{
    create::NewRows,
    script::{Row, Script},
};
use crate::{
    entity::{
        approval, attempt,
        execution::{
            self,
            Column::{
                Children, CostKnown, Deadline, Ending, Error, FinishedAt, Id, InFlight, IsDriven, LastSeq,
                LeaseEpoch, MaxBudget, NodesSettled, NodesTotal, Output, ParentHolds, PauseReason,
                Recoveries, Reserved, Revision, Spent, StartedAt, Status, WakeAt,
            },
        },
        node,
    },
    mapping::Rows,
    terminal::not_terminal,
};

/// What statements call the rows that they bring.
const NEW: &str = "new";

/// Adds executions that are recorded for the first time and such that go on. A row is not written when an execution
/// that goes on is not the one that its rows were computed from.
pub(super) fn record(script: &mut Script, created: &[&NewRows], committed: &[&Rows]) {
    script.insert(created.iter().map(|new| &new.rows.execution), None);
    let executions = committed.iter().map(|rows| advanced(&rows.execution));
    script.update("advanced executions", executions.collect(), advance_executions);

    script.insert(created.iter().map(|new| &new.input), None);
    script.insert(created.iter().flat_map(|new| &new.labels), None);
    script.insert(created.iter().flat_map(|new| &new.seeds), None);
    script.insert(created.iter().filter_map(|new| new.key.as_ref()), None);

    let all = || {
        created
            .iter()
            .map(|new| &new.rows)
            .chain(committed.iter().copied())
    };
    script.insert(all().flat_map(|rows| &rows.nodes), Some(&REPLACE_NODE));
    script.insert(all().flat_map(|rows| &rows.attempts), Some(&REPLACE_ATTEMPT));
    script.insert(all().flat_map(|rows| &rows.approvals), Some(&REPLACE_APPROVAL));
    // A number that is there already is refused by the key, which keeps the sequence free of repeats.
    script.insert(all().flat_map(|rows| &rows.events), None);
    script.insert(all().flat_map(|rows| &rows.deliveries), None);
}

static REPLACE_NODE: LazyLock<OnConflict> = LazyLock::new(replace_node);
static REPLACE_ATTEMPT: LazyLock<OnConflict> = LazyLock::new(replace_attempt);
static REPLACE_APPROVAL: LazyLock<OnConflict> = LazyLock::new(replace_approval);

/// What a commit changes of an execution.
const CHANGES: [execution::Column; 22] = [
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
    Revision,
];

/// The values of [`advance_executions`].
fn advanced(row: &execution::Model) -> Row {
    let computed_from = [
        row.get(Id),
        row.get(LeaseEpoch),
        row.revision.saturating_sub(1).into(),
    ];
    let changes = CHANGES.into_iter().map(|column| row.get(column));
    changes.chain(computed_from).collect()
}

/// Brings executions up to these rows, each if it is the one that its row was computed from.
fn advance_executions(rows: Vec<Row>) -> UpdateStatement {
    let mut update = Query::update();
    update.table(execution::Entity);
    // Databases name the columns of a list of values like this.
    let new = |position: usize| Expr::col((NEW, Alias::new(format!("column{}", position + 1))));
    let values: Vec<Expr> = match <[Row; 1]>::try_from(rows) {
        Ok([row]) => row.into_iter().map(Expr::value).collect(),
        Err(rows) => {
            let rows = rows.into_iter().map(ValueTuple::Many);
            update.from(TableRef::ValuesList(rows.collect(), NEW.into()));
            (0..CHANGES.len() + 3).map(new).collect()
        }
    };
    let mut values = values.into_iter();
    for (column, value) in CHANGES.into_iter().zip(values.by_ref()) {
        update.value(column, value);
    }
    for (column, value) in [Id, LeaseEpoch, Revision].into_iter().zip(values) {
        update.and_where(column.into_expr().eq(value));
    }
    update.and_where(not_terminal());
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

    use super::*;
    use crate::{
        StoreOptions,
        backend::{Backend, WriteConnection},
        mapping::{input_model, label_models, seed_models},
        open::Presence,
    };

    fn rows(status: ExecutionStatus, fence: Fence) -> Rows {
        let mut changes = samples::changes(samples::execution(1), 0);
        changes.execution.status = status;
        Rows::of(&changes, fence).unwrap()
    }

    async fn written(connection: &WriteConnection, created: &[&NewRows], committed: &[&Rows]) -> bool {
        let tx = connection.begin_group().await.unwrap();
        let mut script = Script::default();
        record(&mut script, created, committed);
        let written = script.run(&tx).await.unwrap();
        tx.commit().await.unwrap();
        written
    }

    async fn database_with(url: &str, status: ExecutionStatus, fence: Fence) -> WriteConnection {
        let options = StoreOptions::new(url);
        let taken = Backend::of(url).unwrap().take(&options, Presence::Alone).await;
        let connection = taken.unwrap().writer;
        connection.migrate().await.unwrap();
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
        assert!(written(&connection, &[&new], &[]).await);
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
        for (status, fence, expected) in [
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
            let directory = tempfile::TempDir::new().unwrap();
            let file = format!("sqlite:{}", directory.path().join("a.db").display());
            for url in [file.as_str(), "sqlite::memory:"] {
                let connection = database_with(url, status, stored).await;
                let outcome = written(&connection, &[], &[&rows(Running, fence)]).await;
                assert_eq!(outcome, expected, "{status} under {fence:?} in {url}");
            }
        }
    }
}
