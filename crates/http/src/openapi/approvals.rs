//! Questions to people.

use agentchains_engine::machine::{ApprovalRow, ApprovalStatus};
use axum::http::Method;
use serde_json::json;

use super::{described::Described, schemas::Schemas};
use crate::wire::decision::Decision;

fn of(method: Method, path: &'static str, id: &'static str, summary: &'static str) -> Described {
    Described::guarded("approvals", method, path, id, summary)
}

pub(super) fn all(schemas: &mut Schemas) -> Vec<Described> {
    let approval = schemas.written::<ApprovalRow>();
    vec![
        of(
            Method::GET,
            "/approvals",
            "listApprovals",
            "The questions, pending ones first",
        )
        .query("status", "How they stand.", schemas.read::<ApprovalStatus>())
        .query(
            "execution_id",
            "Of this execution.",
            json!({"type": "string", "format": "uuid"}),
        )
        .query(
            "mine",
            "Only those that the caller may decide.",
            json!({"type": "boolean"}),
        )
        .paged()
        .lists("approvals", approval.clone()),
        of(
            Method::GET,
            "/approvals/{id}",
            "showApproval",
            "What is asked, and what was shown",
        )
        .answers(200, "The question.", approval.clone()),
        of(
            Method::POST,
            "/approvals/{id}/decision",
            "decideApproval",
            "Answers a question",
        )
        .idempotent()
        .body(schemas.read::<Decision>())
        .answers(200, "The question with its answers.", approval)
        .refuses(403, &["not_an_approver", "initiator_may_not_decide"])
        .refuses(409, &["approval_closed", "approval_changed", "decided_already"])
        .refuses(422, &["unknown_action", "form_mismatch"]),
    ]
}
