//! Workflows, their versions and what is to be said of a document.

use std::collections::BTreeMap;

use agentchains_engine::{
    Validation, WorkflowView,
    machine::{WorkflowId, time::rfc3339_millis},
    ports::{VersionRecord, WorkflowRecord},
    workflow::{Compiled, Diagnostic},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A workflow without its document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WorkflowSummary")]
pub(crate) struct Summary<'a> {
    id: WorkflowId,
    name: &'a str,
    description: Option<&'a str>,
    version: u32,
    status: &'static str,
    published: bool,
    #[serde(with = "rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    created_at: Timestamp,
    #[serde(with = "rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    updated_at: Timestamp,
}

impl<'a> Summary<'a> {
    pub(crate) fn of(record: &'a WorkflowRecord) -> Self {
        Self {
            id: record.id,
            name: &record.name,
            description: record.description.as_deref(),
            version: record.version,
            status: if record.archived { "archived" } else { "active" },
            published: record.published,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

/// A workflow as one of its versions describes it, with the document's own fields.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Workflow<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    warnings: &'a [Diagnostic],
    layers: Vec<Vec<&'a str>>,
    #[serde(flatten)]
    document: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Workflow<'a> {
    pub(crate) fn of(view: &'a WorkflowView) -> Self {
        let settings = view.workflow.settings();
        Self {
            summary: Summary {
                name: &settings.name,
                description: settings.description.as_deref(),
                version: view.version,
                ..Summary::of(&view.record)
            },
            warnings: &view.warnings,
            layers: layers(&view.workflow),
            document: other_fields(&view.workflow),
        }
    }

    /// The same as it was when it was created, whatever has become of it since: what a repeated request with
    /// the same idempotency key is answered.
    pub(crate) fn at_creation(view: &'a WorkflowView) -> Self {
        let mut workflow = Self::of(view);
        workflow.summary.status = "active";
        workflow.summary.published = false;
        workflow.summary.updated_at = workflow.summary.created_at;
        workflow
    }
}

/// The fields of the document that a summary does not have.
fn other_fields(workflow: &Compiled) -> BTreeMap<&str, &Value> {
    let fields = workflow.document().as_object().into_iter().flatten();
    fields
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(name, _)| !matches!(*name, "name" | "description"))
        .collect()
}

/// The ids of the nodes by dependency layer (language reference, section 4).
fn layers(workflow: &Compiled) -> Vec<Vec<&str>> {
    let graph = workflow.graph();
    let ids = |layer: &Vec<_>| layer.iter().map(|index| graph.node(*index).id.as_str()).collect();
    graph.layers().iter().map(ids).collect()
}

/// One version of a workflow, without its document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WorkflowVersion")]
pub(crate) struct Version<'a> {
    version: u32,
    hash: &'a str,
    created_by: &'a str,
    #[serde(with = "rfc3339_millis")]
    #[schemars(with = "Timestamp")]
    created_at: Timestamp,
}

impl<'a> Version<'a> {
    pub(crate) fn of(record: &'a VersionRecord) -> Self {
        Self {
            version: record.version,
            hash: &record.hash,
            created_by: &record.created_by,
            created_at: record.created_at,
        }
    }
}

/// What is to be said of a document.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Verdict<'a> {
    valid: bool,
    errors: &'a [Diagnostic],
    warnings: &'a [Diagnostic],
    layers: Vec<Vec<&'a str>>,
    normalized: Option<&'a Value>,
}

impl<'a> Verdict<'a> {
    pub(crate) fn of(validation: &'a Validation) -> Self {
        let workflow = validation.workflow.as_deref();
        Self {
            valid: workflow.is_some(),
            errors: &validation.errors,
            warnings: &validation.warnings,
            layers: workflow.map(layers).unwrap_or_default(),
            normalized: workflow.map(Compiled::document),
        }
    }
}
