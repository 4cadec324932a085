//! Workflows: validated, stored as versions, compiled.

use std::sync::Arc;

use agentchains_machine::{WorkflowId, hash_of};
use agentchains_ports::{
    Change, Creation, Idempotency, NewVersion, Page, PageRequest, VersionRecord, WorkflowFilter,
    WorkflowRecord,
};
use agentchains_workflow::{Checked, Code, Compiled, Diagnostic, Places, check_within};

use crate::{Caller, Engine, EngineError, references::UnknownWorkflow, rings::Home};

/// What is to be said of a document.
#[derive(Debug)]
pub struct Validation {
    /// Whether the text is JSON at all.
    pub is_json: bool,
    /// What refuses it.
    pub errors: Vec<Diagnostic>,
    /// What does not, but may surprise.
    pub warnings: Vec<Diagnostic>,
    /// Further findings, which were counted and not kept.
    pub omitted: usize,
    /// The workflow, exactly when there are no errors.
    pub workflow: Option<Arc<Compiled>>,
}

/// Says of findings where they stand in the text that was given.
fn give_places<'a>(text: &str, findings: impl Iterator<Item = &'a mut Diagnostic>) {
    let mut findings = findings.peekable();
    if findings.peek().is_none() {
        return;
    }
    let places = Places::of(text);
    for found in findings {
        if let Some(place) = places.find(&found.pointer) {
            found.pointer = place.pointer;
            (found.line, found.column) = (Some(place.line), Some(place.column));
        }
    }
}

/// A workflow as one of its versions describes it.
#[derive(Debug, Clone)]
pub struct WorkflowView {
    /// The workflow.
    pub record: WorkflowRecord,
    /// The version that is shown.
    pub version: u32,
    /// That version, compiled.
    pub workflow: Arc<Compiled>,
    /// What may surprise in it.
    pub warnings: Vec<Diagnostic>,
}

impl Engine {
    /// Says all that is wrong with a document, and what may surprise.
    ///
    /// # Errors
    /// [`EngineError`] when the workflows that it refers to could not be read.
    pub async fn validate(&self, caller: &Caller, text: &str) -> Result<Validation, EngineError> {
        self.judge(caller, None, text).await
    }

    /// The same for a document that is to be stored under an id that is known already.
    async fn judge(
        &self,
        caller: &Caller,
        id: Option<WorkflowId>,
        text: &str,
    ) -> Result<Validation, EngineError> {
        let Checked {
            diagnostics,
            workflow,
        } = check_within(text, *self.shared.compiled.limits());
        let mut validation = Validation {
            is_json: diagnostics.iter().all(|found| found.code != Code::InvalidJson),
            errors: diagnostics.errors().cloned().collect(),
            warnings: diagnostics.warnings().cloned().collect(),
            omitted: diagnostics.omitted(),
            workflow: None,
        };
        if let Some(workflow) = workflow {
            let home = Home {
                id,
                name: &workflow.settings().name,
            };
            let (mut errors, mut warnings) = self.findings(&caller.tenant, home, &workflow).await?;
            give_places(text, errors.iter_mut().chain(&mut warnings));
            validation.warnings.extend(warnings);
            validation.workflow = errors.is_empty().then(|| Arc::new(workflow));
            validation.errors = errors;
        }
        Ok(validation)
    }

    /// Stores a document as a new workflow.
    ///
    /// # Errors
    /// [`EngineError`] when nothing was stored.
    pub async fn create_workflow(
        &self,
        caller: &Caller,
        text: &str,
        idempotency: Option<Idempotency>,
    ) -> Result<Creation<WorkflowView>, EngineError> {
        let (workflow, warnings) = self.checked(caller, None, text).await?;
        let version = self.new_version(caller, &workflow);
        let id = self.new_workflow_id();
        let created = self
            .shared
            .workflows
            .create_workflow(&caller.tenant, id, version, idempotency)
            .await?;
        match created {
            Creation::Created(record) => {
                self.shared
                    .compiled
                    .insert(record.id, record.version, Arc::clone(&workflow));
                let version = record.version;
                Ok(Creation::Created(WorkflowView {
                    record,
                    version,
                    workflow,
                    warnings,
                }))
            }
            Creation::Replayed(record) => Ok(Creation::Replayed(WorkflowView {
                version: 1,
                record,
                workflow,
                warnings,
            })),
            Creation::KeyReused => Err(EngineError::IdempotencyKeyReused),
        }
    }

    /// Stores a document as the next version of a workflow. `seen`, when given, must be the latest one.
    ///
    /// # Errors
    /// [`EngineError`] when nothing was stored.
    pub async fn update_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        seen: Option<u32>,
        text: &str,
    ) -> Result<WorkflowView, EngineError> {
        self.workflow_record(caller, id).await?;
        let (workflow, warnings) = self.checked(caller, Some(id), text).await?;
        let version = self.new_version(caller, &workflow);
        let added = self
            .shared
            .workflows
            .add_version(&caller.tenant, id, seen, version)
            .await;
        // Also where it failed: it may have been made all the same.
        self.shared.latest.forget(id);
        match added? {
            Change::Done(record) => {
                let version = record.version;
                self.shared.compiled.insert(id, version, Arc::clone(&workflow));
                Ok(WorkflowView {
                    record,
                    version,
                    workflow,
                    warnings,
                })
            }
            Change::Absent => Err(EngineError::not_found("workflow", id)),
            Change::Stale => Err(EngineError::Stale),
        }
    }

    /// Archives a workflow: it cannot be started any more. `seen`, when given, must be the latest version.
    ///
    /// # Errors
    /// [`EngineError`] when nothing has changed.
    pub async fn archive_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        seen: Option<u32>,
    ) -> Result<(), EngineError> {
        let archived = self
            .shared
            .workflows
            .archive_workflow(&caller.tenant, id, seen, self.now())
            .await;
        self.shared.latest.forget(id);
        match archived? {
            Change::Done(()) => Ok(()),
            Change::Absent => Err(EngineError::not_found("workflow", id)),
            Change::Stale => Err(EngineError::Stale),
        }
    }

    /// Offers a workflow as an A2A agent, or does so no longer.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such workflow, it is archived and shall be offered, or the store is away.
    pub async fn publish_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        published: bool,
    ) -> Result<WorkflowView, EngineError> {
        let before = self.workflow_record(caller, id).await?;
        if before.archived && published {
            return Err(EngineError::Archived { id: id.to_string() });
        }
        let changed = self
            .shared
            .workflows
            .set_published(&caller.tenant, id, published)
            .await?;
        changed.ok_or_else(|| EngineError::not_found("workflow", id))?;
        self.workflow(caller, id, None).await
    }

    /// One workflow, by its latest version or the given one.
    ///
    /// # Errors
    /// [`EngineError`] when there is none, or the store could not be read.
    pub async fn workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        version: Option<u32>,
    ) -> Result<WorkflowView, EngineError> {
        let record = self.workflow_record(caller, id).await?;
        let version = version.unwrap_or(record.version);
        let workflow = self.compiled(id, version).await?;
        let mut warnings = self.warnings_about_agents(&caller.tenant, &workflow);
        let unknown = self.unknown_workflows(&caller.tenant, &workflow).await?;
        warnings.extend(unknown.iter().map(UnknownWorkflow::warning));
        Ok(WorkflowView {
            record,
            version,
            workflow,
            warnings,
        })
    }

    /// The workflow that is meant, where it can be started: by its id, else by its exact name.
    ///
    /// # Errors
    /// [`EngineError`] when there is none, or the store could not be read.
    pub async fn find_workflow(
        &self,
        caller: &Caller,
        reference: &str,
    ) -> Result<WorkflowRecord, EngineError> {
        let found = self.resolve(&caller.tenant, reference, None).await?;
        match found {
            Ok(found) => Ok(found.record),
            Err(_) => Err(EngineError::not_found("workflow", reference)),
        }
    }

    /// Workflows, newest first.
    ///
    /// # Errors
    /// [`EngineError`] when the store could not be read.
    pub async fn workflows(
        &self,
        caller: &Caller,
        filter: &WorkflowFilter,
        page: &PageRequest,
    ) -> Result<Page<WorkflowRecord>, EngineError> {
        Ok(self
            .shared
            .workflows
            .workflows(&caller.tenant, filter, page)
            .await?)
    }

    /// The versions of a workflow, ascending.
    ///
    /// # Errors
    /// [`EngineError`] when there is none, or the store could not be read.
    pub async fn versions(
        &self,
        caller: &Caller,
        id: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<VersionRecord>, EngineError> {
        self.workflow_record(caller, id).await?;
        Ok(self.shared.workflows.versions(id, page).await?)
    }

    pub(crate) async fn workflow_record(
        &self,
        caller: &Caller,
        id: WorkflowId,
    ) -> Result<WorkflowRecord, EngineError> {
        let record = self.shared.workflows.workflow(&caller.tenant, id).await?;
        record.ok_or_else(|| EngineError::not_found("workflow", id))
    }

    /// A version of a workflow, compiled. The caller has checked that the workflow is its tenant's.
    pub(crate) async fn compiled(&self, id: WorkflowId, version: u32) -> Result<Arc<Compiled>, EngineError> {
        let found = self
            .shared
            .compiled
            .get(&*self.shared.workflows, id, version)
            .await?;
        found.ok_or_else(|| EngineError::not_found("version", format!("{version} of workflow {id}")))
    }

    async fn checked(
        &self,
        caller: &Caller,
        id: Option<WorkflowId>,
        text: &str,
    ) -> Result<(Arc<Compiled>, Vec<Diagnostic>), EngineError> {
        let validation = self.judge(caller, id, text).await?;
        match validation.workflow {
            Some(workflow) => Ok((workflow, validation.warnings)),
            None => Err(EngineError::InvalidWorkflow(Box::new(validation))),
        }
    }

    fn new_version(&self, caller: &Caller, workflow: &Compiled) -> NewVersion {
        let document = workflow.document();
        NewVersion {
            name: workflow.settings().name.clone(),
            description: workflow.settings().description.clone(),
            document: document.to_string(),
            hash: hash_of(&document.into()),
            created_by: caller.name.clone(),
            now: self.now(),
        }
    }
}
