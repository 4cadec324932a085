//! Following one execution's events: all of them, in order, up to the terminal one.

use std::{collections::VecDeque, sync::Arc};

use agentchains_machine::{Event, EventType, ExecutionId};
use agentchains_ports::StoreError;
use tokio::sync::watch;

use crate::shared::Shared;

/// Events that are read from the store in one go.
const BATCH: u32 = 200;

/// The events of one execution, read from the store and woken by the hub: a slow reader holds one batch.
pub struct EventStream {
    shared: Arc<Shared>,
    id: ExecutionId,
    after_seq: u64,
    read: VecDeque<Event>,
    changed: watch::Receiver<u64>,
    ended: bool,
}

impl EventStream {
    pub(crate) fn new(
        shared: Arc<Shared>,
        id: ExecutionId,
        after_seq: u64,
        changed: watch::Receiver<u64>,
    ) -> Self {
        Self {
            shared,
            id,
            after_seq,
            read: VecDeque::new(),
            changed,
            ended: false,
        }
    }

    /// The next event; waits for it. `None` after the terminal one, and when the engine has stopped.
    ///
    /// Cancel safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    pub async fn next(&mut self) -> Result<Option<Event>, StoreError> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.after_seq = event.seq;
                self.ended = is_terminal(event.kind);
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            self.changed.borrow_and_update();
            self.read = self
                .shared
                .query
                .events(self.id, self.after_seq, BATCH)
                .await?
                .into();
            if self.read.is_empty() && !self.wait().await? {
                return Ok(None);
            }
        }
    }

    /// False when nothing will follow.
    async fn wait(&mut self) -> Result<bool, StoreError> {
        let past_the_end = self
            .shared
            .query
            .events(self.id, self.after_seq.saturating_sub(1), 1)
            .await?;
        if past_the_end.first().is_some_and(|event| is_terminal(event.kind)) {
            return Ok(false);
        }
        Ok(self.changed.changed().await.is_ok())
    }
}

const fn is_terminal(kind: EventType) -> bool {
    matches!(
        kind,
        EventType::ExecutionCompleted | EventType::ExecutionFailed | EventType::ExecutionCancelled
    )
}
