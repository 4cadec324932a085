//! Following one execution's events: all of them, in order, up to the terminal one.

use std::{collections::VecDeque, sync::Arc};

use agentchains_machine::{Event, EventType, ExecutionId};
use agentchains_ports::StoreError;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    hub::{Said, Watch},
    published::Published,
    shared::Shared,
};

/// Events that are read from the store in one go.
const BATCH: u32 = 200;

/// What is seen of an execution while it runs.
#[derive(Debug, Clone)]
pub enum Live {
    /// Something happened, and is durable.
    Event(Arc<Published>),
    /// An agent says something.
    Said(Arc<Said>),
}

/// The events of one execution: from the store up to where they are live, then from the hub. A reader that falls behind
/// reads from the store again, so that it misses nothing and holds one batch.
pub struct EventStream {
    shared: Arc<Shared>,
    id: ExecutionId,
    after_seq: u64,
    read: VecDeque<Arc<Published>>,
    watch: Watch,
    /// Whether all that comes after `read` comes from the hub.
    caught_up: bool,
    ended: bool,
}

impl EventStream {
    pub(crate) fn new(shared: Arc<Shared>, id: ExecutionId, after_seq: u64, watch: Watch) -> Self {
        Self {
            shared,
            id,
            after_seq,
            read: VecDeque::new(),
            watch,
            caught_up: false,
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
            match self.next_live().await? {
                Some(Live::Event(event)) => return Ok(Some(Event::clone(&event))),
                Some(Live::Said(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next event, or what an agent says before that comes. Otherwise as [`next`](Self::next).
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    pub async fn next_live(&mut self) -> Result<Option<Live>, StoreError> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.after_seq = event.seq;
                self.ended = is_terminal(event.kind);
                return Ok(Some(Live::Event(event)));
            }
            if self.ended {
                return Ok(None);
            }
            if !self.caught_up {
                self.catch_up().await?;
                if !self.read.is_empty() {
                    continue;
                }
                if self.is_past_the_end().await? {
                    return Ok(None);
                }
            }
            tokio::select! {
                biased;
                events = self.watch.events.recv() => match events {
                    Ok(events) => self.take(&events),
                    Err(RecvError::Lagged(_)) => self.caught_up = false,
                    Err(RecvError::Closed) => return Ok(None),
                },
                said = self.watch.said.recv() => match said {
                    Ok(said) => return Ok(Some(Live::Said(said))),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(None),
                },
            }
        }
    }

    /// Reads on from the store. What is written after that comes from the hub.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let read = self.shared.query.events(self.id, self.after_seq, BATCH).await?;
        self.caught_up = read.len() < BATCH as usize;
        self.read = read.into_iter().map(Published::new).map(Arc::new).collect();
        Ok(())
    }

    /// Takes in live events, of which some may have been read from the store already.
    fn take(&mut self, events: &[Arc<Published>]) {
        let new = events.iter().filter(|event| event.seq > self.after_seq);
        self.read = new.cloned().collect();
        let is_gap = self
            .read
            .front()
            .is_some_and(|event| event.seq != self.after_seq + 1);
        if is_gap {
            self.read.clear();
            self.caught_up = false;
        }
    }

    /// Whether the terminal event comes before what is asked for.
    async fn is_past_the_end(&self) -> Result<bool, StoreError> {
        let past_the_end = self
            .shared
            .query
            .events(self.id, self.after_seq.saturating_sub(1), 1)
            .await?;
        Ok(past_the_end.first().is_some_and(|event| is_terminal(event.kind)))
    }
}

const fn is_terminal(kind: EventType) -> bool {
    matches!(
        kind,
        EventType::ExecutionCompleted | EventType::ExecutionFailed | EventType::ExecutionCancelled
    )
}
