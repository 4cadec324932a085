//! Questions to people, one and in lists.

use std::str::FromStr;

use agentchains_machine::{ApprovalId, ApprovalRow, ApprovalStatus, ExecutionId};
use agentchains_ports::{ApprovalFilter, Page, PageRequest, StoreError};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, TransactionTrait,
};

use crate::{
    entity::approval::{Column, Entity, Model},
    large,
    mapping::approval_row,
    paging,
};

/// The two parts of the list: those that wait for a person come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Pending,
    Settled,
}

/// The last question that was given out: `pending:<id>` or `settled:<id>`.
struct Position {
    section: Section,
    id: ApprovalId,
}

/// One question of a tenant.
pub(super) async fn one<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    tenant: &str,
    id: ApprovalId,
) -> Result<Option<ApprovalRow>, StoreError> {
    let row = Entity::find_by_id(id.to_string()).filter(Column::Tenant.eq(tenant));
    let mut rows = large::rows(connection, row).await?;
    rows.pop().map(approval_row).transpose()
}

/// The questions of an execution in a status, oldest first.
pub(crate) async fn of_execution<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    id: ExecutionId,
    status: ApprovalStatus,
) -> Result<Vec<ApprovalRow>, StoreError> {
    let rows = Entity::find()
        .filter(Column::ExecutionId.eq(id.to_string()))
        .filter(Column::Status.eq(status.as_str()))
        .order_by_asc(Column::Id);
    let rows = large::rows(connection, rows).await?;
    rows.into_iter().map(approval_row).collect()
}

/// A tenant's questions, pending ones first, then newest first. `connection` is a transaction's, so that a
/// question that is decided meanwhile is in one of the sections and not in both.
pub(super) async fn list<C: ConnectionTrait + TransactionTrait>(
    connection: &C,
    tenant: &str,
    filter: &ApprovalFilter,
    page: &PageRequest,
) -> Result<Page<ApprovalRow>, StoreError> {
    let position: Option<Position> = paging::position(page)?;
    let wanted = paging::rows_to_read(page);
    let mut rows: Vec<Model> = Vec::new();
    for section in [Section::Pending, Section::Settled] {
        let last = match &position {
            Some(position) if position.section == section => Some(position.id),
            Some(position) if position.section == Section::Settled => continue,
            _ => None,
        };
        let missing = wanted.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        let found = section.select(tenant, filter, last).limit(missing);
        rows.extend(large::rows(connection, found).await?);
    }
    paging::part(rows, page, Position::cursor, approval_row)
}

impl Section {
    const fn of(status: &str) -> Self {
        if matches!(status.as_bytes(), b"pending") {
            Self::Pending
        } else {
            Self::Settled
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Settled => "settled",
        }
    }

    fn select(self, tenant: &str, filter: &ApprovalFilter, last: Option<ApprovalId>) -> Select<Entity> {
        let wanted = |status: &&ApprovalStatus| {
            Self::of(status.as_str()) == self && filter.status.is_none_or(|only| only == **status)
        };
        let statuses = ApprovalStatus::ALL
            .iter()
            .filter(wanted)
            .map(|status| status.as_str());
        let mut query = Entity::find()
            .filter(Column::Tenant.eq(tenant))
            .filter(Column::Status.is_in(statuses))
            .order_by_desc(Column::Id);
        if let Some(execution_id) = filter.execution_id {
            query = query.filter(Column::ExecutionId.eq(execution_id.to_string()));
        }
        if let Some(root) = filter.root_execution_id {
            query = query.filter(Column::RootExecutionId.eq(root.to_string()));
        }
        if let Some(last) = last {
            query = query.filter(Column::Id.lt(last.to_string()));
        }
        query
    }
}

impl Position {
    fn cursor(last: &Model) -> String {
        format!("{}:{}", Section::of(&last.status).name(), last.id)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(cursor: &str) -> Result<Self, ()> {
        let (name, id) = cursor.split_once(':').ok_or(())?;
        let section = [Section::Pending, Section::Settled]
            .into_iter()
            .find(|section| section.name() == name);
        Ok(Self {
            section: section.ok_or(())?,
            id: id.parse().map_err(drop)?,
        })
    }
}
