//! Reading executions and what belongs to them.

use agentchains_cost::Budget;
use agentchains_machine::{
    ApprovalId, ApprovalRow, ApprovalStatus, AttemptRow, Event, ExecutionId, ExecutionRow, NodeRow, Snapshot,
};
use agentchains_ports::{
    ApprovalFilter, ExecutionFilter, ExecutionQuery, History, HistoryRequest, Ledger, Page, PageRequest,
    PurseId, StoreError,
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::{Entry, MemoryStore, history, ledger, paging};

#[async_trait]
impl ExecutionQuery for MemoryStore {
    async fn execution(&self, tenant: &str, id: ExecutionId) -> Result<Option<ExecutionRow>, StoreError> {
        Ok(self
            .of(id, |entry| entry.row.clone())
            .filter(|row| row.tenant == tenant))
    }

    async fn executions(
        &self,
        tenant: &str,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionRow>, StoreError> {
        let last: Option<ExecutionId> = paging::position(page)?;
        let data = self.data();
        let rows = data
            .executions
            .values()
            .rev()
            .map(|entry| &entry.row)
            .filter(|row| row.tenant == tenant && last.is_none_or(|last| row.id < last))
            .filter(|row| passes(filter, row))
            .cloned();
        Ok(paging::part(rows, page, |last| last.id.to_string()))
    }

    async fn count_executions(&self, tenant: &str, filter: &ExecutionFilter) -> Result<u64, StoreError> {
        let data = self.data();
        let rows = data.executions.values().map(|entry| &entry.row);
        let wanted = rows.filter(|row| row.tenant == tenant && passes(filter, row));
        Ok(wanted.count() as u64)
    }

    async fn children(&self, parent: ExecutionId) -> Result<Vec<ExecutionRow>, StoreError> {
        let of_parent = |row: &&ExecutionRow| {
            row.parent
                .as_ref()
                .is_some_and(|above| above.execution_id == parent)
        };
        let data = self.data();
        let rows = data.executions.values().map(|entry| &entry.row);
        Ok(rows.filter(of_parent).cloned().collect())
    }

    async fn has_children(&self, parent: ExecutionId) -> Result<bool, StoreError> {
        Ok(!self.children(parent).await?.is_empty())
    }

    async fn count_in_tree(&self, root: ExecutionId) -> Result<u64, StoreError> {
        let data = self.data();
        let in_tree = data.executions.values().filter(|entry| entry.row.root() == root);
        Ok(u64::try_from(in_tree.count()).unwrap_or(u64::MAX))
    }

    async fn snapshot(&self, tenant: &str, id: ExecutionId) -> Result<Option<Snapshot>, StoreError> {
        let snapshot = self.of(id, Entry::snapshot);
        Ok(snapshot.filter(|snapshot| snapshot.execution.tenant == tenant))
    }

    async fn nodes(&self, id: ExecutionId) -> Result<Vec<NodeRow>, StoreError> {
        Ok(self.of(id, Entry::nodes).unwrap_or_default())
    }

    async fn waiting_nodes(&self, id: ExecutionId) -> Result<Vec<NodeRow>, StoreError> {
        let mut nodes = self.of(id, Entry::nodes).unwrap_or_default();
        nodes.retain(|node| node.state.waits());
        Ok(nodes)
    }

    async fn purse(&self, id: &PurseId) -> Result<Option<Budget>, StoreError> {
        Ok(self.data().purses.get(id).cloned())
    }

    async fn attempts(&self, id: ExecutionId) -> Result<Vec<AttemptRow>, StoreError> {
        Ok(self.of(id, Entry::attempts).unwrap_or_default())
    }

    async fn ledger(&self, tenant: &str, id: ExecutionId) -> Result<Option<Ledger>, StoreError> {
        Ok(ledger::of(&self.data(), tenant, id))
    }

    async fn events(&self, id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let after = |entry: &Entry| {
            entry
                .events
                .iter()
                .filter(|event| event.seq > after_seq)
                .take(limit)
                .cloned()
                .collect()
        };
        Ok(self.of(id, after).unwrap_or_default())
    }

    async fn history(&self, tenant: &str, wanted: &HistoryRequest) -> Result<History, StoreError> {
        let data = self.data();
        let newest_first = data.executions.values().rev();
        Ok(history::of(
            newest_first.filter(|entry| entry.row.tenant == tenant),
            wanted,
        ))
    }

    async fn approval(&self, tenant: &str, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        let data = self.data();
        let mut own = data
            .executions
            .values()
            .filter(|entry| entry.row.tenant == tenant);
        Ok(own.find_map(|entry| entry.approvals.get(&id)).cloned())
    }

    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        page: &PageRequest,
    ) -> Result<Page<ApprovalRow>, StoreError> {
        let last = page.cursor.as_deref().map(rank_of_cursor).transpose()?;
        let data = self.data();
        let mut rows: Vec<&ApprovalRow> = data
            .executions
            .values()
            .filter(|entry| entry.row.tenant == tenant)
            .flat_map(|entry| entry.approvals.values())
            .filter(|row| filter.status.is_none_or(|status| row.status == status))
            .filter(|row| filter.execution_id.is_none_or(|id| row.execution_id == id))
            .filter(|row| {
                filter
                    .root_execution_id
                    .is_none_or(|root| row.root_execution_id == root)
            })
            .filter(|row| last.is_none_or(|last| rank(row) < last))
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(rank(row)));
        Ok(paging::part(rows.into_iter().cloned(), page, |last| {
            let (pending, id) = rank(last);
            format!("{pending}:{id}")
        }))
    }

    async fn delete_terminal(&self, tenant: &str, id: ExecutionId) -> Result<bool, StoreError> {
        let mut data = self.data();
        let terminal = |entry: &Entry| entry.row.tenant == tenant && entry.row.status.is_terminal();
        if !data.executions.get(&id).is_some_and(terminal) {
            return Ok(false);
        }
        data.executions.remove(&id);
        data.purses.remove(&PurseId::of_execution(id));
        data.forget_deliveries(id);
        Ok(true)
    }

    async fn ended_before(
        &self,
        moment: Timestamp,
        limit: u32,
    ) -> Result<Vec<(String, ExecutionId)>, StoreError> {
        let data = self.data();
        let runs = |id: ExecutionId| {
            let entry = data.executions.get(&id);
            entry.is_some_and(|entry| !entry.row.status.is_terminal())
        };
        let root = |row: &ExecutionRow| {
            row.parent
                .as_ref()
                .map_or(row.id, |parent| parent.root_execution_id)
        };
        let mut ended: Vec<(Timestamp, &ExecutionRow)> = data
            .executions
            .values()
            .map(|entry| &entry.row)
            .filter(|row| row.status.is_terminal() && !runs(root(row)))
            .filter_map(|row| Some((row.finished_at?, row)))
            .filter(|(finished_at, _)| *finished_at < moment)
            .collect();
        ended.sort_by_key(|(finished_at, row)| (*finished_at, row.id));
        let ended = ended
            .into_iter()
            .take(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(ended.map(|(_, row)| (row.tenant.clone(), row.id)).collect())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl MemoryStore {
    fn of<T>(&self, id: ExecutionId, read: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.data().executions.get(&id).map(read)
    }
}

fn passes(filter: &ExecutionFilter, row: &ExecutionRow) -> bool {
    filter.workflow_id.is_none_or(|id| row.workflow_id == id)
        && (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
        && filter
            .labels
            .iter()
            .all(|(name, value)| row.labels.get(name) == Some(value))
        && filter.started_after.is_none_or(|moment| row.created_at > moment)
        && filter.started_before.is_none_or(|moment| row.created_at < moment)
}

/// Where a question stands in the list, from the end: pending ones above settled ones, later ones above earlier.
fn rank(row: &ApprovalRow) -> (bool, ApprovalId) {
    (row.status == ApprovalStatus::Pending, row.id)
}

fn rank_of_cursor(cursor: &str) -> Result<(bool, ApprovalId), StoreError> {
    let parts = cursor
        .split_once(':')
        .and_then(|(pending, id)| Some((pending.parse().ok()?, id.parse().ok()?)));
    parts.ok_or_else(|| agentchains_ports::InvalidCursor.into())
}
