//! Tables `workflows` and `workflow_versions`.

use agentchains_machine::WorkflowId;
use agentchains_ports::{NewVersion, StoreError, VersionRecord, WorkflowRecord};

use super::column::{micros, moment, number, text, word};
use crate::entity::{workflow, workflow_version};

/// A name as it is searched, in lower case.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// The row of a workflow whose only version is this one.
pub(crate) fn workflow_model(tenant: &str, id: WorkflowId, first: &NewVersion) -> workflow::Model {
    workflow::Model {
        id: text(id),
        tenant: tenant.to_owned(),
        name: first.name.clone(),
        name_folded: folded(&first.name),
        description: first.description.clone(),
        version: 1,
        archived: false,
        published: false,
        created_at: micros(first.now),
        updated_at: micros(first.now),
    }
}

/// The row of a version.
pub(crate) fn version_model(id: WorkflowId, number: i64, version: NewVersion) -> workflow_version::Model {
    workflow_version::Model {
        workflow_id: text(id),
        version: number,
        document: version.document,
        hash: version.hash,
        created_by: version.created_by,
        created_at: micros(version.now),
    }
}

/// A workflow.
pub(crate) fn workflow_record(model: workflow::Model) -> Result<WorkflowRecord, StoreError> {
    Ok(WorkflowRecord {
        id: word("workflows.id", &model.id)?,
        tenant: model.tenant,
        name: model.name,
        description: model.description,
        version: number("workflows.version", model.version)?,
        archived: model.archived,
        published: model.published,
        created_at: moment("workflows.created_at", model.created_at)?,
        updated_at: moment("workflows.updated_at", model.updated_at)?,
    })
}

/// A version.
pub(crate) fn version_record(model: workflow_version::Model) -> Result<VersionRecord, StoreError> {
    Ok(VersionRecord {
        workflow_id: word("workflow_versions.workflow_id", &model.workflow_id)?,
        version: number("workflow_versions.version", model.version)?,
        document: model.document,
        hash: model.hash,
        created_by: model.created_by,
        created_at: moment("workflow_versions.created_at", model.created_at)?,
    })
}
