//! The driver: one task per active execution. Drain the mailbox, step each input, commit once, publish, act.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use agentchains_machine::{
    ApprovalRow, ChildReport, Effect, Event, ExecutionId, ExecutionStatus, Input, Machine, NodePath,
    Rejected, Step,
};
use agentchains_ports::{Commit, CommitError, EventSink, Fence};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    calls,
    clock::add,
    doubt,
    gate::DriverGate,
    loading::{Patience, refuse},
    metrics::Active,
    purses::{ShortAbove, Sources},
    shared::{CarriedOut, CommandError, CommandReply, Message, Received, Shared},
};

/// How long an execution that was taken over from a process that crashed must be driven until the crash is not held
/// against it any more.
const TRIAL: Duration = Duration::from_secs(60);
/// Inputs that one commit takes in at the most.
const BATCH: usize = 256;
/// Effects after which the inputs that are left wait for the next commit: those after it, and the executions beside this
/// one, come in between.
const EFFECTS_OF_ONE_COMMIT: usize = 128;
/// A parked execution that is due within this time keeps its driver. So does one whose children were heard of within
/// it: they will be heard of again, and each time its rows would have to be read.
const LINGER: Duration = Duration::from_secs(2);

pub(crate) struct Driver {
    pub(crate) shared: Arc<Shared>,
    pub(crate) machine: Machine,
    fence: Fence,
    sources: Arc<Sources>,
    mailbox: Received,
    /// What came in and was not stepped yet, as the commit before had enough in it.
    backlog: VecDeque<Message>,
    pub(crate) in_flight: HashMap<(NodePath, u32), CancellationToken>,
    /// Cancelled when this driver gives up: its calls end without a word.
    pub(crate) gone: CancellationToken,
    /// Commands that were passed on to child executions, each until the child has recorded it.
    pub(crate) passed_on: Vec<oneshot::Receiver<()>>,
    /// When a child execution was started or heard of.
    pub(crate) children_at: Option<Timestamp>,
    /// What the execution above was told.
    reported: Option<ChildReport>,
    /// Until when a crash would be held against the execution.
    trial_until: Option<Timestamp>,
    /// Set when this driver gives up, and another one is to take its place.
    taken_up_again: bool,
    _active: Active,
}

/// Who waits for the commit. A refusal waits too: it may be due to something that the same commit records.
enum Waiter {
    Recorded(oneshot::Sender<()>),
    Command(CommandReply, Result<(), Rejected>),
}

impl Waiter {
    /// Whoever waited may have gone; nobody else wants to know.
    fn answer(self, carried_out: &CarriedOut) {
        match self {
            Self::Recorded(done) => _ = done.send(()),
            Self::Command(reply, outcome) => {
                let done = outcome.map(|()| carried_out.clone());
                let _ = reply.send(done.map_err(CommandError::Rejected));
            }
        }
    }
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, machine: Machine, fence: Fence, mailbox: Received) -> Self {
        let gone = shared.stopped.child_token();
        let sources = Sources::of(&shared.purses, machine.execution());
        let is_on_trial = machine.execution().recoveries > 0;
        let trial_until = is_on_trial.then(|| add(shared.clock.now(), TRIAL));
        Self {
            _active: shared.metrics.active(),
            sources,
            shared,
            machine,
            fence,
            mailbox,
            backlog: VecDeque::new(),
            in_flight: HashMap::new(),
            gone,
            passed_on: Vec::new(),
            children_at: None,
            reported: None,
            trial_until,
            taken_up_again: false,
        }
    }

    /// Drives until the execution is parked or terminal, or the engine stops. Thousands wait in here at the same time, so
    /// that what a turn needs is held for as long as it takes, and no longer.
    pub(crate) async fn run(mut self: Box<Self>, first: Option<Message>) {
        let id = self.machine.execution().id;
        let mut batch: Vec<Message> = first.into_iter().collect();
        loop {
            if !Box::pin(self.turn(batch)).await {
                return self.abandon(id).await;
            }
            if self.is_idle() && self.shared.park(self.machine.execution(), &self.mailbox) {
                if self.machine.execution().wake_at.is_some() {
                    self.shared.parked.notify_one();
                }
                return;
            }
            batch = match self.next_batch().await {
                Some(batch) => batch,
                None => return self.abandon(id).await,
            };
        }
    }

    /// The engine stops, or another process has taken over: what was accepted and not recorded is refused.
    async fn abandon(mut self: Box<Self>, id: ExecutionId) {
        self.gone.cancel();
        self.shared.unregister(id);
        self.mailbox.close();
        for message in std::mem::take(&mut self.backlog) {
            self.turn_away(message);
        }
        while let Some(message) = self.mailbox.recv().await {
            self.turn_away(*message);
        }
        if self.taken_up_again {
            self.shared.deliver(id, Message::Input(Input::Tick));
        }
    }

    /// Refuses what was accepted and not recorded, unless the engine stops, and then nothing is said.
    fn turn_away(&self, message: Message) {
        if !self.shared.stopped.is_cancelled() {
            refuse(message, CommandError::TakenOver);
        }
    }

    fn is_idle(&self) -> bool {
        if !self.backlog.is_empty() {
            return false;
        }
        let execution = self.machine.execution();
        if self.shared.draining.is_cancelled() && execution.in_flight == 0 {
            return true;
        }
        let soon = add(self.shared.clock.now(), LINGER);
        self.machine.is_parked()
            && execution.wake_at.is_none_or(|wake_at| wake_at > soon)
            && self.lingers_until().is_none()
    }

    /// Until when child executions are listened to without a break.
    fn lingers_until(&self) -> Option<Timestamp> {
        let heard_at = self
            .children_at
            .filter(|_| self.machine.execution().children > 0)?;
        Some(add(heard_at, LINGER)).filter(|until| *until > self.shared.clock.now())
    }

    /// Waits for messages, or for the moment at which time alone changes something. `None` when the engine stops.
    async fn next_batch(&mut self) -> Option<Vec<Message>> {
        let wake_at = self.machine.execution().wake_at.unwrap_or(Timestamp::MAX);
        let others = self.lingers_until().into_iter().chain(self.trial_until);
        let until = others.fold(wake_at, Timestamp::min);
        let mut received = Vec::new();
        let has_work = self.machine.has_more_to_start() || !self.backlog.is_empty();
        tokio::select! {
            biased;
            () = self.shared.stopped.cancelled() => return None,
            // Others come first.
            () = tokio::task::yield_now(), if has_work => {}
            _ = self.mailbox.recv_many(&mut received, BATCH), if self.backlog.is_empty() => {}
            () = self.shared.clock.sleep_until(until) => {}
            () = self.shared.draining.cancelled(), if !self.shared.draining.is_cancelled() => {}
        }
        let received = received.into_iter().map(|message| *message);
        let mut batch: Vec<Message> = received.chain(self.backlog.drain(..)).collect();
        // What is due happens before what comes in at the same moment: a decision must not outrun a timeout.
        if wake_at <= self.shared.clock.now() || (has_work && batch.is_empty()) {
            batch.insert(0, Message::Input(Input::Tick));
        }
        if self
            .trial_until
            .is_some_and(|until| until <= self.shared.clock.now())
        {
            self.trial_until = None;
            batch.push(Message::Input(Input::Outlived));
        }
        Some(batch)
    }

    /// One turn: step each input, commit once, then publish, act and answer. False when the driver must give up.
    async fn turn(&mut self, batch: Vec<Message>) -> bool {
        if !self.load_purses().await {
            return false;
        }
        let mut gate = DriverGate::new(&self.shared, self.machine.execution(), &self.sources);
        let (step, mut waiters) = self.step_each(batch, &mut gate);
        let short_above = gate.draw.short_above();
        let mut approvals = Vec::new();
        if let Some(step) = step {
            let commit = Commit {
                fence: self.fence,
                changes: step.changes,
                purses: gate.draw.changes(),
            };
            if !self.commit(&commit, &mut waiters).await {
                // When the engine stops, nothing is said.
                if !self.shared.stopped.is_cancelled() {
                    disappoint(&mut waiters, || CommandError::TakenOver);
                }
                return false;
            }
            self.act(&commit.changes.events, step.effects, gate);
            approvals = commit.changes.approvals;
        }
        self.tell_who_is_short(short_above);
        self.report();
        self.answer(waiters, approvals);
        true
    }

    /// Reads the purses that the execution draws from. False when the engine stops before the store answers.
    async fn load_purses(&self) -> bool {
        let mut patience = Patience::new();
        loop {
            let now = self.shared.clock.now();
            match self.sources.load(&*self.shared.query, now).await {
                Ok(()) => return true,
                Err(error) => {
                    let what = "cannot read the purses";
                    if !patience.after(&self.shared, &error, what).await {
                        return false;
                    }
                }
            }
        }
    }

    /// Tells executions above that their budgets have no room for calls of this one. After the commit: what this one
    /// has given back counts then.
    fn tell_who_is_short(&self, short_above: ShortAbove) {
        for (owner, (path, wanted)) in short_above {
            self.shared
                .deliver(owner, Message::Input(Input::ShortBelow { path, wanted }));
        }
    }

    fn step_each(&mut self, batch: Vec<Message>, gate: &mut DriverGate) -> (Option<Step>, Vec<Waiter>) {
        let now = self.shared.clock.now();
        let mut waiters = Vec::new();
        let mut steps = Vec::new();
        let mut effects = 0;
        for message in batch {
            if effects >= EFFECTS_OF_ONE_COMMIT {
                self.backlog.push_back(message);
                continue;
            }
            let (input, recorded, command) = match message {
                Message::Input(input) => (input, None, None),
                Message::Recorded(input, done) => (input, Some(done), None),
                Message::Command(input, reply) => (input, None, Some(reply)),
            };
            match &input {
                Input::AttemptEnded { path, attempt, .. } => {
                    self.in_flight.remove(&(path.clone(), *attempt));
                }
                Input::ChildReported { .. } => self.children_at = Some(now),
                _ => {}
            }
            let outcome = self.machine.step(now, input, gate).map(|step| {
                effects += step.effects.len();
                steps.push(step);
            });
            waiters.extend(recorded.map(Waiter::Recorded));
            waiters.extend(command.map(|reply| Waiter::Command(reply, outcome)));
        }
        (Step::join(steps).filter(|step| !step.is_empty()), waiters)
    }

    /// Makes a step durable, however long the store takes. False when the driver must give up. Who waits for a command is
    /// told when the store is away for long; the command is carried out all the same.
    async fn commit(&mut self, commit: &Commit, waiters: &mut Vec<Waiter>) -> bool {
        let mut patience = Patience::new();
        let mut is_in_doubt = false;
        loop {
            let began = self.shared.clock.now();
            let made = match self.shared.store.commit(commit.clone()).await {
                Err(CommitError::Fenced) if is_in_doubt && doubt::was_made(&self.shared, commit).await => {
                    Ok(())
                }
                made => made,
            };
            match made {
                Ok(()) => {
                    let took = self.shared.clock.now().duration_since(began);
                    self.shared.metrics.committed(&commit.changes, took);
                    self.fence = self.fence.advanced();
                    return true;
                }
                Err(CommitError::Fenced) => {
                    warn!("another writer has changed the execution; its driver gives up");
                    return false;
                }
                Err(CommitError::OverBudget(purse)) => {
                    warn!(%purse, "another process has drawn from the same purse; the execution is taken up again");
                    self.sources.forget(self.shared.clock.now());
                    self.taken_up_again = true;
                    return false;
                }
                Err(CommitError::Store(error)) => {
                    is_in_doubt = true;
                    if !patience.after(&self.shared, &error, "cannot commit").await {
                        return false;
                    }
                    if patience.is_at_its_end() {
                        disappoint(waiters, || CommandError::StoreAway);
                    }
                }
            }
        }
    }

    /// The execution above takes one that it has started to be running, and need not be told.
    pub(crate) fn assume_start_is_known(&mut self) {
        let execution = self.machine.execution();
        if execution.status == ExecutionStatus::Running {
            self.reported = Some(ChildReport::of(execution));
        }
    }

    /// Tells the execution above how this one stands, where that has changed. After the commit: what is told is so.
    fn report(&mut self) {
        let execution = self.machine.execution();
        let Some(parent) = execution.parent.as_ref().filter(|parent| parent.waits) else {
            return;
        };
        let report = ChildReport::of(execution);
        if self.reported.as_ref() == Some(&report) {
            return;
        }
        let input = Input::ChildReported {
            path: parent.path.clone(),
            execution_id: execution.id,
            report: report.clone(),
        };
        self.shared.deliver(parent.execution_id, Message::Input(input));
        self.reported = Some(report);
    }

    /// Answers who waited for the commit, once the executions below have recorded what was passed on to them: what is
    /// acknowledged holds in the whole tree.
    fn answer(&mut self, waiters: Vec<Waiter>, approvals: Vec<ApprovalRow>) {
        let passed_on = std::mem::take(&mut self.passed_on);
        if waiters.is_empty() {
            return;
        }
        let carried_out = CarriedOut {
            execution: self.machine.execution().clone(),
            approvals,
        };
        if passed_on.is_empty() {
            return waiters.into_iter().for_each(|waiter| waiter.answer(&carried_out));
        }
        self.shared.tasks.spawn(async move {
            // Fails where the child is terminal, gone or never was, and then nothing of it goes on.
            join_all(passed_on).await;
            waiters.into_iter().for_each(|waiter| waiter.answer(&carried_out));
        });
    }

    /// Publishes what is durable, then does what follows from it.
    pub(crate) fn act(&mut self, events: &[Event], effects: Vec<Effect>, gate: DriverGate) {
        let (mut admissions, draw) = gate.committed();
        for execution in draw.committed() {
            self.shared.deliver(execution, Message::Input(Input::Tick));
        }
        let execution = self.machine.execution();
        self.shared.hub.publish(execution, events);
        for sink in &self.shared.sinks {
            sink.publish(execution, events);
        }
        for effect in effects {
            calls::perform(self, effect, &mut admissions);
        }
    }
}

/// Nothing was recorded, or not yet: tells those who have asked for something.
fn disappoint(waiters: &mut Vec<Waiter>, why: impl Fn() -> CommandError) {
    for waiter in waiters.extract_if(.., |waiter| matches!(waiter, Waiter::Command(..))) {
        if let Waiter::Command(reply, _) = waiter {
            // The caller may have gone; nobody else wants to know.
            let _ = reply.send(Err(why()));
        }
    }
}
