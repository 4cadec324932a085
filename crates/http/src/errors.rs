//! Which error of the engine, the registry and the store becomes which problem: the whole table.
//!
//! The matches are exhaustive on purpose: an error that is added elsewhere does not compile before it has its
//! status and code here.

use std::time::Duration;

use agentchains_engine::{
    DryRunError, EngineError, Validation,
    machine::Rejected,
    ports::{DirectoryError, StoreError, WebhookError},
};
use axum::http::StatusCode;

use crate::problem::{Finding, Problem};

/// When a client may try again, in seconds: about as long as a restart or a fail-over of the store takes.
const RETRY_AFTER_SECONDS: u32 = 2;

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let detail = error.to_string();
        match error {
            EngineError::NotFound { what, id } => Self::not_found(what, &id),
            EngineError::InvalidWorkflow(validation) => invalid_workflow(&validation),
            EngineError::Archived { .. } => {
                conflict("workflow_archived", detail).with("current_status", "archived")
            }
            EngineError::Stale => Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail),
            EngineError::InputMismatch { .. } => unprocessable("input_schema_mismatch", "/input", detail),
            EngineError::InputTooLarge { .. } => unprocessable("value_too_long", "/input", detail),
            EngineError::UnknownAgents { agents } => {
                let findings = agents
                    .iter()
                    .map(|agent| Finding::new("unknown_agent", agent.pointer.clone(), agent.to_string()));
                let findings = findings.collect();
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_agent", detail).with_errors(findings)
            }
            EngineError::UnknownWorkflows { workflows } => {
                let findings = workflows.iter().map(|workflow| {
                    Finding::new("unknown_workflow", workflow.pointer.clone(), workflow.to_string())
                });
                let findings = findings.collect();
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_workflow", detail).with_errors(findings)
            }
            EngineError::SubworkflowRing { .. } => unprocessable("subworkflow_recursion", "", detail),
            EngineError::NoSuchNode { pointer, .. } => unprocessable("unknown_node", &pointer, detail),
            EngineError::UnknownCost { .. } => unprocessable("unknown_cost", "", detail),
            EngineError::DryRun(error) => error.into(),
            EngineError::IdempotencyKeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
            }
            EngineError::Rejected(rejected) => rejected.into(),
            EngineError::ApprovalClosed { approval } => conflict("approval_closed", detail)
                .with("current_status", approval.status)
                .with("approval", approval),
            EngineError::ApprovalElsewhere { .. } => unprocessable("invalid_value", "/approval_id", detail),
            EngineError::NotTerminal { status } => {
                conflict("not_terminal", detail).with("current_status", status)
            }
            EngineError::ShuttingDown => shutting_down(),
            EngineError::TakenOver => unavailable("taken_over", detail),
            EngineError::StoreAway => unavailable("store_unavailable", detail),
            // The engine has logged why.
            EngineError::Unreadable { .. } => Self::internal(),
            EngineError::Store(error) => error.into(),
        }
    }
}

impl From<DryRunError> for Problem {
    fn from(error: DryRunError) -> Self {
        let detail = error.to_string();
        match error {
            DryRunError::NoOutput { nodes } => {
                let findings = nodes.into_iter().map(|node| {
                    let message = format!("there is no output for {node}");
                    Finding::new("output_missing", "/dry_run", message)
                });
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "output_missing", detail)
                    .with_errors(findings.collect())
            }
            DryRunError::Undecided { .. } => unprocessable("undecided", "/dry_run", detail),
            DryRunError::OtherWorkflow => unprocessable("invalid_value", "/dry_run/from_execution", detail),
            DryRunError::TooLong { .. } => unprocessable("dry_run_too_long", "/dry_run", detail),
        }
    }
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        let detail = rejected.to_string();
        match rejected {
            Rejected::Conflict { status, pause_reason } => conflict("invalid_state", detail)
                .with("current_status", status)
                .with("pause_reason", pause_reason),
            Rejected::SeveralApprovals { pending } => {
                waits_for_a_person("several_approvals", detail).with("pending", pending)
            }
            Rejected::NeedsDecision { pending } => {
                waits_for_a_person("decision_needed", detail).with("pending", [pending])
            }
            Rejected::BudgetNotRaised { max_budget } => {
                conflict("budget_not_raised", detail).with("max_budget", max_budget)
            }
            Rejected::ApprovalNotPending => conflict("approval_closed", detail),
            Rejected::ApprovalChanged { shown_hash } => {
                conflict("approval_changed", detail).with("shown_hash", shown_hash)
            }
            Rejected::NotAnApprover { approvers } => {
                forbidden("not_an_approver", detail).with("approvers", approvers)
            }
            Rejected::MayNotDecide => forbidden("forbidden", detail),
            Rejected::InitiatorMayNotDecide => forbidden("initiator_may_not_decide", detail),
            Rejected::DecidedAlready { by } => conflict("decided_already", detail).with("by", by),
            Rejected::UnknownAction { actions, .. } => {
                unprocessable("unknown_action", "/decision", detail).with("actions", actions)
            }
            Rejected::FormMismatch { .. } => unprocessable("form_mismatch", "/data", detail),
        }
    }
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        let detail = error.to_string();
        match error {
            DirectoryError::Invalid { pointer, code, .. } => unprocessable(code, pointer, detail),
            DirectoryError::Exists { .. } => conflict("agent_exists", detail),
            DirectoryError::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
            }
            DirectoryError::Absent { agent_id } => Self::not_found("agent", &agent_id),
            DirectoryError::ReadOnly { .. } => conflict("agent_read_only", detail),
            DirectoryError::Stale { .. } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail)
            }
            DirectoryError::Discovery { code, .. } => unprocessable(code, "/url", detail),
            DirectoryError::Store(error) => error.into(),
        }
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let detail = error.to_string();
        match error {
            WebhookError::Invalid { pointer, code, .. } => unprocessable(code, pointer, detail),
            WebhookError::TooMany => conflict("too_many_webhooks", detail),
            WebhookError::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
            }
            WebhookError::Absent { id } => Self::not_found("webhook", &id),
            WebhookError::ReadOnly { .. } => conflict("webhook_read_only", detail),
            WebhookError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) => {
                tracing::warn!(error = error.with_causes(), "the store is not available");
                unavailable("store_unavailable", format!("{error}; try again later"))
            }
            StoreError::Corrupt { .. } => {
                tracing::error!(error = error.with_causes(), "the store cannot be understood");
                Self::internal()
            }
            StoreError::Cursor(_) => unprocessable("invalid_value", "/cursor", error.to_string()),
        }
    }
}

/// 503 while the server winds down.
pub(crate) fn shutting_down() -> Problem {
    unavailable(
        "shutting_down",
        "the server is shutting down; try again later".to_owned(),
    )
}

/// 503 while more is asked than can be answered.
pub(crate) fn overloaded() -> Problem {
    unavailable(
        "overloaded",
        "the server has more requests than it can answer; try again later".to_owned(),
    )
}

/// 503 while the store does not answer.
pub(crate) fn store_is_silent(within: Duration) -> Problem {
    let seconds = within.as_secs();
    unavailable(
        "store_unavailable",
        format!("the store has not answered within {seconds} s; try again later"),
    )
}

/// The errors of a document: 400 when its text is no JSON, 422 otherwise.
fn invalid_workflow(validation: &Validation) -> Problem {
    let findings = validation.errors.iter().map(Finding::from).collect::<Vec<_>>();
    if validation.is_json {
        let listed = findings.len();
        let detail = match validation.omitted {
            0 => format!("the workflow has {listed} error(s)"),
            omitted => format!(
                "the workflow has more errors than are listed: {listed} are, and {omitted} findings are not"
            ),
        };
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_workflow", detail).with_errors(findings)
    } else {
        not_json(findings)
    }
}

/// 400: the text is no JSON (RFC 8259).
pub(crate) fn not_json(findings: Vec<Finding>) -> Problem {
    let detail = findings.first().map_or_else(
        || "the body is not JSON".to_owned(),
        |first| first.message.clone(),
    );
    Problem::new(StatusCode::BAD_REQUEST, "invalid_json", detail).with_errors(findings)
}

fn conflict(code: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, detail)
}

fn waits_for_a_person(code: &'static str, detail: String) -> Problem {
    conflict(code, detail)
        .with("current_status", "paused")
        .with("pause_reason", "approval")
}

fn forbidden(code: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, code, detail)
}

fn unprocessable(code: &'static str, pointer: &str, detail: String) -> Problem {
    let finding = Finding::new(code, pointer, detail);
    Problem::invalid(vec![finding])
}

fn unavailable(code: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(RETRY_AFTER_SECONDS)
}

#[cfg(test)]
mod tests {
    use std::io;

    use agentchains_engine::ports::InvalidCursor;
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_of_the_store_are_told_apart_and_never_told_on() {
        let cause = || Box::new(io::Error::other("a secret of the server"));
        for (error, status, code, retry_after) in [
            (
                StoreError::Unavailable(cause()),
                503,
                "store_unavailable",
                Some("2"),
            ),
            (
                StoreError::Corrupt {
                    place: "nodes.state",
                    source: cause(),
                },
                500,
                "internal",
                None,
            ),
            (StoreError::Cursor(InvalidCursor), 422, "invalid_value", None),
        ] {
            let problem = Problem::from(EngineError::Store(error));
            let object = problem.to_json();
            assert_eq!(
                (&object["status"], &object["code"]),
                (&json!(status), &json!(code))
            );
            assert!(!format!("{object:?}").contains("secret"));
            let response = axum::response::IntoResponse::into_response(problem);
            let header = response.headers().get("retry-after");
            assert_eq!(header.map(|value| value.to_str().unwrap()), retry_after, "{code}");
        }
    }

    #[test]
    fn the_causes_of_an_error_are_in_the_log() {
        let error = StoreError::Unavailable(Box::new(io::Error::other("the disk is full")));
        assert_eq!(
            error.with_causes(),
            "the database is not available: the disk is full"
        );
    }

    #[test]
    fn an_execution_that_moved_to_another_process_can_be_asked_again() {
        let object = Problem::from(EngineError::TakenOver).to_json();
        assert_eq!(
            (&object["status"], &object["code"]),
            (&json!(503), &json!("taken_over"))
        );
    }
}
