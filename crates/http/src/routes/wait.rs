//! Waiting until an execution has come to rest: it is terminal, or paused.

use std::time::Duration;

use agentchains_engine::{EngineError, Rest, machine::ExecutionRow};

use crate::app::Api;

/// The seconds that a client may wait for an answer.
pub(crate) const MAX_SECONDS: u64 = 60;

/// The execution, where it comes to rest within that time; `None` also when the server is told to stop.
///
/// # Errors
/// [`EngineError`] when the engine stops before.
pub(crate) async fn rested(
    api: &Api,
    rest: Rest,
    within: Duration,
) -> Result<Option<ExecutionRow>, EngineError> {
    tokio::select! {
        rested = tokio::time::timeout(within, rest.reached()) => rested.ok().transpose(),
        () = api.stop.cancelled() => Ok(None),
    }
}
