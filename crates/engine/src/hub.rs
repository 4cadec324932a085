//! The hub: events of all executions, once durable, to whoever watches.
//!
//! A watcher of one execution gets its row and its events from here as far as it keeps up, and reads what it has missed
//! from the store: it knows by their numbers. A watcher of everything gets the events through a bounded queue; when it
//! is too slow, it is told where it lost track, never silently cut short.

use std::{
    cell::LazyCell,
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use agentchains_breaker::Transition;
use agentchains_machine::{Event, ExecutionId, ExecutionRow, NodePath};
use agentchains_ports::{AgentKey, EventSink};
use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc, watch};

use crate::published::Published;

/// Events that a watcher of everything may be behind.
const QUEUE: usize = 1024;

/// What agents say is kept from a watcher of everything who is more than this far behind, so that it takes no event's
/// place.
const ROOM_FOR_EVENTS: usize = QUEUE / 2;

/// Commits of one execution whose events its watchers find here. Who is further behind reads them from the store.
const RECENT: usize = 64;

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
        event: Arc<Published>,
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
    executions: Mutex<WatchedExecutions>,
}

/// Executions that are watched, and some that were until not long ago.
#[derive(Debug, Default)]
struct WatchedExecutions {
    by_id: HashMap<ExecutionId, Watched>,
    /// With how many those are let go that nobody watches any more.
    sweep_at: usize,
}

impl WatchedExecutions {
    fn sweep(&mut self) {
        if self.by_id.len() >= self.sweep_at {
            self.by_id.retain(|_, watched| watched.row.receiver_count() > 0);
            self.sweep_at = 2 * self.by_id.len() + 16;
        }
    }
}

/// An execution that is watched.
#[derive(Debug)]
struct Watched {
    row: watch::Sender<Option<Arc<ExecutionRow>>>,
    /// Made for the first who wants to know more than the row.
    stories: Option<Stories>,
}

/// The events of one commit.
type Events = Arc<[Arc<Published>]>;

#[derive(Debug)]
struct Stories {
    events: broadcast::Sender<Events>,
    said: broadcast::Sender<Arc<Said>>,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            row: watch::channel(None).0,
            stories: None,
        }
    }
}

impl Default for Stories {
    fn default() -> Self {
        Self {
            events: broadcast::channel(RECENT).0,
            said: broadcast::channel(SAYINGS).0,
        }
    }
}

/// An execution after its last commit, once there was one since somebody watches.
pub(crate) type RowWatch = watch::Receiver<Option<Arc<ExecutionRow>>>;

/// What a watcher of one execution's events listens to.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Keeps the execution watched.
    _row: RowWatch,
    /// The events of its commits, each after they are in the store.
    pub(crate) events: broadcast::Receiver<Events>,
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
        executions.sweep();
        let watched = executions.by_id.entry(id).or_default();
        let stories = watched.stories.get_or_insert_default();
        Watch {
            events: stories.events.subscribe(),
            said: stories.said.subscribe(),
            _row: watched.row.subscribe(),
        }
    }

    pub(crate) fn watch_row(&self, id: ExecutionId) -> RowWatch {
        let mut executions = self.executions.lock().unwrap_or_else(PoisonError::into_inner);
        executions.sweep();
        executions.by_id.entry(id).or_default().row.subscribe()
    }

    /// Passes on what an agent says, to those who keep up.
    pub(crate) fn said(&self, tenant: &str, said: Said) {
        let said = Arc::new(said);
        {
            let executions = self.executions.lock().unwrap_or_else(PoisonError::into_inner);
            let watched = executions.by_id.get(&said.execution_id);
            if let Some(stories) = watched.and_then(|watched| watched.stories.as_ref()) {
                // Fails only when nobody listens.
                let _ = stories.said.send(Arc::clone(&said));
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
        agent: &AgentKey,
        transition: Transition,
        retry_at: Option<Timestamp>,
    ) {
        let notice = Notice::Breaker {
            agent_id: agent.agent_id().to_owned(),
            transition,
            retry_at,
        };
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        // A full queue may lose a breaker's notice: its state can be read at any time, and it has no number.
        watchers.retain(|watcher| {
            !agent.is_seen_by(&watcher.tenant)
                || !matches!(
                    watcher.queue.try_send(notice.clone()),
                    Err(mpsc::error::TrySendError::Closed(_))
                )
        });
    }

    fn tell_watchers_of(&self, row: &ExecutionRow, events: impl FnOnce() -> Events) {
        let mut executions = self.executions.lock().unwrap_or_else(PoisonError::into_inner);
        let Entry::Occupied(watched) = executions.by_id.entry(row.id) else {
            return;
        };
        if watched.get().row.receiver_count() == 0 {
            watched.remove();
            return;
        }
        watched.get().row.send_replace(Some(Arc::new(row.clone())));
        if let Some(stories) = &watched.get().stories {
            // Fails only when nobody listens.
            let _ = stories.events.send(events());
        }
        if row.status.is_terminal() {
            watched.remove();
        }
    }

    pub(crate) fn close(&self) {
        self.watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.executions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .by_id
            .clear();
    }
}

impl EventSink for Hub {
    fn publish(&self, row: &ExecutionRow, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let published = || events.iter().cloned().map(Published::new).map(Arc::new).collect();
        let events: LazyCell<Events, _> = LazyCell::new(published);
        self.tell_watchers_of(row, || Arc::clone(&events));
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        if watchers.is_empty() {
            return;
        }
        watchers.retain(|watcher| watcher.tenant != row.tenant || watcher.take_all(row.id, &events));
    }
}

impl Watcher {
    /// Whether the watcher is still there and keeping up.
    fn take_all(&self, execution_id: ExecutionId, events: &[Arc<Published>]) -> bool {
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
