//! Workflows and their versions.

use agentchains_machine::WorkflowId;
use agentchains_ports::{
    Change, Creation, Idempotency, NewVersion, Page, PageRequest, StoreError, VersionRecord, WorkflowFilter,
    WorkflowRecord, WorkflowStore,
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::{Data, KeyVerdict, Made, MemoryStore, Stored, paging, repeated};

#[async_trait]
impl WorkflowStore for MemoryStore {
    async fn create_workflow(
        &self,
        tenant: &str,
        id: WorkflowId,
        version: NewVersion,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<WorkflowRecord>, StoreError> {
        let mut data = self.data();
        if let Some(key) = &idempotency {
            match data.key_verdict(tenant, key, version.now) {
                KeyVerdict::Fresh => {}
                KeyVerdict::Replay(Made::Workflow(earlier)) => {
                    let made = data.workflows.get(&earlier);
                    return Ok(made.map_or(Creation::KeyReused, |made| {
                        Creation::Replayed(made.record.clone())
                    }));
                }
                KeyVerdict::Replay(_) | KeyVerdict::Reused => return Ok(Creation::KeyReused),
            }
        }
        if data.workflows.contains_key(&id) {
            return Err(repeated("workflows.id"));
        }
        if let Some(key) = idempotency {
            data.use_key(tenant, key, Made::Workflow(id));
        }
        let record = WorkflowRecord {
            id,
            tenant: tenant.to_owned(),
            name: version.name.clone(),
            description: version.description.clone(),
            version: 1,
            archived: false,
            published: false,
            created_at: version.now,
            updated_at: version.now,
        };
        let versions = vec![numbered(id, 1, version)];
        data.workflows.insert(
            id,
            Stored {
                record: record.clone(),
                versions,
            },
        );
        Ok(Creation::Created(record))
    }

    async fn add_version(
        &self,
        tenant: &str,
        id: WorkflowId,
        seen: Option<u32>,
        version: NewVersion,
    ) -> Result<Change<WorkflowRecord>, StoreError> {
        let mut data = self.data();
        let stored = match data.changeable(tenant, id, seen) {
            Change::Done(stored) => stored,
            Change::Absent => return Ok(Change::Absent),
            Change::Stale => return Ok(Change::Stale),
        };
        let record = &mut stored.record;
        record.version = record.version.saturating_add(1);
        record.name.clone_from(&version.name);
        record.description.clone_from(&version.description);
        record.archived = false;
        record.updated_at = version.now;
        stored.versions.push(numbered(id, record.version, version));
        Ok(Change::Done(record.clone()))
    }

    async fn archive_workflow(
        &self,
        tenant: &str,
        id: WorkflowId,
        seen: Option<u32>,
        now: Timestamp,
    ) -> Result<Change<()>, StoreError> {
        let mut data = self.data();
        let stored = match data.changeable(tenant, id, seen) {
            Change::Done(stored) => stored,
            Change::Absent => return Ok(Change::Absent),
            Change::Stale => return Ok(Change::Stale),
        };
        if !stored.record.archived {
            stored.record.archived = true;
            stored.record.updated_at = now;
        }
        Ok(Change::Done(()))
    }

    async fn set_published(
        &self,
        tenant: &str,
        id: WorkflowId,
        published: bool,
    ) -> Result<Option<WorkflowRecord>, StoreError> {
        let mut data = self.data();
        let Change::Done(stored) = data.changeable(tenant, id, None) else {
            return Ok(None);
        };
        stored.record.published = published;
        Ok(Some(stored.record.clone()))
    }

    async fn workflow(&self, tenant: &str, id: WorkflowId) -> Result<Option<WorkflowRecord>, StoreError> {
        let data = self.data();
        let stored = data
            .workflows
            .get(&id)
            .filter(|stored| stored.record.tenant == tenant);
        Ok(stored.map(|stored| stored.record.clone()))
    }

    async fn find_by_name(&self, tenant: &str, name: &str) -> Result<Option<WorkflowRecord>, StoreError> {
        let data = self.data();
        let mut newest_first = data.workflows.values().rev().map(|stored| &stored.record);
        let wanted =
            |record: &&WorkflowRecord| record.tenant == tenant && record.name == name && !record.archived;
        Ok(newest_first.find(wanted).cloned())
    }

    async fn workflows(
        &self,
        tenant: &str,
        filter: &WorkflowFilter,
        page: &PageRequest,
    ) -> Result<Page<WorkflowRecord>, StoreError> {
        let last: Option<WorkflowId> = paging::position(page)?;
        let text = filter.name_contains.as_ref().map(|text| text.to_lowercase());
        let data = self.data();
        let records = data
            .workflows
            .values()
            .rev()
            .map(|stored| &stored.record)
            .filter(|record| record.tenant == tenant && last.is_none_or(|last| record.id < last))
            .filter(|record| filter.archived.is_none_or(|archived| record.archived == archived))
            .filter(|record| {
                filter
                    .published
                    .is_none_or(|published| record.published == published)
            })
            .filter(|record| {
                text.as_ref()
                    .is_none_or(|text| record.name.to_lowercase().contains(text))
            })
            .cloned();
        Ok(paging::part(records, page, |last| last.id.to_string()))
    }

    async fn version(&self, id: WorkflowId, version: u32) -> Result<Option<VersionRecord>, StoreError> {
        let data = self.data();
        let mut versions = data
            .workflows
            .get(&id)
            .into_iter()
            .flat_map(|stored| &stored.versions);
        Ok(versions.find(|record| record.version == version).cloned())
    }

    async fn versions(&self, id: WorkflowId, page: &PageRequest) -> Result<Page<VersionRecord>, StoreError> {
        let last: Option<u32> = paging::position(page)?;
        let data = self.data();
        let versions = data
            .workflows
            .get(&id)
            .into_iter()
            .flat_map(|stored| &stored.versions);
        let after = versions.filter(|record| Some(record.version) > last).cloned();
        Ok(paging::part(after, page, |last| last.version.to_string()))
    }
}

impl Data {
    /// The workflow that a change is about, if the change may be made.
    fn changeable(&mut self, tenant: &str, id: WorkflowId, seen: Option<u32>) -> Change<&mut Stored> {
        match self
            .workflows
            .get_mut(&id)
            .filter(|stored| stored.record.tenant == tenant)
        {
            None => Change::Absent,
            Some(stored) if seen.is_some_and(|seen| seen != stored.record.version) => Change::Stale,
            Some(stored) => Change::Done(stored),
        }
    }
}

fn numbered(workflow_id: WorkflowId, version: u32, new: NewVersion) -> VersionRecord {
    VersionRecord {
        workflow_id,
        version,
        document: new.document,
        hash: new.hash,
        created_by: new.created_by,
        created_at: new.now,
    }
}
