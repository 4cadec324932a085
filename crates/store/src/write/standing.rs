//! Where executions stand in the database, and whether a commit may go on from there.

use std::collections::HashMap;

use agentchains_machine::ExecutionStatus;
use agentchains_ports::Fence;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use crate::{
    entity::execution::{self, Column},
    mapping::Rows,
};

/// The part of an execution's row that decides about writes.
pub(super) struct Standing {
    epoch: i64,
    revision: i64,
    terminal: bool,
}

impl Standing {
    /// How an execution stands right after these rows were written.
    pub(super) fn after(rows: &Rows) -> Self {
        Self {
            epoch: rows.execution.lease_epoch,
            revision: rows.execution.revision,
            terminal: is_terminal(&rows.execution.status),
        }
    }

    /// Whether rows were computed from just this, under the present lease, and there is anything to change: a
    /// terminal execution stays as it is.
    pub(super) fn admits(&self, rows: &Rows) -> bool {
        !self.terminal
            && self.epoch == rows.execution.lease_epoch
            && self.revision.checked_add(1) == Some(rows.execution.revision)
    }

    pub(super) fn fence(&self) -> Option<Fence> {
        Some(Fence {
            epoch: self.epoch.try_into().ok()?,
            revision: self.revision.try_into().ok()?,
        })
    }
}

/// The standings of all that exist of these executions, in one query.
pub(super) async fn standings(
    before: &impl ConnectionTrait,
    ids: Vec<&str>,
) -> Result<HashMap<String, Standing>, DbErr> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(String, i64, i64, String)> = execution::Entity::find()
        .select_only()
        .columns([Column::Id, Column::LeaseEpoch, Column::Revision, Column::Status])
        .filter(Column::Id.is_in(ids))
        .into_tuple()
        .all(before)
        .await?;
    let standing = |(id, epoch, revision, status): (String, i64, i64, String)| {
        (
            id,
            Standing {
                epoch,
                revision,
                terminal: is_terminal(&status),
            },
        )
    };
    Ok(found.into_iter().map(standing).collect())
}

fn is_terminal(status: &str) -> bool {
    status.parse().is_ok_and(ExecutionStatus::is_terminal)
}
