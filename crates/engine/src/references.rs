//! References of workflows to others: which workflow a node means.

use std::{collections::HashMap, num::NonZeroU32};

use agentchains_machine::WorkflowId;
use agentchains_ports::{StoreError, WorkflowRecord};
use agentchains_workflow::{Compiled, Subworkflow};
use thiserror::Error;

use crate::Engine;

/// The workflow that a reference means.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) record: WorkflowRecord,
    pub(crate) version: u32,
}

/// Why a reference means no workflow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unresolved {
    #[error("there is no active workflow with the id or name {reference:?}")]
    Workflow { reference: String },
    #[error("there is no version {version} of workflow {reference:?}")]
    Version { reference: String, version: u32 },
}

/// A workflow that a node names and that cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct UnknownWorkflow {
    /// RFC 6901 pointer to where the document names it.
    pub pointer: String,
    pub(crate) what: Unresolved,
}

impl Engine {
    /// The workflow that a reference means: by its id, else by its exact name.
    pub(crate) async fn resolve(
        &self,
        tenant: &str,
        reference: &str,
        version: Option<u32>,
    ) -> Result<Result<Resolved, Unresolved>, StoreError> {
        let workflows = &self.shared.workflows;
        let by_id = match reference.parse() {
            Ok(id) => workflows
                .workflow(tenant, id)
                .await?
                .filter(|record| !record.archived),
            Err(_) => None,
        };
        let record = match by_id {
            Some(record) => Some(record),
            None => workflows.find_by_name(tenant, reference).await?,
        };
        let reference = || reference.to_owned();
        Ok(match (record, version) {
            (None, _) => Err(Unresolved::Workflow {
                reference: reference(),
            }),
            (Some(record), Some(version)) if version > record.version => Err(Unresolved::Version {
                reference: reference(),
                version,
            }),
            (Some(record), version) => Ok(Resolved {
                version: version.unwrap_or(record.version),
                record,
            }),
        })
    }

    /// The workflows that nodes name and that cannot be started.
    pub(crate) async fn unknown_workflows(
        &self,
        tenant: &str,
        workflow: &Compiled,
    ) -> Result<Vec<UnknownWorkflow>, StoreError> {
        let mut lookup = Lookup::new(self, tenant);
        let mut unknown = Vec::new();
        for (pointer, child) in workflow.subworkflows() {
            if let Err(what) = lookup.resolve(child).await? {
                unknown.push(UnknownWorkflow { pointer, what });
            }
        }
        Ok(unknown)
    }
}

impl Resolved {
    /// The workflow and the version.
    pub(crate) fn key(&self) -> (WorkflowId, u32) {
        (self.record.id, self.version)
    }
}

/// Looks each reference up once, however many nodes have it.
pub(crate) struct Lookup<'a> {
    pub(crate) engine: &'a Engine,
    tenant: &'a str,
    known: HashMap<(String, Option<u32>), Result<Resolved, Unresolved>>,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(engine: &'a Engine, tenant: &'a str) -> Self {
        Self {
            engine,
            tenant,
            known: HashMap::new(),
        }
    }

    pub(crate) async fn resolve(
        &mut self,
        child: &Subworkflow,
    ) -> Result<Result<Resolved, Unresolved>, StoreError> {
        let version = child.version.map(NonZeroU32::get);
        let reference = (child.workflow.clone(), version);
        if let Some(known) = self.known.get(&reference) {
            return Ok(known.clone());
        }
        let resolved = self.engine.resolve(self.tenant, &child.workflow, version).await?;
        self.known.insert(reference, resolved.clone());
        Ok(resolved)
    }
}
