//! Questions to people: asked, decided, expired, withdrawn.

use std::{collections::BTreeSet, sync::Arc};

use agentchains_workflow::{HumanApproval, NodeIndex, NodeKind, OnTimeout};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    ApprovalId, ApprovalKind, ApprovalRow, ApprovalStatus, Decision, DecisionRecord, EventType, Failure,
    FailureCode, Machine, NodeState, Rejected, Waiting,
    event::{approval_data, node_data},
    hash_of,
    join::REJECTED,
    machine::after,
    time::format_millis,
};

/// The action that makes unlabelled edges live.
pub(crate) const APPROVE: &str = "approve";
const REJECT: &str = "reject";
/// The label of the edges that an approval makes live besides the unlabelled ones.
const APPROVED: &str = "approved";
/// Who decides when time does.
const BY_TIMEOUT: &str = "timeout";

impl Machine {
    /// Asks a person. Takes no slot, and waits without holding anything.
    pub(crate) fn ask(&mut self, now: Timestamp, index: NodeIndex) {
        let workflow = Arc::clone(&self.workflow);
        let NodeKind::HumanApproval(settings) = &workflow.graph().node(index).kind else {
            return;
        };
        match self.question(now, index, settings) {
            Err(failure) => self.node_failed(now, index, failure),
            Ok(row) => {
                let waiting = Waiting::Approval {
                    approval_id: row.id,
                    expires_at: row.expires_at,
                };
                self.set_state(now, index, NodeState::Waiting(waiting));
                self.emit(now, EventType::NodeWaiting, node_data(&self.nodes[index.index()]));
                self.emit(now, EventType::ApprovalRequested, approval_data(&row));
                self.approval_changed(row);
            }
        }
    }

    fn question(
        &self,
        now: Timestamp,
        index: NodeIndex,
        settings: &HumanApproval,
    ) -> Result<ApprovalRow, Failure> {
        let row = &self.nodes[index.index()];
        let message = match self.render(&row.path, &settings.message)? {
            Value::String(message) => message,
            other => other.to_string(),
        };
        let shown = match &settings.show {
            Some(template) => self.render(&row.path, template)?,
            None => Value::Object(self.outputs_of(&self.live_predecessors(index))),
        };
        let form = settings.form.as_ref().map(|schema| schema.source().clone());
        let shown_hash = hash_of(&json!({"message": message, "shown": shown, "form": form}));
        Ok(ApprovalRow {
            id: ApprovalId::of_question(self.execution.id, &row.path, 1, now),
            kind: ApprovalKind::Approval,
            status: ApprovalStatus::Pending,
            execution_id: self.execution.id,
            root_execution_id: self.execution.id,
            node_id: row.node_id.clone(),
            path: row.path.clone(),
            message,
            shown: Arc::new(shown),
            shown_hash,
            form,
            actions: settings.actions.clone(),
            approvers: settings.approvers.clone(),
            quorum: settings.quorum.get(),
            forbid_initiator: settings.forbid_initiator,
            decisions: Vec::new(),
            expires_at: settings.timeout.map(|timeout| after(now, timeout)),
            created_at: now,
        })
    }

    pub(crate) fn decide(&mut self, now: Timestamp, decision: Decision) -> Result<(), Rejected> {
        let mut row = self
            .approvals
            .get(&decision.approval_id)
            .cloned()
            .ok_or(Rejected::ApprovalNotPending)?;
        if row.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(Rejected::ApprovalNotPending);
        }
        self.check_decision(&row, &decision)?;
        row.decisions.push(DecisionRecord {
            decision: decision.decision,
            by: decision.by,
            comment: decision.comment,
            data: decision.data,
            request_key: decision.request_key,
            decided_at: now,
        });
        let latest = row.decisions.len() - 1;
        if row.decisions[latest].decision != REJECT && !has_quorum(&row) {
            self.approval_changed(row);
            return Ok(());
        }
        row.status = ApprovalStatus::Decided;
        self.close_question(now, row, EventType::ApprovalDecided);
        Ok(())
    }

    fn check_decision(&self, row: &ApprovalRow, decision: &Decision) -> Result<(), Rejected> {
        if !row.actions.contains(&decision.decision) {
            return Err(Rejected::UnknownAction {
                decision: decision.decision.clone(),
                actions: row.actions.clone(),
            });
        }
        if decision
            .shown_hash
            .as_ref()
            .is_some_and(|hash| *hash != row.shown_hash)
        {
            return Err(Rejected::ApprovalChanged {
                shown_hash: row.shown_hash.clone(),
            });
        }
        if !is_approver(row, decision) {
            return Err(Rejected::NotAnApprover {
                approvers: row.approvers.clone(),
            });
        }
        if row.forbid_initiator && decision.by == self.execution.initiated_by {
            return Err(Rejected::InitiatorMayNotDecide);
        }
        if row.decisions.iter().any(|earlier| earlier.by == decision.by) {
            return Err(Rejected::DecidedAlready {
                by: decision.by.clone(),
            });
        }
        self.check_form(row, decision)
    }

    fn check_form(&self, row: &ApprovalRow, decision: &Decision) -> Result<(), Rejected> {
        let form = self
            .find(&row.path)
            .and_then(|index| match &self.graph().node(index).kind {
                NodeKind::HumanApproval(settings) => settings.form.as_ref(),
                NodeKind::AgentCall(_) | NodeKind::Condition(_) => None,
            });
        match form {
            Some(form) if decision.decision != REJECT => form
                .validate(decision.data.as_ref().unwrap_or(&Value::Null))
                .map_err(|mismatch| Rejected::FormMismatch {
                    message: mismatch.to_string(),
                }),
            _ => Ok(()),
        }
    }

    /// The question no longer stands; the last decision on it is the one that counts.
    fn close_question(&mut self, now: Timestamp, row: ApprovalRow, event: EventType) {
        self.emit(now, event, approval_data(&row));
        let decided = row.decisions.last().cloned();
        let path = row.path.clone();
        self.approval_changed(row);
        let (Some(index), Some(decided)) = (self.find(&path), decided) else {
            return;
        };
        let branch = match decided.decision.as_str() {
            APPROVE => APPROVED,
            REJECT => REJECTED,
            own => own,
        };
        if branch == REJECTED && !self.has_edge_labelled(index, REJECTED) {
            let message = match &decided.comment {
                Some(comment) => format!("{} rejected: {comment}", decided.by),
                None => format!("{} rejected", decided.by),
            };
            return self.node_failed(
                now,
                index,
                Failure::in_node(&path, FailureCode::ApprovalRejected, message),
            );
        }
        let output = json!({
            "decision": decided.decision,
            "by": decided.by,
            "comment": decided.comment,
            "data": decided.data,
            "decided_at": format_millis(decided.decided_at),
        });
        self.node_completed(now, index, output, Some(branch.to_owned()));
    }

    fn has_edge_labelled(&self, index: NodeIndex, label: &str) -> bool {
        self.graph()
            .outgoing(index)
            .any(|edge| matches!(edge.when, agentchains_workflow::When::Labels(own) if own.iter().any(|l| l == label)))
    }

    /// Nobody decided in time.
    pub(crate) fn question_expired(&mut self, now: Timestamp, index: NodeIndex, id: ApprovalId) {
        let Some(mut row) = self.approvals.get(&id).cloned() else {
            return;
        };
        row.status = ApprovalStatus::Expired;
        let on_timeout = match &self.graph().node(index).kind {
            NodeKind::HumanApproval(settings) => settings.on_timeout,
            NodeKind::AgentCall(_) | NodeKind::Condition(_) => OnTimeout::Fail,
        };
        let decision = match on_timeout {
            OnTimeout::Fail => {
                let message = "nobody decided in time; retry the execution to ask again";
                let failure = Failure::in_node(&row.path, FailureCode::ApprovalExpired, message);
                self.emit(now, EventType::ApprovalExpired, approval_data(&row));
                self.approval_changed(row);
                return self.node_failed(now, index, failure);
            }
            OnTimeout::Reject => REJECT,
            OnTimeout::Approve => APPROVE,
        };
        row.decisions.push(DecisionRecord {
            decision: decision.to_owned(),
            by: BY_TIMEOUT.to_owned(),
            comment: None,
            data: None,
            request_key: None,
            decided_at: now,
        });
        self.close_question(now, row, EventType::ApprovalExpired);
    }

    /// The execution ends before anybody decided.
    pub(crate) fn withdraw_questions(&mut self, now: Timestamp) {
        for mut row in std::mem::take(&mut self.approvals).into_values() {
            row.status = ApprovalStatus::Withdrawn;
            self.emit(now, EventType::ApprovalExpired, approval_data(&row));
            self.approval_changed(row);
        }
    }
}

fn has_quorum(row: &ApprovalRow) -> bool {
    let Some(latest) = row.decisions.last() else {
        return false;
    };
    let people: BTreeSet<&str> = row
        .decisions
        .iter()
        .filter(|decision| decision.decision == latest.decision)
        .map(|decision| decision.by.as_str())
        .collect();
    people.len() >= row.quorum as usize
}

fn is_approver(row: &ApprovalRow, decision: &Decision) -> bool {
    row.approvers.is_empty()
        || row
            .approvers
            .iter()
            .any(|approver| match approver.split_once(':') {
                Some(("user", name)) => name == decision.by,
                Some(("role", role)) => decision.roles.iter().any(|own| own == role),
                _ => *approver == decision.by,
            })
}
