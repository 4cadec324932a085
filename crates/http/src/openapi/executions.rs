//! Executions, and the live events of them.

use agentchains_engine::machine::ExecutionStatus;
use axum::http::Method;
use serde_json::{Value, json};

use super::{described::Described, schemas::Schemas};
use crate::wire::{
    cost::Cost,
    event::EventFrame,
    execute::{Fork, Nothing, Resume},
    execution::{Execution, Explained, Started, Summary},
    node::Node,
};

/// What can be done with an execution.
pub(super) const OF_AN_EXECUTION: &[&str] = &[
    "showExecution",
    "listNodes",
    "showCost",
    "explainExecution",
    "listEvents",
    "pauseExecution",
    "resumeExecution",
    "cancelExecution",
    "retryExecution",
    "forkExecution",
    "deleteExecution",
];

fn of(method: Method, path: &'static str, id: &'static str, summary: &'static str) -> Described {
    Described::guarded("executions", method, path, id, summary)
}

pub(super) fn all(schemas: &mut Schemas) -> Vec<Described> {
    let mut all = reading(schemas);
    all.extend(steering(schemas));
    all.push(forgetting());
    all.extend(live());
    all
}

fn moment() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn sequence() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": i64::MAX})
}

fn reading(schemas: &mut Schemas) -> Vec<Described> {
    let statuses = json!({"type": "array", "items": schemas.read::<ExecutionStatus>()});
    let labels = json!({
        "type": "object",
        "patternProperties": {"^label\\.": {"type": "string"}},
        "additionalProperties": false,
    });
    vec![
        of(Method::GET, "/executions", "listExecutions", "The executions, the newest first")
            .query("workflow_id", "Of this workflow.", json!({"type": "string", "format": "uuid"}))
            .query("status", "In one of these statuses; may be given several times.", statuses)
            .labels("Only those with this label: `label.<name>=<value>`.", labels)
            .query("started_after", "Created after this time.", moment())
            .query("started_before", "Created before this time.", moment())
            .paged()
            .lists("executions", schemas.written::<Summary<'_>>()),
        of(Method::GET, "/executions/{id}", "showExecution", "An execution")
            .answers(200, "The execution.", schemas.written::<Execution<'_>>()),
        of(Method::GET, "/executions/{id}/nodes", "listNodes", "The nodes of an execution, in the order of the document")
            .paged()
            .lists("nodes", schemas.written::<Node<'_>>()),
        of(Method::GET, "/executions/{id}/cost", "showCost", "What an execution has cost, to the last digit")
            .answers(200, "The bill.", schemas.written::<Cost<'_>>()),
        of(Method::GET, "/executions/{id}/explain", "explainExecution", "Why nodes wait or were skipped")
            .answers(200, "The reasons.", schemas.written::<Explained>()),
        of(Method::GET, "/executions/{id}/events", "listEvents", "The events of an execution, or a stream of them")
            .query("after", "Only events after this number.", sequence())
            .header("Last-Event-ID", "The number after which a stream goes on.", json!({"type": "string"}))
            .paged()
            .lists("events", schemas.written::<EventFrame<'_>>())
            .answers_as(
                "text/event-stream",
                200,
                "",
                json!({"type": "string", "description": "Server-Sent Events: `id` is the number, `data` a frame as on the WebSocket."}),
            )
            .answers_nothing(204, "The stream has nothing more to tell: the execution has ended."),
    ]
}

fn steering(schemas: &mut Schemas) -> Vec<Described> {
    let nothing = schemas.read::<Nothing>();
    let execution = schemas.written::<Execution<'_>>();
    let started = schemas.written::<Started>();
    let steered = |path, id, summary, body| {
        of(Method::POST, path, id, summary)
            .optional_body(body)
            .answers(200, "The execution.", execution.clone())
            .refuses(409, &["invalid_state"])
    };
    let repeated = |path, id, summary, body| {
        of(Method::POST, path, id, summary)
            .idempotent()
            .optional_body(body)
            .answers(202, "The new execution has been started.", started.clone())
            .with_header(202, "Location", "Where it is.")
            .leads_to(202, "execution_id", OF_AN_EXECUTION)
            .refuses(409, &["not_terminal", "workflow_archived"])
            .refuses(
                422,
                &[
                    "unknown_node",
                    "unknown_agent",
                    "unknown_cost",
                    "input_schema_mismatch",
                ],
            )
    };
    vec![
        steered(
            "/executions/{id}/pause",
            "pauseExecution",
            "Starts nothing new",
            nothing.clone(),
        ),
        steered(
            "/executions/{id}/cancel",
            "cancelExecution",
            "Ends it; calls in flight are aborted",
            nothing.clone(),
        ),
        steered(
            "/executions/{id}/resume",
            "resumeExecution",
            "Lifts a pause, raises a budget, or decides what is waited for",
            schemas.read::<Resume>(),
        )
        .refuses(
            409,
            &[
                "several_approvals",
                "decision_needed",
                "budget_not_raised",
                "approval_closed",
                "approval_changed",
                "decided_already",
            ],
        )
        .refuses(403, &["not_an_approver", "initiator_may_not_decide"])
        .refuses(422, &["unknown_action", "form_mismatch"]),
        repeated(
            "/executions/{id}/retry",
            "retryExecution",
            "Tries again what did not complete",
            nothing,
        ),
        repeated(
            "/executions/{id}/fork",
            "forkExecution",
            "Runs it once more from a node on, with other inputs, outputs or another version",
            schemas.read::<Fork>(),
        ),
    ]
}

fn forgetting() -> Described {
    of(
        Method::DELETE,
        "/executions/{id}",
        "deleteExecution",
        "Forgets an execution with its nodes and events",
    )
    .answers_nothing(204, "It is gone.")
    .refuses(409, &["not_terminal"])
}

fn live() -> [Described; 2] {
    let socket = |path, id, summary| {
        Described::guarded("live", Method::GET, path, id, summary)
            .answers_nothing(
                101,
                "Text frames follow: `{\"type\", \"execution_id\", \"seq\", \"at\", \"data\"}`.",
            )
            .refuses(426, &["upgrade_required"])
    };
    [
        socket(
            "/executions/{id}/ws",
            "watchExecution",
            "The events of an execution as they happen",
        )
        .query("after", "Only events after this number.", sequence()),
        socket(
            "/ws",
            "watchEverything",
            "The events of all executions as they happen",
        ),
    ]
}
