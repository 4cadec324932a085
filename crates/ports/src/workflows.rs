//! Workflows and their immutable versions.

use agentchains_machine::WorkflowId;
use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Creation, Idempotency, Page, PageRequest, StoreError};

/// A workflow, without its document.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowRecord {
    /// Its id.
    pub id: WorkflowId,
    /// Who owns it.
    pub tenant: String,
    /// The latest version's name.
    pub name: String,
    /// The latest version's description.
    pub description: Option<String>,
    /// The latest version.
    pub version: u32,
    /// Whether it cannot be started any more.
    pub archived: bool,
    /// Whether it is offered as an A2A agent.
    pub published: bool,
    /// When its first version was stored.
    pub created_at: Timestamp,
    /// When its latest version was stored, or it was archived.
    pub updated_at: Timestamp,
}

/// One version of a workflow. Never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionRecord {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// Counts from 1.
    pub version: u32,
    /// The document, as JSON text.
    pub document: String,
    /// SHA-256 of the document's canonical JSON.
    pub hash: String,
    /// Who stored it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// A document to be stored as a version.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVersion {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The document, as JSON text.
    pub document: String,
    /// SHA-256 of the document's canonical JSON.
    pub hash: String,
    /// Who stores it.
    pub created_by: String,
    /// When.
    pub now: Timestamp,
}

/// What became of a change that names the version it was made from.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<T> {
    /// It was made.
    Done(T),
    /// There is no such workflow (or it is archived, where that matters).
    Absent,
    /// Its version is another one than the caller has seen.
    Stale,
}

/// Which workflows are wanted; empty fields do not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkflowFilter {
    /// With this text in the name, whatever the case.
    pub name_contains: Option<String>,
    /// Archived ones, or active ones.
    pub archived: Option<bool>,
    /// Published ones, or others.
    pub published: Option<bool>,
}

/// Stores workflows. An id of another tenant is an id that does not exist.
#[async_trait]
pub trait WorkflowStore: Send + Sync + 'static {
    /// Stores a document as version 1 of a new workflow.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn create_workflow(
        &self,
        tenant: &str,
        id: WorkflowId,
        version: NewVersion,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<WorkflowRecord>, StoreError>;

    /// Stores a document as the next version. `seen`, when given, must be the latest one. An archived workflow
    /// becomes active again by it.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn add_version(
        &self,
        tenant: &str,
        id: WorkflowId,
        seen: Option<u32>,
        version: NewVersion,
    ) -> Result<Change<WorkflowRecord>, StoreError>;

    /// Archives a workflow; archiving it again changes nothing. `seen`, when given, must be the latest version.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn archive_workflow(
        &self,
        tenant: &str,
        id: WorkflowId,
        seen: Option<u32>,
        now: Timestamp,
    ) -> Result<Change<()>, StoreError>;

    /// Says whether a workflow is offered as an A2A agent, and gives it as it then is; doing so again changes nothing.
    /// `None` where there is no such workflow.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn set_published(
        &self,
        tenant: &str,
        id: WorkflowId,
        published: bool,
    ) -> Result<Option<WorkflowRecord>, StoreError>;

    /// One workflow.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn workflow(&self, tenant: &str, id: WorkflowId) -> Result<Option<WorkflowRecord>, StoreError>;

    /// The active workflow whose latest version has exactly this name; of several the one that was created last.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn find_by_name(&self, tenant: &str, name: &str) -> Result<Option<WorkflowRecord>, StoreError>;

    /// Workflows, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn workflows(
        &self,
        tenant: &str,
        filter: &WorkflowFilter,
        page: &PageRequest,
    ) -> Result<Page<WorkflowRecord>, StoreError>;

    /// One version with its document. The caller has checked that the workflow is its tenant's.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn version(&self, id: WorkflowId, version: u32) -> Result<Option<VersionRecord>, StoreError>;

    /// The versions of a workflow, ascending.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn versions(&self, id: WorkflowId, page: &PageRequest) -> Result<Page<VersionRecord>, StoreError>;
}
