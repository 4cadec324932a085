//! Waiting for an execution to come to rest, and telling meanwhile what happens.

use std::time::Duration;

use agentchains_engine::{
    Caller, Engine, EngineError, Live,
    machine::{Event, EventType, ExecutionId, ExecutionRow},
};
use rmcp::{
    Peer,
    model::{ProgressNotificationParam, ProgressToken},
    service::{RequestContext, RoleServer},
};
use tokio_util::sync::CancellationToken;

use crate::asking::Answers;

/// Where a client hears of progress, if it wants to.
pub(crate) struct Progress {
    to: Option<(Peer<RoleServer>, ProgressToken)>,
    /// Cancelled when the client does not wait any longer.
    gone: CancellationToken,
}

impl Progress {
    pub(crate) fn of(context: &RequestContext<RoleServer>) -> Self {
        let token = context.meta.get_progress_token();
        Self {
            to: token.map(|token| (context.peer.clone(), token)),
            gone: context.ct.clone(),
        }
    }

    async fn tell(&self, event: &Event) {
        let Some((peer, token)) = &self.to else { return };
        #[expect(clippy::cast_precision_loss, reason = "no execution has 2^53 events")]
        let progress = ProgressNotificationParam::new(token.clone(), event.seq as f64);
        // A client that is gone need not be told.
        let _ = peer.notify_progress(progress.with_message(sentence(event))).await;
    }
}

/// How a tool waits for an execution.
pub(crate) struct Waiting<'p> {
    pub(crate) progress: &'p Progress,
    /// What the person behind the client has answered since the same was asked for before.
    pub(crate) answers: Option<Answers>,
    /// The client asks by itself how it stands.
    pub(crate) is_elsewhere: bool,
}

/// What happened, in a few words.
fn sentence(event: &Event) -> String {
    let path = event.data.to_value();
    match path.get("path").and_then(|path| path.as_str()) {
        Some(path) => format!("{} {path}", event.kind.as_str()),
        None => event.kind.as_str().to_owned(),
    }
}

/// The execution once it is terminal or paused after the event of a number, or as it stands when that time is over or nobody waits any longer.
pub(crate) async fn rested(
    engine: &Engine,
    caller: &Caller,
    id: ExecutionId,
    after: u64,
    within: Duration,
    progress: &Progress,
) -> Result<ExecutionRow, EngineError> {
    let mut events = engine.follow(caller, id, after).await?;
    let until_rest = async {
        while let Some(live) = events.next_live().await? {
            let Live::Event(event) = live else { continue };
            progress.tell(&event).await;
            if event.kind == EventType::ExecutionPaused && is_paused(engine, caller, id).await? {
                break;
            }
        }
        Ok::<(), EngineError>(())
    };
    tokio::select! {
        () = progress.gone.cancelled() => {}
        rested = tokio::time::timeout(within, until_rest) => {
            if let Ok(rested) = rested {
                rested?;
            }
        }
    }
    engine.execution(caller, id).await
}

/// Whether it is so still: what was paused may have gone on long ago.
async fn is_paused(engine: &Engine, caller: &Caller, id: ExecutionId) -> Result<bool, EngineError> {
    Ok(engine.execution(caller, id).await?.pause_reason.is_some())
}
