//! Waiting until an execution has come to rest: it is terminal, or paused.

use std::time::Duration;

use agentchains_engine::{
    EngineError,
    machine::{ExecutionId, ExecutionRow},
};

use crate::app::Api;

/// The seconds that a client may wait for an answer.
pub(crate) const MAX_SECONDS: u64 = 60;

/// The execution, where it comes to rest within that time; `None` also when the server is told to stop.
///
/// # Errors
/// [`EngineError`] when the execution cannot be read.
pub(crate) async fn rested(
    api: &Api,
    id: ExecutionId,
    within: Duration,
) -> Result<Option<ExecutionRow>, EngineError> {
    let caller = api.caller();
    tokio::select! {
        rested = tokio::time::timeout(within, api.engine.rested(&caller, id)) => rested.ok().transpose(),
        () = api.stop.cancelled() => Ok(None),
    }
}
