//! The engine's handle: cheap to clone, the one way in for every door.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use agentchains_machine::WorkflowId;
use agentchains_ports::{
    BreakerStore, Clock, EventSink, ExecutionQuery, ExecutionStore, NodeRunner, Right, Rights, StoreError,
    WorkflowStore,
};
use agentchains_workflow::Limits;
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::{ContextV7, Timestamp as UuidTimestamp, Uuid};

use crate::{
    Notices,
    breakers::{self, Breakers},
    children::{Lanes, Trees},
    clock::{SystemClock, add},
    compiled::CompiledCache,
    doubt,
    gate::AgentSlots,
    hub::Hub,
    latest::LatestVersions,
    loading::Complaints,
    metrics::Metrics,
    pace::Paces,
    purses::{Caps, Purses},
    recovery, retention,
    shared::Shared,
    waking,
};

/// Who asks, as far as the engine cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whose workflows and executions they see.
    pub tenant: String,
    /// How they are named in records.
    pub name: String,
    /// What they may be addressed as besides their name.
    pub roles: Vec<String>,
    /// What they may do. The doors ask; the engine itself does what it is told.
    pub rights: Rights,
}

impl Caller {
    /// The caller where nobody is asked who they are.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            tenant: "default".to_owned(),
            name: "anonymous".to_owned(),
            roles: Vec::new(),
            rights: Rights::ALL,
        }
    }

    /// Whether they have that right.
    #[must_use]
    pub const fn may(&self, right: Right) -> bool {
        self.rights.has(right)
    }
}

/// Runs executions. Clones share one engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

/// Puts an engine together.
pub struct EngineBuilder {
    store: Arc<dyn ExecutionStore>,
    query: Arc<dyn ExecutionQuery>,
    workflows: Arc<dyn WorkflowStore>,
    breakers: Arc<dyn BreakerStore>,
    runner: Arc<dyn NodeRunner>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    caps: Caps,
    retention: Option<Duration>,
    sinks: Vec<Arc<dyn EventSink>>,
}

impl EngineBuilder {
    /// Holds every tenant to these caps.
    #[must_use]
    pub const fn caps(mut self, caps: Caps) -> Self {
        self.caps = caps;
        self
    }

    /// Holds workflows and executions to these limits instead of the language's own.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Forgets executions so long after their end; without this they are kept.
    #[must_use]
    pub const fn retention(mut self, keep: Option<Duration>) -> Self {
        self.retention = keep;
        self
    }

    /// Tells this one, too, of all events once they are durable.
    #[must_use]
    pub fn sink(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Takes the time from there instead of from the system.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the engine: it takes over what an earlier process left unfinished, and is ready.
    ///
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn start(self) -> Engine {
        let (freed, freed_slots) = mpsc::unbounded_channel();
        let (doubted, in_doubt) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            store: self.store,
            query: self.query,
            workflows: self.workflows,
            runner: self.runner,
            clock: self.clock,
            breakers: Breakers::new(self.breakers),
            slots: Arc::new(AgentSlots::new(freed)),
            paces: Paces::default(),
            purses: Arc::new(Purses::new(self.caps)),
            hub: Hub::default(),
            sinks: self.sinks,
            metrics: Metrics::new(),
            store_complaints: Complaints::default(),
            compiled: CompiledCache::new(self.limits),
            latest: LatestVersions::default(),
            lanes: Lanes::default(),
            trees: Trees::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            stopped: CancellationToken::new(),
            doubted,
            parked: Notify::new(),
            ids: Mutex::new(ContextV7::new()),
            drivers: Mutex::default(),
        });
        shared
            .tasks
            .spawn(waking::wake_waiting_for_slots(Arc::clone(&shared), freed_slots));
        shared
            .tasks
            .spawn(doubt::take_up_recorded(Arc::clone(&shared), in_doubt));
        shared.tasks.spawn(breakers::keep(Arc::clone(&shared)));
        shared.tasks.spawn(recovery::take_over(Arc::clone(&shared)));
        shared.tasks.spawn(waking::wake_due(Arc::clone(&shared)));
        if let Some(keep) = self.retention {
            shared.tasks.spawn(retention::forget(Arc::clone(&shared), keep));
        }
        Engine { shared }
    }
}

impl Engine {
    /// An engine on this store, which calls agents through this runner.
    pub fn builder<S>(store: Arc<S>, runner: Arc<dyn NodeRunner>) -> EngineBuilder
    where
        S: ExecutionStore + ExecutionQuery + WorkflowStore + BreakerStore,
    {
        EngineBuilder {
            store: Arc::clone(&store) as Arc<dyn ExecutionStore>,
            query: Arc::clone(&store) as Arc<dyn ExecutionQuery>,
            workflows: Arc::clone(&store) as Arc<dyn WorkflowStore>,
            breakers: store,
            runner,
            clock: Arc::new(SystemClock::new()),
            limits: Limits::default(),
            caps: Caps::default(),
            retention: None,
            sinks: Vec::new(),
        }
    }

    /// The present moment, by the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Whether nothing new is taken on any more.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.shared.draining.is_cancelled()
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.shared.query.ping().await
    }

    /// Everything that a tenant may see, from this moment on.
    #[must_use]
    pub fn notices(&self, tenant: &str) -> Notices {
        self.shared.hub.watch_everything(tenant)
    }

    /// Stops: no attempt starts any more, calls in flight may end within `drain`, and what has not ended by then
    /// is taken up again by the next process. Returns when nothing of the engine runs any more.
    pub async fn shutdown(&self, drain: Duration) {
        let shared = &self.shared;
        shared.draining.cancel();
        shared.tasks.close();
        let until = add(shared.clock.now(), drain);
        tokio::select! {
            () = shared.tasks.wait() => {}
            () = shared.clock.sleep_until(until) => {}
        }
        shared.stopped.cancel();
        shared.hub.close();
        shared.tasks.wait().await;
        breakers::save_the_rest(shared).await;
    }

    pub(crate) fn new_uuid(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        // Those of the same moment are in the order in which they were made.
        let context = self.shared.ids.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::new_v7(UuidTimestamp::from_unix(&*context, seconds, nanoseconds))
    }

    pub(crate) fn new_workflow_id(&self) -> WorkflowId {
        WorkflowId::from_uuid(self.new_uuid())
    }
}
