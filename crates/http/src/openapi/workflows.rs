//! Workflows and templates.

use agentchains_engine::{Estimate, workflow::WorkflowDocument};
use axum::http::Method;
use serde_json::{Value, json};

use super::{described::Described, executions::OF_AN_EXECUTION, schemas::Schemas};
use crate::routes::wait::MAX_SECONDS;
use crate::wire::{
    ahead::{Estimate as EstimateRequest, Rehearsed},
    execute::Execute,
    execution::{Execution, Started},
    workflow::{Summary, Verdict, Version, Workflow},
};

/// What can be done with a workflow.
const OF_A_WORKFLOW: &[&str] = &[
    "showWorkflow",
    "drawWorkflow",
    "updateWorkflow",
    "archiveWorkflow",
    "listVersions",
    "publishWorkflow",
    "unpublishWorkflow",
    "estimateWorkflow",
    "executeWorkflow",
];

fn of(method: Method, path: &'static str, id: &'static str, summary: &'static str) -> Described {
    Described::guarded("workflows", method, path, id, summary)
}

/// A document, or the older form of one.
fn document(schemas: &mut Schemas) -> Value {
    let older = json!({
        "type": "object",
        "description": "The older form, which is converted when it is received.",
        "required": ["graph_json"],
        "properties": {"graph_json": {"type": ["object", "string"]}},
    });
    json!({"anyOf": [schemas.read::<WorkflowDocument>(), older]})
}

pub(super) fn all(schemas: &mut Schemas) -> Vec<Described> {
    let mut all = documents(schemas);
    all.extend(versions(schemas));
    all.extend(ahead(schemas));
    all.extend(templates(schemas));
    all
}

fn documents(schemas: &mut Schemas) -> Vec<Described> {
    vec![
        of(
            Method::GET,
            "/workflows",
            "listWorkflows",
            "The workflows, the newest first",
        )
        .query("q", "What their names contain.", json!({"type": "string"}))
        .query(
            "status",
            "How they stand.",
            json!({"type": "string", "enum": ["active", "archived"]}),
        )
        .paged()
        .lists("workflows", schemas.written::<Summary<'_>>()),
        of(Method::POST, "/workflows", "createWorkflow", "Creates a workflow")
            .idempotent()
            .body(document(schemas))
            .answers(201, "The workflow.", schemas.written::<Workflow<'_>>())
            .with_header(201, "Location", "Where it is.")
            .with_header(201, "ETag", "Its version.")
            .leads_to(201, "id", OF_A_WORKFLOW)
            .refuses(422, &["invalid_workflow"]),
        of(
            Method::POST,
            "/workflows/validate",
            "validateWorkflow",
            "Says what is wrong with a document",
        )
        .body(json!({"description": "Any JSON."}))
        .answers(
            200,
            "What is to be said of it, be it valid or not.",
            schemas.written::<Verdict<'_>>(),
        ),
        of(
            Method::GET,
            "/workflows/{id}",
            "showWorkflow",
            "A workflow as one of its versions describes it",
        )
        .query(
            "version",
            "Which version; without it the latest.",
            json!({"type": "integer", "minimum": 1}),
        )
        .answers(200, "The workflow.", schemas.written::<Workflow<'_>>())
        .with_header(200, "ETag", "Its version."),
        of(
            Method::PUT,
            "/workflows/{id}",
            "updateWorkflow",
            "Makes a new version; what runs keeps its own",
        )
        .if_match()
        .body(document(schemas))
        .answers(200, "The workflow.", schemas.written::<Workflow<'_>>())
        .with_header(200, "ETag", "Its version.")
        .refuses(409, &["workflow_archived"])
        .refuses(422, &["invalid_workflow"]),
        of(
            Method::DELETE,
            "/workflows/{id}",
            "archiveWorkflow",
            "Archives a workflow: it cannot be started any more",
        )
        .if_match()
        .answers_nothing(204, "It is archived."),
    ]
}

fn versions(schemas: &mut Schemas) -> Vec<Described> {
    vec![
        of(
            Method::GET,
            "/workflows/{id}/versions",
            "listVersions",
            "The versions of a workflow, the oldest first",
        )
        .paged()
        .lists("versions", schemas.written::<Version<'_>>()),
        graph(),
        of(
            Method::POST,
            "/workflows/{id}/publish",
            "publishWorkflow",
            "Makes a workflow reachable as an A2A agent",
        )
        .answers(200, "The workflow.", schemas.written::<Workflow<'_>>())
        .with_header(200, "ETag", "Its version.")
        .refuses(409, &["workflow_archived"]),
        of(
            Method::POST,
            "/workflows/{id}/unpublish",
            "unpublishWorkflow",
            "Takes that back",
        )
        .answers(200, "The workflow.", schemas.written::<Workflow<'_>>())
        .with_header(200, "ETag", "Its version.")
        .refuses(409, &["workflow_archived"]),
    ]
}

fn graph() -> Described {
    let text = || json!({"type": "string"});
    of(
        Method::GET,
        "/workflows/{id}/graph",
        "drawWorkflow",
        "The picture of a workflow",
    )
    .query(
        "format",
        "What it is written in; `mermaid` unless given.",
        json!({"type": "string", "enum": ["mermaid", "dot", "svg"]}),
    )
    .query(
        "version",
        "Which version; without it the latest.",
        json!({"type": "integer", "minimum": 1}),
    )
    .answers_as("text/plain", 200, "The picture.", text())
    .answers_as("text/vnd.graphviz", 200, "The picture.", text())
    .answers_as("image/svg+xml", 200, "The picture.", text())
    .with_header(200, "ETag", "The version that is drawn.")
}

/// What may come of an execution, and one.
fn ahead(schemas: &mut Schemas) -> Vec<Described> {
    vec![
        of(
            Method::POST,
            "/workflows/{id}/estimate",
            "estimateWorkflow",
            "What an execution may cost and take",
        )
        .optional_body(schemas.read::<EstimateRequest>())
        .answers(200, "The estimate.", schemas.written::<Estimate>())
        .refuses(409, &["workflow_archived"])
        .refuses(
            422,
            &[
                "input_schema_mismatch",
                "unknown_agent",
                "unknown_workflow",
                "value_too_long",
            ],
        ),
        execute(schemas),
    ]
}

fn execute(schemas: &mut Schemas) -> Described {
    let done = json!({"anyOf": [schemas.written::<Execution<'_>>(), schemas.written::<Rehearsed>()]});
    of(
        Method::POST,
        "/workflows/{id}/execute",
        "executeWorkflow",
        "Starts an execution, or rehearses one",
    )
    .idempotent()
    .query(
        "wait",
        "Seconds to wait for the execution to end or to pause.",
        json!({"type": "integer", "minimum": 0, "maximum": MAX_SECONDS}),
    )
    .optional_body(schemas.read::<Execute>())
    .answers(
        200,
        "The execution, which has come to its end or to a pause; or what a dry run tells.",
        done,
    )
    .answers(202, "It has been started.", schemas.written::<Started>())
    .with_header(202, "Location", "Where it is.")
    .leads_to(202, "execution_id", OF_AN_EXECUTION)
    .refuses(409, &["workflow_archived"])
    .refuses(
        422,
        &[
            "input_schema_mismatch",
            "unknown_agent",
            "unknown_workflow",
            "unknown_cost",
            "subworkflow_recursion",
            "value_too_long",
            "output_missing",
            "undecided",
            "dry_run_too_long",
        ],
    )
}

fn templates(schemas: &mut Schemas) -> [Described; 2] {
    let template = json!({
        "type": "object",
        "required": ["key", "name", "description", "workflow", "sample_input"],
        "properties": {
            "key": {"type": "string"},
            "name": {"type": "string"},
            "description": {"type": "string"},
            "workflow": schemas.read::<WorkflowDocument>(),
            "sample_input": {"description": "An input that it runs with."},
        },
    });
    let list = json!({
        "type": "object",
        "required": ["templates"],
        "properties": {"templates": {"type": "array", "items": &template}},
    });
    [
        of(
            Method::GET,
            "/templates",
            "listTemplates",
            "Workflows that are ready to run",
        )
        .answers(200, "All of them.", list),
        of(
            Method::GET,
            "/templates/{key}",
            "showTemplate",
            "A workflow that is ready to run",
        )
        .answers(200, "The template.", template),
    ]
}
