//! The hub: events of all executions, once durable, to whoever watches.
//!
//! A watcher of one execution is only woken here and reads from the store, so it can miss nothing. A watcher of
//! everything gets the events themselves through a bounded queue; when it is too slow, it is told where it lost
//! track, never silently cut short.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use agentchains_breaker::Transition;
use agentchains_machine::{Event, ExecutionId, NodePath};
use agentchains_ports::EventSink;
use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc, watch};

/// Events that a watcher of everything may be behind.
const QUEUE: usize = 1024;

/// What agents say is kept from a watcher of everything who is more than this far behind, so that it takes no event's
/// place.
const ROOM_FOR_EVENTS: usize = QUEUE / 2;

/// How much of what agents say a watcher of one execution may be behind; what is older is dropped.
const SAYINGS: usize = 64;

/// What a watcher of everything sees.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Something happened in an execution.
    Event {
        /// The execution.
        execution_id: ExecutionId,
        /// What happened.
        event: Arc<Event>,
    },
    /// An agent has said something while it works.
    Said(Arc<Said>),
    /// A circuit breaker changed its state.
    Breaker {
        /// Its agent.
        agent_id: String,
        /// From which state to which, when and why.
        transition: Transition,
        /// When it lets a call through, while it is open.
        retry_at: Option<Timestamp>,
    },
}

/// What an agent says while it works on an attempt. It is not numbered and not kept, and some of it is dropped when there
/// is too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The node.
    pub path: NodePath,
    /// The attempt's number.
    pub attempt: u32,
    /// The agent.
    pub agent_id: String,
    /// What it says: the next piece of its text.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// What ends a watcher of everything that was too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The execution whose event found no place.
    pub execution_id: ExecutionId,
    /// The last number before that event: read on from there.
    pub after_seq: u64,
}

/// Everything that a tenant may see, as it happens.
#[derive(Debug)]
pub struct Notices {
    queue: mpsc::Receiver<Notice>,
    missed: watch::Receiver<Option<Missed>>,
}

impl Notices {
    /// The next notice; `None` when the engine has stopped.
    ///
    /// # Errors
    /// [`Missed`] when this watcher was too slow; it gets nothing more after that.
    pub async fn next(&mut self) -> Result<Option<Notice>, Missed> {
        match self.queue.recv().await {
            Some(notice) => Ok(Some(notice)),
            None => (*self.missed.borrow()).map_or(Ok(None), Err),
        }
    }
}

#[derive(Debug)]
struct Watcher {
    tenant: String,
    queue: mpsc::Sender<Notice>,
    missed: watch::Sender<Option<Missed>>,
}

#[derive(Debug, Default)]
pub(crate) struct Hub {
    watchers: Mutex<Vec<Watcher>>,
    executions: Mutex<HashMap<ExecutionId, Watched>>,
}

/// An execution that is watched.
#[derive(Debug)]
struct Watched {
    last_seq: watch::Sender<u64>,
    said: broadcast::Sender<Arc<Said>>,
}

/// What a watcher of one execution listens to.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Changes whenever the execution has new events in the store.
    pub(crate) last_seq: watch::Receiver<u64>,
    /// What its agents say.
    pub(crate) said: broadcast::Receiver<Arc<Said>>,
}

impl Hub {
    pub(crate) fn watch_everything(&self, tenant: &str) -> Notices {
        let (sender, queue) = mpsc::channel(QUEUE);
        let (missed_sender, missed) = watch::channel(None);
        let watcher = Watcher {
            tenant: tenant.to_owned(),
            queue: sender,
            missed: missed_sender,
        };
        self.watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(watcher);
        Notices { queue, missed }
    }

    pub(crate) fn watch_execution(&self, id: ExecutionId) -> Watch {
        let mut executions = self.executions.lock().unwrap_or_else(PoisonError::into_inner);
        executions.retain(|_, watched| watched.last_seq.receiver_count() > 0);
        let watched = executions.entry(id).or_insert_with(|| Watched {
            last_seq: watch::channel(0).0,
            said: broadcast::channel(SAYINGS).0,
        });
        Watch {
            last_seq: watched.last_seq.subscribe(),
            said: watched.said.subscribe(),
        }
    }

    /// Passes on what an agent says, to those who keep up.
    pub(crate) fn said(&self, tenant: &str, said: Said) {
        let said = Arc::new(said);
        {
            let executions = self.executions.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(watched) = executions.get(&said.execution_id) {
                // Fails only when nobody listens.
                let _ = watched.said.send(Arc::clone(&said));
            }
        }
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        let keep_up = watchers
            .iter()
            .filter(|watcher| watcher.tenant == tenant && watcher.queue.capacity() > ROOM_FOR_EVENTS);
        for watcher in keep_up {
            let _ = watcher.queue.try_send(Notice::Said(Arc::clone(&said)));
        }
    }

    pub(crate) fn breaker_changed(
        &self,
        agent_id: &str,
        transition: Transition,
        retry_at: Option<Timestamp>,
    ) {
        let notice = Notice::Breaker {
            agent_id: agent_id.to_owned(),
            transition,
            retry_at,
        };
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        // A full queue may lose a breaker's notice: its state can be read at any time, and it has no number.
        watchers.retain(|watcher| {
            !matches!(
                watcher.queue.try_send(notice.clone()),
                Err(mpsc::error::TrySendError::Closed(_))
            )
        });
    }

    pub(crate) fn close(&self) {
        self.watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.executions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl EventSink for Hub {
    fn publish(&self, tenant: &str, execution: ExecutionId, events: &[Event]) {
        let Some(last) = events.last() else { return };
        {
            let executions = self.executions.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(watched) = executions.get(&execution) {
                watched.last_seq.send_replace(last.seq);
            }
        }
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        if watchers.is_empty() {
            return;
        }
        let events: Vec<Arc<Event>> = events.iter().cloned().map(Arc::new).collect();
        watchers.retain(|watcher| watcher.tenant != tenant || watcher.take_all(execution, &events));
    }
}

impl Watcher {
    /// Whether the watcher is still there and keeping up.
    fn take_all(&self, execution_id: ExecutionId, events: &[Arc<Event>]) -> bool {
        for event in events {
            let notice = Notice::Event {
                execution_id,
                event: Arc::clone(event),
            };
            match self.queue.try_send(notice) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    self.missed.send_replace(Some(Missed {
                        execution_id,
                        after_seq: event.seq - 1,
                    }));
                    return false;
                }
            }
        }
        true
    }
}
