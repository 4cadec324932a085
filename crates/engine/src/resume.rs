//! Resuming: what an execution waits for may be asked in one below it, and is answered there.

use agentchains_cost::Usd;
use agentchains_machine::{
    ApprovalRow, ApprovalStatus, Decision, ExecutionId, ExecutionRow, Input, PauseReason, Rejected, Resume,
};
use agentchains_ports::{ApprovalFilter, PageRequest, Right};
use tokio::sync::oneshot;

use crate::{Caller, Engine, EngineError, shared::Message};

/// Pending questions of one tree that are looked at.
const MAX_QUESTIONS: u32 = 200;

impl Engine {
    /// Lets it go on; one that waits for exactly one approval, its own or that of a child execution, is approved by it.
    ///
    /// # Errors
    /// [`EngineError`] when it does not apply.
    pub async fn resume(
        &self,
        caller: &Caller,
        id: ExecutionId,
        max_budget: Option<Usd>,
    ) -> Result<ExecutionRow, EngineError> {
        let before = self.execution(caller, id).await?;
        let resume = Input::Resume(Resume {
            max_budget,
            by: caller.name.clone(),
            roles: caller.roles.clone(),
            may_decide: caller.may(Right::Decide),
        });
        let asks_below = before.pause_reason == Some(PauseReason::Approval) && before.children > 0;
        // A budget is that of the execution itself, whatever is asked below.
        if !asks_below || max_budget.is_some() {
            return self.command(caller, id, resume).await;
        }
        let pending = self.questions_in_tree(caller, &before).await?;
        match pending.as_slice() {
            [only] => {
                self.command(caller, only.execution_id, resume).await?;
                self.reported_up(caller, only.execution_id, id).await
            }
            [] => self.command(caller, id, resume).await,
            _ => Err(Rejected::SeveralApprovals { pending }.into()),
        }
    }

    /// Takes a person's decision on a question that an execution, or one below it, asks; and gives the execution.
    ///
    /// # Errors
    /// [`EngineError`] when it does not count.
    pub async fn decide_in(
        &self,
        caller: &Caller,
        id: ExecutionId,
        decision: Decision,
    ) -> Result<ExecutionRow, EngineError> {
        self.execution(caller, id).await?;
        let asked = self.approval(caller, decision.approval_id).await?;
        if !self.is_in_tree(caller, asked.execution_id, id).await? {
            return Err(EngineError::ApprovalElsewhere { id: asked.id });
        }
        self.decide(caller, decision).await?;
        self.reported_up(caller, asked.execution_id, id).await
    }

    /// The pending questions of an execution and of those that it waits for.
    async fn questions_in_tree(
        &self,
        caller: &Caller,
        row: &ExecutionRow,
    ) -> Result<Vec<ApprovalRow>, EngineError> {
        let filter = ApprovalFilter {
            status: Some(ApprovalStatus::Pending),
            root_execution_id: Some(row.root()),
            ..ApprovalFilter::default()
        };
        let page = PageRequest {
            limit: MAX_QUESTIONS,
            cursor: None,
        };
        let mut found = Vec::new();
        for asked in self.approvals(caller, &filter, &page).await?.items {
            if self.is_in_tree(caller, asked.execution_id, row.id).await? {
                found.push(asked);
            }
        }
        Ok(found)
    }

    /// Whether an execution is this one, or is waited for by it or by one that is.
    async fn is_in_tree(
        &self,
        caller: &Caller,
        execution: ExecutionId,
        top: ExecutionId,
    ) -> Result<bool, EngineError> {
        let mut at = Some(execution);
        while let Some(id) = at {
            if id == top {
                return Ok(true);
            }
            at = self.waiting_parent(caller, id).await?;
        }
        Ok(false)
    }

    /// The execution that waits for this one.
    async fn waiting_parent(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<Option<ExecutionId>, EngineError> {
        let row = self.shared.query.execution(&caller.tenant, id).await?;
        let parent = row.and_then(|row| row.parent).filter(|parent| parent.waits);
        Ok(parent.map(|parent| parent.execution_id))
    }

    /// The upper of two executions, once all on the way up to it have taken in what the lower one has reported.
    async fn reported_up(
        &self,
        caller: &Caller,
        lower: ExecutionId,
        upper: ExecutionId,
    ) -> Result<ExecutionRow, EngineError> {
        let mut at = lower;
        while at != upper
            && let Some(parent) = self.waiting_parent(caller, at).await?
        {
            let (done, recorded) = oneshot::channel();
            // Behind the report, which was sent before the lower one answered.
            self.shared.deliver(parent, Message::Recorded(Input::Tick, done));
            // Fails when the parent is terminal, and then it takes in nothing more.
            let _ = recorded.await;
            at = parent;
        }
        self.execution(caller, upper).await
    }
}
