//! The write path of executions.

use agentchains_cost::Budget;
use agentchains_machine::{Changes, ExecutionId};
use agentchains_ports::{
    Claimed, Commit, CommitError, Creation, ExecutionStore, Fence, Idempotency, Interrupted, PurseChange,
    PurseId, StoreError,
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::{Entry, KeyVerdict, Made, MemoryStore, repeated};

#[async_trait]
impl ExecutionStore for MemoryStore {
    async fn create(
        &self,
        changes: Changes,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<(ExecutionId, Fence)>, StoreError> {
        let id = changes.execution.id;
        let tenant = changes.execution.tenant.clone();
        let mut data = self.data();
        if let Some(key) = &idempotency {
            match data.key_verdict(&tenant, key, changes.execution.created_at) {
                KeyVerdict::Fresh => {}
                KeyVerdict::Replay(Made::Execution(earlier)) => {
                    let made = data.executions.get(&earlier).map(|entry| (earlier, entry.fence));
                    return Ok(made.map_or(Creation::KeyReused, Creation::Replayed));
                }
                KeyVerdict::Replay(_) | KeyVerdict::Reused => return Ok(Creation::KeyReused),
            }
        }
        if let Some(earlier) = data.executions.get(&id) {
            return Ok(Creation::Replayed((id, earlier.fence)));
        }
        if let Some(key) = idempotency {
            data.use_key(&tenant, key, Made::Execution(id));
        }
        let fence = Fence {
            epoch: self.epoch,
            revision: 1,
        };
        if let Some(limit) = changes.execution.max_budget {
            data.purses
                .insert(PurseId::of_execution(id), Budget::new(Some(limit)));
        }
        data.record_deliveries(&changes);
        data.executions.insert(id, Entry::new(changes, fence));
        Ok(Creation::Created((id, fence)))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let mut guard = self.data();
        let data = &mut *guard;
        let entry = data
            .executions
            .get_mut(&commit.changes.execution.id)
            .ok_or(CommitError::Fenced)?;
        if entry.fence != commit.fence || entry.row.status.is_terminal() {
            return Err(CommitError::Fenced);
        }
        let last = entry.events.last().map_or(0, |event| event.seq);
        if commit
            .changes
            .events
            .first()
            .is_some_and(|event| event.seq <= last)
        {
            return Err(repeated("events.seq").into());
        }
        let purses = PurseChange::apply_all(&commit.purses, |id| data.purses.get(id))?;
        let made = purses.keys().filter(|id| !data.purses.contains_key(id));
        let made: Vec<PurseId> = made.cloned().collect();
        data.purses
            .retain(|id, _| !made.iter().any(|latest| id.is_outdated_by(latest)));
        data.purses.extend(purses);
        entry.apply(commit.changes.clone());
        entry.fence = entry.fence.advanced();
        data.record_deliveries(&commit.changes);
        Ok(())
    }

    async fn claim(&self, id: ExecutionId) -> Result<Option<Claimed>, StoreError> {
        let mut data = self.data();
        let Some(entry) = data
            .executions
            .get_mut(&id)
            .filter(|entry| !entry.row.status.is_terminal())
        else {
            return Ok(None);
        };
        if entry.is_interrupted(self.epoch) {
            entry.row.recoveries += 1;
        }
        entry.fence.epoch = entry.fence.epoch.max(self.epoch);
        Ok(Some(Claimed {
            fence: entry.fence,
            snapshot: entry.snapshot(),
        }))
    }

    async fn interrupted(
        &self,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<Interrupted>, StoreError> {
        let data = self.data();
        let interrupted = data
            .executions
            .iter()
            .filter(|(id, entry)| Some(**id) > after && entry.is_interrupted(self.epoch))
            .map(|(id, entry)| Interrupted {
                id: *id,
                root: entry.row.root(),
                recoveries: entry.row.recoveries,
            });
        Ok(interrupted
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect())
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<ExecutionId>, StoreError> {
        let mut due = self.timers();
        due.retain(|(at, _)| *at <= now);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due.into_iter().map(|(_, id)| id).collect())
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.timers().first().map(|(at, _)| *at))
    }
}

impl MemoryStore {
    /// When which execution wants to be woken, earliest first.
    fn timers(&self) -> Vec<(Timestamp, ExecutionId)> {
        let data = self.data();
        let live = data
            .executions
            .iter()
            .filter(|(_, entry)| !entry.row.status.is_terminal());
        let mut timers: Vec<_> = live
            .filter_map(|(id, entry)| Some((entry.row.wake_at?, *id)))
            .collect();
        timers.sort_unstable();
        timers
    }
}
