//! Control: what people and programs may ask of an execution while it runs.

use agentchains_cost::Usd;
use jiff::Timestamp;
use thiserror::Error;

use crate::{
    ApprovalRow, ChildCommand, Decision, Ending, EventType, ExecutionStatus, Gate, Machine, NodeState,
    PauseReason, RemoteCancel, Resume, Waiting, approval::APPROVE, event::execution_data, scope::NodeKey,
};

/// Why a command was refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Rejected {
    /// The execution is not in a state in which that applies.
    #[error("the execution is {status}{}", .pause_reason.map(|reason| format!(" ({reason})")).unwrap_or_default())]
    Conflict {
        /// What it is in.
        status: ExecutionStatus,
        /// Why it is paused, if it is.
        pause_reason: Option<PauseReason>,
    },
    /// Several questions are pending, so a resume must name one.
    #[error("{} approvals are pending; decide them one by one, or name one", .pending.len())]
    SeveralApprovals {
        /// The questions.
        pending: Vec<ApprovalRow>,
    },
    /// The question cannot be answered by a mere resume.
    #[error("approval {} cannot be approved by resuming; decide it", .pending.id)]
    NeedsDecision {
        /// The question.
        pending: Box<ApprovalRow>,
    },
    /// A budget can only be raised.
    #[error("{}", match .max_budget {
        Some(limit) => format!("the execution needs a max_budget above {limit}"),
        None => "the execution has no budget that could be raised".to_owned(),
    })]
    BudgetNotRaised {
        /// What it is at present.
        max_budget: Option<Usd>,
    },
    /// The question is not pending.
    #[error("the approval is not pending any more")]
    ApprovalNotPending,
    /// The decision names another hash than that of what is shown.
    #[error("what is shown is not what the decision was made on; read it again")]
    ApprovalChanged {
        /// The hash of what is shown.
        shown_hash: String,
    },
    /// The person is not among the approvers.
    #[error("only {} may decide this", .approvers.join(", "))]
    NotAnApprover {
        /// Who may decide.
        approvers: Vec<String>,
    },
    /// A resume would approve, and who resumes may not.
    #[error("the execution waits for an approval, which needs somebody who may decide")]
    MayNotDecide,
    /// Who started the execution may not decide it.
    #[error("who started the execution may not decide this")]
    InitiatorMayNotDecide,
    /// One person counts once.
    #[error("{by} has decided already")]
    DecidedAlready {
        /// The person.
        by: String,
    },
    /// The decision is none of the actions.
    #[error("{decision:?} is none of the actions {}", .actions.join(", "))]
    UnknownAction {
        /// What was chosen.
        decision: String,
        /// What there is to choose from.
        actions: Vec<String>,
    },
    /// The data does not fit the form.
    #[error("data does not fit the form: {message}")]
    FormMismatch {
        /// What does not fit.
        message: String,
    },
}

impl Machine {
    pub(crate) fn conflict(&self) -> Rejected {
        Rejected::Conflict {
            status: self.execution.status,
            pause_reason: self.execution.pause_reason,
        }
    }

    pub(crate) fn start(&mut self, now: Timestamp) {
        if self.execution.status == ExecutionStatus::Pending {
            self.execution.started_at = Some(now);
            let by = self.execution.initiated_by.clone();
            self.set_status_by(
                now,
                ExecutionStatus::Running,
                None,
                EventType::ExecutionStarted,
                Some(&by),
            );
        }
    }

    pub(crate) fn pause(&mut self, now: Timestamp, by: Option<&str>) -> Result<(), Rejected> {
        if self.execution.status != ExecutionStatus::Running || self.execution.ending.is_some() {
            return Err(self.conflict());
        }
        self.set_status_by(
            now,
            ExecutionStatus::Paused,
            Some(PauseReason::User),
            EventType::ExecutionPaused,
            by,
        );
        self.command_children(ChildCommand::Hold);
        Ok(())
    }

    /// The execution above was paused: nothing new starts here either, and answers take effect later.
    pub(crate) fn hold(&mut self, now: Timestamp) {
        if self.execution.ending.is_some() {
            return;
        }
        let Some(parent) = &mut self.execution.parent else {
            return;
        };
        parent.holds = true;
        self.start(now);
        match self.execution.pause_reason {
            None => {
                let reason = Some(PauseReason::User);
                self.set_status(now, ExecutionStatus::Paused, reason, EventType::ExecutionPaused);
            }
            Some(PauseReason::Approval) => {
                self.execution.pause_reason = Some(PauseReason::User);
                let data = execution_data(&self.execution, None);
                self.emit(now, EventType::ExecutionPaused, data);
            }
            Some(PauseReason::User | PauseReason::Budget) => {}
        }
        self.command_children(ChildCommand::Hold);
    }

    /// The execution above goes on, and with it what was held because of it.
    pub(crate) fn release_hold(&mut self, now: Timestamp) {
        let holds = self.execution.parent.as_mut().map(|parent| &mut parent.holds);
        if !holds.is_some_and(std::mem::take) {
            return;
        }
        if self.execution.pause_reason == Some(PauseReason::User) {
            self.set_status(now, ExecutionStatus::Running, None, EventType::ExecutionResumed);
        }
        self.command_children(ChildCommand::Release);
    }

    pub(crate) fn resume(&mut self, now: Timestamp, resume: Resume, gate: &dyn Gate) -> Result<(), Rejected> {
        let (ExecutionStatus::Paused, Some(reason)) = (self.execution.status, self.execution.pause_reason)
        else {
            return Err(self.conflict());
        };
        let raised = self.raised_budget(reason, resume.max_budget)?;
        let by = resume.by.clone();
        if reason == PauseReason::Approval {
            self.approve_the_only_question(now, resume, gate)?;
        }
        if let Some(limit) = raised.filter(|_| raised != self.execution.max_budget) {
            gate.raise(limit);
        }
        self.execution.max_budget = raised;
        if reason != PauseReason::Approval {
            self.set_status_by(
                now,
                ExecutionStatus::Running,
                None,
                EventType::ExecutionResumed,
                Some(&by),
            );
            if let Some(parent) = &mut self.execution.parent {
                parent.holds = false;
            }
            self.command_children(ChildCommand::Release);
        }
        Ok(())
    }

    fn raised_budget(&self, reason: PauseReason, wanted: Option<Usd>) -> Result<Option<Usd>, Rejected> {
        let present = self.execution.max_budget;
        match (present, wanted) {
            (Some(limit), Some(wanted)) if wanted > limit => Ok(Some(wanted)),
            (Some(limit), Some(wanted)) if wanted == limit && reason != PauseReason::Budget => {
                Ok(Some(limit))
            }
            (_, Some(_)) => Err(Rejected::BudgetNotRaised { max_budget: present }),
            // Without a budget of its own it waits for that of a tenant, which may have room again.
            (Some(_), None) if reason == PauseReason::Budget => {
                Err(Rejected::BudgetNotRaised { max_budget: present })
            }
            (_, None) => Ok(present),
        }
    }

    /// The short form of the API: resuming an execution that waits for exactly one approval approves it.
    fn approve_the_only_question(
        &mut self,
        now: Timestamp,
        resume: Resume,
        gate: &dyn Gate,
    ) -> Result<(), Rejected> {
        if !resume.may_decide {
            return Err(Rejected::MayNotDecide);
        }
        let mut pending = self.approvals.values();
        let (Some(only), None) = (pending.next(), pending.next()) else {
            return Err(Rejected::SeveralApprovals {
                pending: self.approvals.values().cloned().collect(),
            });
        };
        if !only.actions.iter().any(|action| action == APPROVE) {
            return Err(Rejected::NeedsDecision {
                pending: Box::new(only.clone()),
            });
        }
        let decision = Decision {
            approval_id: only.id,
            decision: APPROVE.to_owned(),
            by: resume.by,
            roles: resume.roles,
            comment: None,
            data: None,
            shown_hash: None,
            request_key: None,
        };
        self.decide(now, decision, gate)
    }

    pub(crate) fn cancel(&mut self, now: Timestamp, by: Option<&str>) -> Result<(), Rejected> {
        if self.execution.status == ExecutionStatus::Cancelling {
            return Err(self.conflict());
        }
        if self.execution.status == ExecutionStatus::Pending {
            self.start(now);
        }
        self.set_status_by(
            now,
            ExecutionStatus::Cancelling,
            None,
            EventType::ExecutionCancelling,
            by,
        );
        self.begin_ending(Ending::Cancel, true);
        Ok(())
    }

    /// The budget does not allow the next call, and nothing in flight can change that.
    pub(crate) fn budget_exhausted(&mut self, now: Timestamp, key: NodeKey) {
        let data = crate::event::budget_data(&self.execution, None);
        self.emit(now, EventType::BudgetExhausted, data);
        match self.execution.on_budget {
            agentchains_workflow::OnBudget::Pause => {
                let reason = Some(PauseReason::Budget);
                self.set_status(now, ExecutionStatus::Paused, reason, EventType::ExecutionPaused);
            }
            agentchains_workflow::OnBudget::Fail => self.fail_over_budget(now, key),
        }
    }

    pub(crate) fn set_status(
        &mut self,
        now: Timestamp,
        status: ExecutionStatus,
        pause_reason: Option<PauseReason>,
        event: EventType,
    ) {
        self.set_status_by(now, status, pause_reason, event, None);
    }

    /// The same, because somebody wants it.
    fn set_status_by(
        &mut self,
        now: Timestamp,
        status: ExecutionStatus,
        pause_reason: Option<PauseReason>,
        event: EventType,
        by: Option<&str>,
    ) {
        debug_assert!(
            self.execution.status.may_become(status),
            "{} -> {status}",
            self.execution.status
        );
        self.execution.status = status;
        self.execution.pause_reason = pause_reason;
        let data = execution_data(&self.execution, by);
        self.emit(now, event, data);
    }

    /// What is due happens: retries and breakers are tried again, questions expire, timeouts are over.
    pub(crate) fn fire_timers(&mut self, now: Timestamp, gate: &dyn Gate) {
        while let Some(key) = self.timers.pop_due(now) {
            match self.row(key).state.clone() {
                NodeState::Waiting(Waiting::Approval { approval_id, .. }) => {
                    self.question_expired(now, key, approval_id);
                }
                NodeState::Waiting(Waiting::Held { go_on_at: None, .. }) => self.look_at_task(now, key),
                NodeState::Waiting(_) => self.enqueue(key),
                NodeState::Running(attempt) => {
                    self.attempt_aborted(now, key, &attempt, Some(RemoteCancel::Unknown), gate);
                }
                NodeState::Open { .. } => self.members_timed_out(now, key, gate),
                NodeState::Child(child) => self.child_cancelled(now, key, &child),
                _ => {}
            }
        }
        if self.execution.deadline.is_some_and(|deadline| deadline <= now) {
            self.execution_timed_out(now);
        }
    }

    /// Whatever follows from what has happened.
    pub(crate) fn advance(&mut self, now: Timestamp, gate: &mut dyn Gate) {
        self.draw_consequences(now, gate);
        if self.execution.pause_reason == Some(PauseReason::Approval) && !self.waits_for_people_only() {
            self.set_status(now, ExecutionStatus::Running, None, EventType::ExecutionResumed);
        }
        loop {
            self.dispatch(now, gate);
            if !self.draw_consequences(now, gate) {
                break;
            }
        }
        self.finish_if_done(now);
        if self.may_start_nodes() && self.waits_for_people_only() {
            let reason = Some(PauseReason::Approval);
            self.set_status(now, ExecutionStatus::Paused, reason, EventType::ExecutionPaused);
        }
    }

    /// What follows inside of groups and loops from nodes that have settled, and from an end that has begun. False when
    /// nothing does.
    fn draw_consequences(&mut self, now: Timestamp, gate: &dyn Gate) -> bool {
        let mut any = false;
        while self.to_wind_down.is_some() || !self.touched.is_empty() {
            any = true;
            self.wind_down_execution(now, gate);
            self.review_scopes(now, gate);
        }
        any
    }

    fn waits_for_people_only(&self) -> bool {
        self.work.busy == 0 && self.work.asking > 0 && self.ready.is_empty()
    }
}
