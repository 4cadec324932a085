//! Approvals: questions to people, read and decided.

use agentchains_machine::{ApprovalId, ApprovalRow, Decision, Input, Rejected};
use agentchains_ports::{ApprovalFilter, Page, PageRequest};

use crate::{Caller, Engine, EngineError};

impl Engine {
    /// One question.
    ///
    /// # Errors
    /// [`EngineError`] when there is none, or the store could not be read.
    pub async fn approval(&self, caller: &Caller, id: ApprovalId) -> Result<ApprovalRow, EngineError> {
        let row = self.shared.query.approval(&caller.tenant, id).await?;
        row.ok_or_else(|| EngineError::not_found("approval", id))
    }

    /// Questions, pending ones first.
    ///
    /// # Errors
    /// [`EngineError`] when the store could not be read.
    pub async fn approvals(
        &self,
        caller: &Caller,
        filter: &ApprovalFilter,
        page: &PageRequest,
    ) -> Result<Page<ApprovalRow>, EngineError> {
        Ok(self.shared.query.approvals(&caller.tenant, filter, page).await?)
    }

    /// Takes a person's decision, and gives the question as it then is.
    ///
    /// # Errors
    /// [`EngineError`] when it does not count.
    pub async fn decide(&self, caller: &Caller, decision: Decision) -> Result<ApprovalRow, EngineError> {
        let id = decision.approval_id;
        let asked = self.approval(caller, id).await?;
        if was_made_before(&asked, &decision)? {
            return Ok(asked);
        }
        let refused = match self
            .command_known(caller, asked.execution_id, Input::Decide(decision.clone()))
            .await
        {
            Ok(done) => {
                let decided = done.approvals.into_iter().find(|row| row.id == id);
                return match decided {
                    Some(row) => Ok(row),
                    None => self.approval(caller, id).await,
                };
            }
            Err(EngineError::Rejected(refused)) => refused,
            Err(error) => return Err(error),
        };
        // The same request may have gone first while this one was on its way.
        let now = self.approval(caller, id).await?;
        if was_made_before(&now, &decision)? {
            return Ok(now);
        }
        Err(match refused {
            Rejected::ApprovalNotPending | Rejected::Conflict { .. } => EngineError::ApprovalClosed {
                approval: Box::new(now),
            },
            refused => refused.into(),
        })
    }
}

/// Whether the same request, by its idempotency key, has made this decision already.
fn was_made_before(asked: &ApprovalRow, decision: &Decision) -> Result<bool, EngineError> {
    let same_key = asked
        .decisions
        .iter()
        .find(|earlier| earlier.request_key.is_some() && earlier.request_key == decision.request_key);
    match same_key {
        None => Ok(false),
        Some(earlier)
            if earlier.decision == decision.decision
                && earlier.by == decision.by
                && earlier.comment == decision.comment
                && earlier.data == decision.data =>
        {
            Ok(true)
        }
        Some(_) => Err(EngineError::IdempotencyKeyReused),
    }
}
