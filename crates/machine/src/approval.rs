//! Questions to people: asked, decided, expired, withdrawn.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use agentchains_workflow::{HumanApproval, Json, NodeKind, OnTimeout, Schema};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    ApprovalId, ApprovalKind, ApprovalRow, ApprovalStatus, Decision, DecisionRecord, EventType, Failure,
    FailureCode, Gate, Machine, NodeRequest, NodeState, Rejected, Waiting,
    event::approval_data,
    hash_of,
    join::REJECTED,
    machine::after,
    scope::{NodeKey, ScopeId},
    time::format_millis,
};

/// The action that makes unlabelled edges live.
pub(crate) const APPROVE: &str = "approve";
pub(crate) const REJECT: &str = "reject";
/// The label of the edges that an approval makes live besides the unlabelled ones.
const APPROVED: &str = "approved";
/// Where a node's request keeps the hash of what the person was shown.
pub(crate) const SHOWN_HASH: &str = "shown_hash";
/// Who decides when time does.
const BY_TIMEOUT: &str = "timeout";

impl Machine {
    /// Asks a person. Takes no slot, and waits without holding anything.
    pub(crate) fn ask(&mut self, now: Timestamp, key: NodeKey) {
        let workflow = Arc::clone(&self.workflow);
        let NodeKind::HumanApproval(settings) = &self.node_in(&workflow, key).kind else {
            return;
        };
        match self.question(now, key, settings) {
            Err(failure) => self.node_failed(now, key, failure),
            Ok(row) if self.take_over_decision(now, key, &row) => {}
            Ok(row) => {
                self.row_mut(key).request = Some(self.request_of_question(key, &row));
                let waiting = Waiting::Approval {
                    approval_id: row.id,
                    expires_at: row.expires_at,
                };
                self.put_question(now, key, waiting, row);
            }
        }
    }

    fn question(
        &self,
        now: Timestamp,
        key: NodeKey,
        settings: &HumanApproval,
    ) -> Result<ApprovalRow, Failure> {
        let message = self.render(key, &settings.message)?;
        let text = message.as_text().map(Cow::into_owned);
        let message = text.unwrap_or_else(|| message.to_string());
        let shown = match &settings.show {
            Some(template) => self.render(key, template)?,
            None => self.outputs_of(key.scope, &self.live_predecessors(key)).collect(),
        };
        let form = settings.form.as_ref().map(|schema| schema.source().clone());
        Ok(ApprovalRow {
            form,
            actions: settings.actions.clone(),
            approvers: settings.approvers.clone(),
            quorum: settings.quorum.get(),
            forbid_initiator: settings.forbid_initiator,
            expires_at: settings.timeout.map(|timeout| after(now, timeout)),
            ..self.plain_question(now, key, message, shown)
        }
        .hashed())
    }

    /// What a node asks of a person, as its row keeps it.
    pub(crate) fn request_of_question(&self, key: NodeKey, question: &ApprovalRow) -> Arc<NodeRequest> {
        Arc::new(NodeRequest {
            config: json!({"message": question.message, SHOWN_HASH: question.shown_hash}).into(),
            items: None,
            upstream: self.live_predecessors(key),
        })
    }

    /// A question that anyone may answer, without a form or a limit.
    pub(crate) fn plain_question(
        &self,
        now: Timestamp,
        key: NodeKey,
        message: String,
        shown: Json,
    ) -> ApprovalRow {
        let row = self.row(key);
        ApprovalRow {
            id: ApprovalId::of_question(self.execution.id, &row.path, self.execution.last_seq, now),
            kind: ApprovalKind::Approval,
            status: ApprovalStatus::Pending,
            execution_id: self.execution.id,
            root_execution_id: self.execution.root(),
            node_id: row.node_id.clone(),
            path: row.path.clone(),
            message,
            shown,
            shown_hash: String::new(),
            form: None,
            actions: Vec::new(),
            approvers: Vec::new(),
            quorum: 1,
            forbid_initiator: false,
            decisions: Vec::new(),
            expires_at: None,
            created_at: now,
        }
    }

    pub(crate) fn put_question(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        waiting: Waiting,
        question: ApprovalRow,
    ) {
        self.set_state(now, key, NodeState::Waiting(waiting));
        self.emit_node(now, EventType::NodeWaiting, key);
        self.emit(now, EventType::ApprovalRequested, approval_data(&question));
        self.approval_changed(question);
    }

    pub(crate) fn decide(
        &mut self,
        now: Timestamp,
        decision: Decision,
        gate: &dyn Gate,
    ) -> Result<(), Rejected> {
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
        self.question_decided(now, row, gate);
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
        if !row.is_addressed_to(&decision.by, &decision.roles) {
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
        let form = self.find(&row.path).and_then(|key| match &self.node(key).kind {
            NodeKind::HumanApproval(settings) => settings.form.as_ref(),
            _ => None,
        });
        // An agent's own form holds where it is one, and where the answer is not in words alone.
        let in_words = decision.data.is_none() && decision.comment.is_some();
        let has_own = row.kind == ApprovalKind::AgentInput && !in_words;
        let own = row.form.clone().filter(|_| has_own).and_then(Schema::of);
        match own.as_ref().or(form) {
            Some(form) if decision.decision != REJECT => form
                .validate(decision.data.as_ref().unwrap_or(&Value::Null))
                .map_err(|mismatch| Rejected::FormMismatch {
                    message: mismatch.to_string(),
                }),
            _ => Ok(()),
        }
    }

    fn question_decided(&mut self, now: Timestamp, row: ApprovalRow, gate: &dyn Gate) {
        let waiting = self.find(&row.path).map(|key| (key, self.row(key).state.clone()));
        match waiting {
            Some((key, NodeState::Waiting(Waiting::Held { about, attempt, .. }))) => {
                self.held_attempt_decided(now, key, about, attempt, row, gate);
            }
            _ => self.close_question(now, row, EventType::ApprovalDecided),
        }
    }

    /// The question no longer stands; the last decision on it is the one that counts.
    fn close_question(&mut self, now: Timestamp, row: ApprovalRow, event: EventType) {
        self.emit(now, event, approval_data(&row));
        let decided = row.decisions.last().cloned();
        let path = row.path.clone();
        self.approval_changed(row);
        let (Some(key), Some(decided)) = (self.find(&path), decided) else {
            return;
        };
        let branch = label_of(&decided.decision);
        if branch == REJECTED && !self.has_edge_labelled(key, REJECTED) {
            let failure = Failure::in_node(&path, FailureCode::ApprovalRejected, rejection(&decided));
            return self.node_failed(now, key, failure);
        }
        let output = json!({
            "decision": decided.decision,
            "by": decided.by,
            "comment": decided.comment,
            "data": decided.data,
            "decided_at": format_millis(decided.decided_at),
        });
        self.node_completed(now, key, output.into(), Some(branch.to_owned()));
    }

    fn has_edge_labelled(&self, key: NodeKey, label: &str) -> bool {
        self.graph(key.scope)
            .outgoing(key.node)
            .any(|edge| matches!(edge.when, agentchains_workflow::When::Labels(own) if own.iter().any(|l| l == label)))
    }

    /// Nobody decided in time.
    pub(crate) fn question_expired(&mut self, now: Timestamp, key: NodeKey, id: ApprovalId) {
        let Some(mut row) = self.approvals.get(&id).cloned() else {
            return;
        };
        row.status = ApprovalStatus::Expired;
        let on_timeout = match &self.node(key).kind {
            NodeKind::HumanApproval(settings) => settings.on_timeout,
            _ => OnTimeout::Fail,
        };
        let decision = match on_timeout {
            OnTimeout::Fail => {
                let message = "nobody decided in time; retry the execution to ask again";
                let failure = Failure::in_node(&row.path, FailureCode::ApprovalExpired, message);
                self.emit(now, EventType::ApprovalExpired, approval_data(&row));
                self.approval_changed(row);
                return self.node_failed(now, key, failure);
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

    /// The nodes of a scope come to their end before anybody decided.
    pub(crate) fn withdraw_questions_in(&mut self, now: Timestamp, scope: ScopeId) {
        for key in self.keys(scope) {
            self.withdraw_question(now, key);
        }
    }

    pub(crate) fn withdraw_question(&mut self, now: Timestamp, key: NodeKey) {
        let NodeState::Waiting(waiting) = &self.row(key).state else {
            return;
        };
        let question = waiting.open_question().and_then(|id| self.approvals.get(&id));
        if let Some(mut row) = question.cloned() {
            row.status = ApprovalStatus::Withdrawn;
            self.emit(now, EventType::ApprovalExpired, approval_data(&row));
            self.approval_changed(row);
        }
    }
}

impl ApprovalRow {
    /// Binds the question to what is asked and shown.
    pub(crate) fn hashed(mut self) -> Self {
        let asked = [
            ("message", self.message.as_str().into()),
            ("shown", self.shown.clone()),
            ("form", json!(self.form).into()),
        ];
        self.shown_hash = hash_of(&asked.into_iter().collect());
        self
    }
}

pub(crate) fn rejection(decided: &DecisionRecord) -> String {
    match &decided.comment {
        Some(comment) => format!("{} rejected: {comment}", decided.by),
        None => format!("{} rejected", decided.by),
    }
}

/// The label of the edges that a decision makes live besides the unlabelled ones.
pub(crate) fn label_of(decision: &str) -> &str {
    match decision {
        APPROVE => APPROVED,
        REJECT => REJECTED,
        own => own,
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
