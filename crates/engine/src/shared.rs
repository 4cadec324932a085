//! What all parts of one engine share, and how messages reach an execution's driver.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use agentchains_machine::{ApprovalRow, ExecutionId, ExecutionRow, Input, Rejected};
use agentchains_ports::{Clock, EventSink, ExecutionQuery, ExecutionStore, NodeRunner, WorkflowStore};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::ContextV7;

use crate::{
    breakers::Breakers,
    children::{Lanes, Trees},
    compiled::CompiledCache,
    gate::AgentSlots,
    hub::Hub,
    latest::LatestVersions,
    loading::{self, Complaints, Purpose},
    metrics::Metrics,
    pace::Paces,
    purses::Purses,
};

/// What a driver's mailbox takes.
#[derive(Debug)]
pub(crate) enum Message {
    /// Something happened; nobody waits for an answer.
    Input(Input),
    /// Something happened whose recording somebody waits for.
    Recorded(Input, oneshot::Sender<()>),
    /// Somebody wants something and waits for the answer.
    Command(Input, CommandReply),
}

/// Where the answer to a command goes.
pub(crate) type CommandReply = oneshot::Sender<Result<CarriedOut, CommandError>>;

/// What a command and whatever was recorded with it have left.
#[derive(Debug, Clone)]
pub(crate) struct CarriedOut {
    pub(crate) execution: ExecutionRow,
    /// The questions that changed.
    pub(crate) approvals: Vec<ApprovalRow>,
}

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum CommandError {
    Rejected(Rejected),
    /// The execution is terminal, or gone.
    NotActive,
    /// What the store holds of it cannot be understood.
    Unreadable,
    TakenOver,
    /// The store has not taken it for a while. It is carried out once it does.
    StoreAway,
}

/// Where an execution's driver is reached. A channel has room for 32 of what goes through it from the beginning on, so
/// that messages are boxed: of thousands of drivers each waits for one answer.
pub(crate) type Mailbox = mpsc::UnboundedSender<Box<Message>>;

/// What the driver takes out of its [`Mailbox`].
pub(crate) type Received = mpsc::UnboundedReceiver<Box<Message>>;

pub(crate) struct Shared {
    pub(crate) store: Arc<dyn ExecutionStore>,
    pub(crate) query: Arc<dyn ExecutionQuery>,
    pub(crate) workflows: Arc<dyn WorkflowStore>,
    pub(crate) runner: Arc<dyn NodeRunner>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) breakers: Breakers,
    pub(crate) slots: Arc<AgentSlots>,
    pub(crate) paces: Paces,
    pub(crate) purses: Arc<Purses>,
    pub(crate) hub: Hub,
    /// Who else is told of events.
    pub(crate) sinks: Vec<Arc<dyn EventSink>>,
    pub(crate) metrics: Metrics,
    pub(crate) store_complaints: Complaints,
    pub(crate) compiled: CompiledCache,
    pub(crate) latest: LatestVersions,
    pub(crate) lanes: Lanes,
    pub(crate) trees: Trees,
    pub(crate) tasks: TaskTracker,
    /// Nothing new starts any more.
    pub(crate) draining: CancellationToken,
    /// Whatever still runs stops where it is.
    pub(crate) stopped: CancellationToken,
    /// Executions whose creation failed, and that may have been recorded all the same.
    pub(crate) doubted: mpsc::UnboundedSender<ExecutionId>,
    /// A parked execution has a moment to be woken at.
    pub(crate) parked: Notify,
    /// What keeps new ids in order.
    pub(crate) ids: Mutex<ContextV7>,
    pub(crate) drivers: Mutex<Drivers>,
}

/// Which executions have a driver, and what the last driver of a parked one knew.
#[derive(Debug, Default)]
pub(crate) struct Drivers {
    mailboxes: HashMap<ExecutionId, Mailbox>,
    /// Parked executions whose child executions report to this process already.
    parents: HashSet<ExecutionId>,
}

impl Shared {
    /// Delivers a message; an execution that is parked gets a driver first.
    pub(crate) fn deliver(self: &Arc<Self>, id: ExecutionId, message: Message) {
        let mut drivers = self.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        let message = Box::new(message);
        let message = match drivers.mailboxes.get(&id) {
            Some(mailbox) => match mailbox.send(message) {
                Ok(()) => return,
                Err(refused) => refused.0,
            },
            None => message,
        };
        let mailbox = self.load(&mut drivers, id, Purpose::Drive);
        // The receiver is held by the task that loads it, so this cannot fail.
        let _ = mailbox.send(message);
    }

    /// Ends an execution that may be what makes the process crash, unless it has a driver already.
    pub(crate) fn quarantine(self: &Arc<Self>, id: ExecutionId) {
        let mut drivers = self.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        if !drivers.mailboxes.contains_key(&id) {
            self.load(&mut drivers, id, Purpose::Quarantine);
        }
    }

    /// Has an execution loaded, which gets its mailbox at once.
    fn load(self: &Arc<Self>, drivers: &mut Drivers, id: ExecutionId, purpose: Purpose) -> Mailbox {
        let (mailbox, receiver) = mpsc::unbounded_channel();
        drivers.mailboxes.insert(id, mailbox.clone());
        let knows_children = drivers.parents.remove(&id);
        let loading = loading::load_and_drive(Arc::clone(self), id, receiver, knows_children, purpose);
        self.tasks.spawn(loading);
        mailbox
    }

    /// Gives a mailbox to an execution that has just been created.
    pub(crate) fn register(&self, id: ExecutionId) -> Received {
        let (mailbox, receiver) = mpsc::unbounded_channel();
        self.drivers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .mailboxes
            .insert(id, mailbox);
        receiver
    }

    /// Takes the mailbox of an execution that is parked away, unless a message has come in meanwhile.
    pub(crate) fn park(&self, execution: &ExecutionRow, receiver: &Received) -> bool {
        let mut drivers = self.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = receiver.is_empty();
        if idle {
            drivers.mailboxes.remove(&execution.id);
            if execution.children > 0 {
                drivers.parents.insert(execution.id);
            }
        }
        idle
    }

    /// Takes the mailbox away, whatever is in it.
    pub(crate) fn unregister(&self, id: ExecutionId) {
        self.drivers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .mailboxes
            .remove(&id);
    }

    pub(crate) fn has_driver(&self, id: ExecutionId) -> bool {
        self.drivers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .mailboxes
            .contains_key(&id)
    }
}
