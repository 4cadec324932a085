//! Waiting until an execution has come to rest: it is terminal, or paused.

use std::sync::Arc;

use agentchains_machine::{ExecutionId, ExecutionRow, ExecutionStatus, WorkflowId};

use crate::{Caller, Engine, EngineError, StartRequest, hub::RowWatch};

/// The way to learn that an execution has come to rest.
#[derive(Debug)]
pub struct Rest {
    /// As it was when the wait began.
    begun_as: ExecutionRow,
    watch: RowWatch,
}

impl Engine {
    /// Starts an execution as [`start`](Self::start) does, and listens to it from the beginning.
    ///
    /// # Errors
    /// [`EngineError`] when none was started.
    pub async fn start_and_watch(
        &self,
        caller: &Caller,
        workflow_id: WorkflowId,
        request: StartRequest,
    ) -> Result<(ExecutionId, Rest), EngineError> {
        let idempotency = request.idempotency.clone();
        let (workflow, new) = self.prepare(caller, workflow_id, request).await?;
        let wanted = new.id;
        let watch = self.shared.hub.watch_row(wanted);
        let row = self.launch(workflow, new, idempotency).await?;
        if row.id != wanted {
            return Ok((row.id, self.watch(caller, row.id).await?));
        }
        let rest = Rest { begun_as: row, watch };
        Ok((wanted, rest))
    }

    /// Listens to an execution that was started before.
    async fn watch(&self, caller: &Caller, id: ExecutionId) -> Result<Rest, EngineError> {
        let watch = self.shared.hub.watch_row(id);
        let begun_as = self.execution(caller, id).await?;
        Ok(Rest { begun_as, watch })
    }
}

impl Rest {
    /// The execution, once it is terminal or paused. Waits for that.
    ///
    /// # Errors
    /// [`EngineError::ShuttingDown`] when the engine stops before.
    pub async fn reached(mut self) -> Result<ExecutionRow, EngineError> {
        if is_at_rest(&self.begun_as) {
            return Ok(self.begun_as);
        }
        loop {
            let last = self.watch.borrow_and_update().clone();
            if let Some(row) = last.filter(|row| is_at_rest(row)) {
                return Ok(Arc::unwrap_or_clone(row));
            }
            self.watch
                .changed()
                .await
                .map_err(|_| EngineError::ShuttingDown)?;
        }
    }
}

fn is_at_rest(row: &ExecutionRow) -> bool {
    row.status.is_terminal() || row.status == ExecutionStatus::Paused
}
