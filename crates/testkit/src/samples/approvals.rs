//! Rows of questions to people.

use agentchains_machine::{ApprovalKind, ApprovalRow, ApprovalStatus, DecisionRecord, ExecutionId};
use serde_json::json;

use super::{approval_id, at, path};

/// A question of an execution that nobody has answered.
#[must_use]
pub fn approval(ordinal: u32, execution_id: ExecutionId) -> ApprovalRow {
    ApprovalRow {
        id: approval_id(ordinal),
        kind: ApprovalKind::Approval,
        status: ApprovalStatus::Pending,
        execution_id,
        root_execution_id: execution_id,
        node_id: "approve".to_owned(),
        path: path("approve"),
        message: "Publish?".to_owned(),
        shown: json!({ "merge": "text" }).into(),
        shown_hash: "9f86d081".to_owned(),
        form: None,
        actions: vec!["approve".to_owned(), "reject".to_owned()],
        approvers: Vec::new(),
        quorum: 1,
        forbid_initiator: false,
        decisions: Vec::new(),
        expires_at: None,
        created_at: at(ordinal),
    }
}

/// A question with everything that may be absent.
#[must_use]
pub fn full_approval(ordinal: u32, execution_id: ExecutionId, status: ApprovalStatus) -> ApprovalRow {
    ApprovalRow {
        status,
        root_execution_id: super::execution_id(77),
        form: Some(json!({ "type": "object" })),
        approvers: vec!["ada".to_owned()],
        quorum: 2,
        forbid_initiator: true,
        decisions: vec![
            DecisionRecord {
                decision: "approve".to_owned(),
                by: "ada".to_owned(),
                comment: Some("good".to_owned()),
                data: Some(json!({ "score": 0.1 })),
                request_key: None,
                decided_at: at(11),
            },
            DecisionRecord {
                decision: "approve".to_owned(),
                by: "grace".to_owned(),
                comment: None,
                data: None,
                request_key: None,
                decided_at: at(12),
            },
        ],
        expires_at: Some(at(13)),
        ..approval(ordinal, execution_id)
    }
}
