//! The driver: one task per active execution. Drain the mailbox, step each input, commit once, publish, act.

use std::{collections::HashMap, sync::Arc, time::Duration};

use agentchains_machine::{ExecutionId, ExecutionRow, Input, Machine, NodePath, Rejected, Step};
use agentchains_ports::{Claimed, Commit, CommitError, EventSink, Fence, StoreError};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span, warn};

use crate::{
    calls,
    clock::add,
    gate::DriverGate,
    shared::{CommandError, Message, Shared},
};

/// Inputs that one commit takes in at the most.
const BATCH: usize = 256;
/// A parked execution that is due within this time keeps its driver.
const LINGER: Duration = Duration::from_secs(2);
/// Between tries of a commit that the store refuses; doubled each time, up to the second one.
const COMMIT_RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

pub(crate) struct Driver {
    pub(crate) shared: Arc<Shared>,
    pub(crate) machine: Machine,
    pub(crate) fence: Fence,
    pub(crate) mailbox: mpsc::UnboundedReceiver<Message>,
    pub(crate) in_flight: HashMap<(NodePath, u32), CancellationToken>,
    /// Cancelled when this driver gives up: its calls end without a word.
    pub(crate) gone: CancellationToken,
}

/// Who waits for the commit. A refusal waits too: it may be due to something that the same commit records.
enum Waiter {
    Recorded(oneshot::Sender<()>),
    Command(
        oneshot::Sender<Result<ExecutionRow, CommandError>>,
        Result<(), Rejected>,
    ),
}

/// Takes a parked or interrupted execution over and drives it.
pub(crate) async fn load_and_drive(
    shared: Arc<Shared>,
    id: ExecutionId,
    mut mailbox: mpsc::UnboundedReceiver<Message>,
) {
    match load(&shared, id, &mut mailbox).await {
        Some((machine, fence)) => {
            let interrupted = machine.execution().in_flight > 0;
            let driver = Driver::new(shared, machine, fence, mailbox);
            let first = interrupted.then_some(Input::Recover);
            driver.run(first).instrument(info_span!("execution", %id)).await;
        }
        None => {
            shared.unregister(id);
            mailbox.close();
            while let Some(message) = mailbox.recv().await {
                refuse(message, CommandError::NotActive);
            }
        }
    }
}

/// `None` when there is nothing to drive, or the engine stops.
async fn load(
    shared: &Arc<Shared>,
    id: ExecutionId,
    mailbox: &mut mpsc::UnboundedReceiver<Message>,
) -> Option<(Machine, Fence)> {
    let mut delay = COMMIT_RETRY.0;
    while !shared.stopped.is_cancelled() {
        match try_load(shared, id).await {
            Ok(loaded) => return loaded,
            Err(error) => {
                error!(%id, error = &error as &dyn std::error::Error, "cannot load the execution; trying again");
                // Waiting may mend a store that is away, but hardly one that cannot be understood.
                if matches!(error, StoreError::Corrupt { .. }) {
                    while let Ok(message) = mailbox.try_recv() {
                        refuse(message, CommandError::Unreadable);
                    }
                }
                pause(shared, &mut delay).await;
            }
        }
    }
    None
}

async fn try_load(shared: &Arc<Shared>, id: ExecutionId) -> Result<Option<(Machine, Fence)>, StoreError> {
    let Some(Claimed { fence, snapshot }) = shared.store.claim(id).await? else {
        return Ok(None);
    };
    let execution = &snapshot.execution;
    let (workflow, version) = (execution.workflow_id, execution.workflow_version);
    let compiled = shared.compiled.get(&*shared.workflows, workflow, version).await?;
    let compiled = compiled.ok_or_else(|| StoreError::Corrupt {
        place: "executions.workflow_version",
        source: format!("there is no version {version} of workflow {workflow}").into(),
    })?;
    Ok(Some((Machine::restore(compiled, snapshot), fence)))
}

/// Waits a while before the store is tried again. False when the engine has stopped meanwhile.
async fn pause(shared: &Shared, delay: &mut Duration) -> bool {
    let until = add(shared.clock.now(), *delay);
    *delay = (*delay * 2).min(COMMIT_RETRY.1);
    tokio::select! {
        () = shared.clock.sleep_until(until) => true,
        () = shared.stopped.cancelled() => false,
    }
}

fn refuse(message: Message, error: CommandError) {
    if let Message::Command(_, reply) = message {
        // The caller may have gone; nobody else wants to know.
        let _ = reply.send(Err(error));
    }
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        machine: Machine,
        fence: Fence,
        mailbox: mpsc::UnboundedReceiver<Message>,
    ) -> Self {
        let gone = shared.stopped.child_token();
        Self {
            shared,
            machine,
            fence,
            mailbox,
            in_flight: HashMap::new(),
            gone,
        }
    }

    /// Drives until the execution is parked or terminal, or the engine stops.
    pub(crate) async fn run(mut self, first: Option<Input>) {
        let id = self.machine.execution().id;
        let mut batch: Vec<Message> = first.into_iter().map(Message::Input).collect();
        loop {
            if !self.turn(batch).await {
                return self.abandon(id).await;
            }
            if self.is_idle() && self.shared.unregister_if_idle(id, &self.mailbox) {
                self.shared.parked.notify_one();
                return;
            }
            batch = match self.next_batch().await {
                Some(batch) => batch,
                None => return self.abandon(id).await,
            };
        }
    }

    /// The engine stops, or another process has taken over: what was accepted and not recorded is refused.
    async fn abandon(mut self, id: ExecutionId) {
        self.gone.cancel();
        self.shared.unregister(id);
        self.mailbox.close();
        while let Some(message) = self.mailbox.recv().await {
            if !self.shared.stopped.is_cancelled() {
                refuse(message, CommandError::TakenOver);
            }
        }
    }

    fn is_idle(&self) -> bool {
        let execution = self.machine.execution();
        let soon = add(self.shared.clock.now(), LINGER);
        let draining = self.shared.draining.is_cancelled() && execution.in_flight == 0;
        draining || (self.machine.is_parked() && execution.wake_at.is_none_or(|wake_at| wake_at > soon))
    }

    /// Waits for messages, or for the moment at which time alone changes something. `None` when the engine stops.
    async fn next_batch(&mut self) -> Option<Vec<Message>> {
        let wake_at = self.machine.execution().wake_at.unwrap_or(Timestamp::MAX);
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            () = self.shared.stopped.cancelled() => return None,
            _ = self.mailbox.recv_many(&mut batch, BATCH) => {}
            () = self.shared.clock.sleep_until(wake_at) => {}
            () = self.shared.draining.cancelled(), if !self.shared.draining.is_cancelled() => {}
        }
        // What is due happens before what comes in at the same moment: a decision must not outrun a timeout.
        if wake_at <= self.shared.clock.now() {
            batch.insert(0, Message::Input(Input::Tick));
        }
        Some(batch)
    }

    /// One turn: step each input, commit once, then publish, act and answer. False when the driver must give up.
    async fn turn(&mut self, batch: Vec<Message>) -> bool {
        let mut gate = DriverGate::new(&self.shared, self.machine.execution().id);
        let (step, waiters) = self.step_each(batch, &mut gate);
        if let Some(step) = step {
            if !self.commit(&step).await {
                self.disappoint(waiters);
                return false;
            }
            self.act(step, gate);
        }
        self.answer(waiters);
        true
    }

    fn step_each(&mut self, batch: Vec<Message>, gate: &mut DriverGate) -> (Option<Step>, Vec<Waiter>) {
        let now = self.shared.clock.now();
        let mut waiters = Vec::new();
        let mut whole: Option<Step> = None;
        for message in batch {
            let (input, recorded, command) = match message {
                Message::Input(input) => (input, None, None),
                Message::Recorded(input, done) => (input, Some(done), None),
                Message::Command(input, reply) => (input, None, Some(reply)),
            };
            if let Input::AttemptEnded { path, attempt, .. } = &input {
                self.in_flight.remove(&(path.clone(), *attempt));
            }
            let outcome = self.machine.step(now, input, gate).map(|step| match &mut whole {
                Some(whole) => whole.absorb(step),
                None => whole = Some(step),
            });
            waiters.extend(recorded.map(Waiter::Recorded));
            waiters.extend(command.map(|reply| Waiter::Command(reply, outcome)));
        }
        (whole.filter(|step| !step.is_empty()), waiters)
    }

    /// Makes a step durable, however long the store takes. False when the driver must give up.
    async fn commit(&mut self, step: &Step) -> bool {
        let commit = Commit {
            fence: self.fence,
            changes: step.changes.clone(),
        };
        let mut delay = COMMIT_RETRY.0;
        loop {
            match self.shared.store.commit(commit.clone()).await {
                Ok(()) => {
                    self.fence = self.fence.advanced();
                    return true;
                }
                Err(CommitError::Fenced) => {
                    warn!("another writer has changed the execution; its driver gives up");
                    return false;
                }
                Err(CommitError::Store(error)) => {
                    error!(
                        error = &error as &dyn std::error::Error,
                        "cannot commit; trying again"
                    );
                    if !pause(&self.shared, &mut delay).await {
                        return false;
                    }
                }
            }
        }
    }

    fn answer(&self, waiters: Vec<Waiter>) {
        for waiter in waiters {
            // Whoever waited may have gone; nobody else wants to know.
            match waiter {
                Waiter::Recorded(done) => _ = done.send(()),
                Waiter::Command(reply, outcome) => {
                    let row = outcome.map(|()| self.machine.execution().clone());
                    let _ = reply.send(row.map_err(CommandError::Rejected));
                }
            }
        }
    }

    /// Nothing was recorded: another process has the execution, or the engine stops, and then nothing is said.
    fn disappoint(&self, waiters: Vec<Waiter>) {
        for waiter in waiters {
            if let Waiter::Command(reply, _) = waiter
                && !self.shared.stopped.is_cancelled()
            {
                // The caller may have gone; nobody else wants to know.
                let _ = reply.send(Err(CommandError::TakenOver));
            }
        }
    }

    /// Publishes what is durable, then does what follows from it.
    pub(crate) fn act(&mut self, step: Step, mut gate: DriverGate) {
        let execution = self.machine.execution();
        self.shared
            .hub
            .publish(&execution.tenant, execution.id, &step.changes.events);
        for (agent_id, transition) in gate.transitions.drain(..) {
            self.shared.hub.breaker_changed(&agent_id, transition, None);
        }
        for effect in step.effects {
            calls::perform(self, effect, &mut gate.admissions);
        }
    }
}
