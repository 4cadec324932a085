//! Waiting until an execution has come to rest: it is terminal, or paused.

use std::time::Duration;

use agentchains_engine::{
    EngineError,
    machine::{EventType, ExecutionId, ExecutionStatus},
};

use crate::app::Api;

/// The seconds that a client may wait for an answer.
pub(crate) const MAX_SECONDS: u64 = 60;

/// Whether the execution comes to rest within that time; false also when the server is told to stop.
///
/// # Errors
/// [`EngineError`] when the execution cannot be read.
pub(crate) async fn comes_to_rest(api: &Api, id: ExecutionId, within: Duration) -> Result<bool, EngineError> {
    tokio::select! {
        rested = tokio::time::timeout(within, rests(api, id)) => rested.unwrap_or(Ok(false)),
        () = api.stop.cancelled() => Ok(false),
    }
}

async fn rests(api: &Api, id: ExecutionId) -> Result<bool, EngineError> {
    let mut events = api.engine.follow(&api.caller(), id, 0).await?;
    while let Some(event) = events.next().await? {
        // A pause may be over by the time that it is read of.
        if event.kind == EventType::ExecutionPaused && is_at_rest(api, id).await? {
            return Ok(true);
        }
    }
    is_at_rest(api, id).await
}

async fn is_at_rest(api: &Api, id: ExecutionId) -> Result<bool, EngineError> {
    let status = api.engine.execution(&api.caller(), id).await?.status;
    Ok(status.is_terminal() || status == ExecutionStatus::Paused)
}
