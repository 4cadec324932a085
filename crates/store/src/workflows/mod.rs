//! Workflows and their versions.

mod changes;

use agentchains_machine::WorkflowId;
use agentchains_ports::{
    Change, Creation, Idempotency, NewVersion, Page, PageRequest, StoreError, VersionRecord, WorkflowFilter,
    WorkflowRecord, WorkflowStore,
};
use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::LikeExpr};

use crate::{
    Store,
    entity::{workflow, workflow_version},
    error::store_error,
    mapping::{folded, version_record, workflow_record},
    paging,
};

#[async_trait]
impl WorkflowStore for Store {
    async fn create_workflow(
        &self,
        tenant: &str,
        id: WorkflowId,
        version: NewVersion,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<WorkflowRecord>, StoreError> {
        let tenant = tenant.to_owned();
        self.write(move |tx| {
            Box::pin(async move { changes::create(tx, &tenant, id, version, idempotency).await })
        })
        .await
    }

    async fn add_version(
        &self,
        tenant: &str,
        id: WorkflowId,
        seen: Option<u32>,
        version: NewVersion,
    ) -> Result<Change<WorkflowRecord>, StoreError> {
        let tenant = tenant.to_owned();
        self.write(move |tx| {
            Box::pin(async move { changes::add_version(tx, &tenant, id, seen, version).await })
        })
        .await
    }

    async fn archive_workflow(
        &self,
        tenant: &str,
        id: WorkflowId,
        seen: Option<u32>,
        now: Timestamp,
    ) -> Result<Change<()>, StoreError> {
        let tenant = tenant.to_owned();
        self.write(move |tx| Box::pin(async move { changes::archive(tx, &tenant, id, seen, now).await }))
            .await
    }

    async fn set_published(
        &self,
        tenant: &str,
        id: WorkflowId,
        published: bool,
    ) -> Result<Option<WorkflowRecord>, StoreError> {
        let tenant = tenant.to_owned();
        self.write(move |tx| {
            Box::pin(async move { changes::set_published(tx, &tenant, id, published).await })
        })
        .await
    }

    async fn workflow(&self, tenant: &str, id: WorkflowId) -> Result<Option<WorkflowRecord>, StoreError> {
        let row = changes::of_tenant(tenant, id)
            .one(self.reader())
            .await
            .map_err(store_error)?;
        row.map(workflow_record).transpose()
    }

    async fn find_by_name(&self, tenant: &str, name: &str) -> Result<Option<WorkflowRecord>, StoreError> {
        use workflow::Column::{Archived, Id, Name, Tenant};

        let row = workflow::Entity::find()
            .filter(Tenant.eq(tenant))
            .filter(Name.eq(name))
            .filter(Archived.eq(false))
            .order_by_desc(Id)
            .one(self.reader())
            .await
            .map_err(store_error)?;
        row.map(workflow_record).transpose()
    }

    async fn workflows(
        &self,
        tenant: &str,
        filter: &WorkflowFilter,
        page: &PageRequest,
    ) -> Result<Page<WorkflowRecord>, StoreError> {
        use workflow::Column::{Archived, Id, NameFolded, Published, Tenant};

        let mut query = workflow::Entity::find()
            .filter(Tenant.eq(tenant))
            .order_by_desc(Id);
        if let Some(text) = &filter.name_contains {
            query = query.filter(NameFolded.like(containing(&folded(text))));
        }
        if let Some(archived) = filter.archived {
            query = query.filter(Archived.eq(archived));
        }
        if let Some(published) = filter.published {
            query = query.filter(Published.eq(published));
        }
        if let Some(last) = paging::position::<WorkflowId>(page)? {
            query = query.filter(Id.lt(last.to_string()));
        }
        let rows = query
            .limit(paging::rows_to_read(page))
            .all(self.reader())
            .await
            .map_err(store_error)?;
        paging::part(rows, page, |last| last.id.clone(), workflow_record)
    }

    async fn version(&self, id: WorkflowId, version: u32) -> Result<Option<VersionRecord>, StoreError> {
        let row = workflow_version::Entity::find_by_id((id.to_string(), i64::from(version)))
            .one(self.reader())
            .await
            .map_err(store_error)?;
        row.map(version_record).transpose()
    }

    async fn versions(&self, id: WorkflowId, page: &PageRequest) -> Result<Page<VersionRecord>, StoreError> {
        use workflow_version::Column::{Version, WorkflowId};

        let mut query = workflow_version::Entity::find()
            .filter(WorkflowId.eq(id.to_string()))
            .order_by_asc(Version);
        if let Some(last) = paging::position::<u32>(page)? {
            query = query.filter(Version.gt(i64::from(last)));
        }
        let rows = query
            .limit(paging::rows_to_read(page))
            .all(self.reader())
            .await
            .map_err(store_error)?;
        paging::part(rows, page, |last| last.version.to_string(), version_record)
    }
}

/// A pattern for names with this text in them, in which no character of the text has a meaning of its own.
fn containing(text: &str) -> LikeExpr {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape('\\')
}
