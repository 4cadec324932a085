//! Table `approvals`.

use agentchains_machine::{ApprovalRow, NodePath};
use agentchains_ports::StoreError;

use super::column::{
    from_json, from_json_or_none, from_variant, micros, moment, moment_or_none, number, text, to_json,
    to_json_or_none, to_variant, word,
};
use crate::entity::approval;

pub(super) fn approval_model(tenant: &str, row: &ApprovalRow) -> Result<approval::Model, StoreError> {
    Ok(approval::Model {
        id: text(row.id),
        tenant: tenant.to_owned(),
        kind: to_variant("approvals.kind", &row.kind)?,
        status: text(row.status),
        execution_id: text(row.execution_id),
        root_execution_id: text(row.root_execution_id),
        node_id: row.node_id.clone(),
        path: text(&row.path),
        message: row.message.clone(),
        shown: to_json("approvals.shown", &row.shown)?,
        shown_hash: row.shown_hash.clone(),
        form: to_json_or_none("approvals.form", row.form.as_ref())?,
        actions: to_json("approvals.actions", &row.actions)?,
        approvers: to_json("approvals.approvers", &row.approvers)?,
        quorum: i64::from(row.quorum),
        forbid_initiator: row.forbid_initiator,
        decisions: to_json("approvals.decisions", &row.decisions)?,
        expires_at: row.expires_at.map(micros),
        created_at: micros(row.created_at),
    })
}

/// A question.
pub(crate) fn approval_row(model: approval::Model) -> Result<ApprovalRow, StoreError> {
    Ok(ApprovalRow {
        id: word("approvals.id", &model.id)?,
        kind: from_variant("approvals.kind", &model.kind)?,
        status: word("approvals.status", &model.status)?,
        execution_id: word("approvals.execution_id", &model.execution_id)?,
        root_execution_id: word("approvals.root_execution_id", &model.root_execution_id)?,
        node_id: model.node_id,
        path: NodePath::from(model.path),
        message: model.message,
        shown: from_json("approvals.shown", &model.shown)?,
        shown_hash: model.shown_hash,
        form: from_json_or_none("approvals.form", model.form.as_deref())?,
        actions: from_json("approvals.actions", &model.actions)?,
        approvers: from_json("approvals.approvers", &model.approvers)?,
        quorum: number("approvals.quorum", model.quorum)?,
        forbid_initiator: model.forbid_initiator,
        decisions: from_json("approvals.decisions", &model.decisions)?,
        expires_at: moment_or_none("approvals.expires_at", model.expires_at)?,
        created_at: moment("approvals.created_at", model.created_at)?,
    })
}
