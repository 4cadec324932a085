//! Effects: performing what the machine wants done, and the calls among it, each in a task of its own that always
//! reports back.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agentchains_breaker::{Outcome, Verdict};
use agentchains_cost::ReportedCost;
use agentchains_machine::{
    AttemptFailure, AttemptOutcome, Call, Effect, ExecutionId, FailureCode, Input, MessageId, NodePath,
    RemoteCancel, RemoteTask,
};
use agentchains_ports::{AgentKey, CallOutcome, CallProgress};
use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span};

use crate::{
    children,
    clock::add,
    driver::Driver,
    gate::Admission,
    hub::Said,
    shared::{Message, Shared},
};

/// The most that is passed on of one piece of what an agent says while it works.
const SAYING_BYTES: usize = 4096;

/// How long an agent may take to say that it has cancelled a task.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

/// Does what a step wants done. Admissions were taken in the order of the calls.
pub(crate) fn perform(driver: &mut Driver, effect: Effect, admissions: &mut VecDeque<Admission>) {
    let shared = Arc::clone(&driver.shared);
    let execution = driver.machine.execution().id;
    let agents = shared.agents_of(&driver.machine.execution().tenant);
    match effect {
        Effect::Call(call) => {
            let admission = if call.admitted {
                admissions.pop_front()
            } else {
                None
            };
            let abort = CancellationToken::new();
            driver
                .in_flight
                .insert((call.path.clone(), call.attempt), abort.clone());
            let span = info_span!("call", %execution, node = %call.path, attempt = call.attempt);
            let owner = Owner {
                agent: agents.key(&call.agent_id),
                execution,
                tenant: driver.machine.execution().tenant.clone(),
            };
            let signals = Signals {
                abort,
                gone: driver.gone.clone(),
            };
            shared
                .tasks
                .clone()
                .spawn(attend(shared, owner, call, admission, signals).instrument(span));
        }
        Effect::Abort {
            path,
            attempt,
            agent_id,
            message_id,
            remote_task,
        } => match driver.in_flight.get(&(path.clone(), attempt)) {
            Some(abort) => abort.cancel(),
            None => {
                let begun = Begun {
                    agent: agents.key(&agent_id),
                    message_id,
                    task: remote_task,
                };
                let cancelled = cancel_orphan(shared.clone(), execution, path, attempt, begun);
                shared.tasks.spawn(cancelled);
            }
        },
        Effect::Look {
            path,
            attempt,
            agent_id,
            remote_task,
            question_id,
        } => {
            let agent = agents.key(&agent_id);
            let look = async move {
                let question_id = question_id.as_deref();
                if shared
                    .runner
                    .has_moved_on(&agent, &remote_task, question_id)
                    .await
                {
                    let input = Input::TaskMovedOn { path, attempt };
                    shared.deliver(execution, Message::Input(input));
                }
            };
            driver.shared.tasks.spawn(look);
        }
        Effect::StartChild(start) => children::start(driver, *start),
        Effect::CommandChild {
            execution_id,
            command,
        } => children::command(driver, execution_id, command),
    }
}

/// On whose behalf a call is made, and which agent is meant there.
struct Owner {
    agent: AgentKey,
    execution: ExecutionId,
    tenant: String,
}

/// What ends the wait for a call early.
struct Signals {
    /// The machine wants it aborted.
    abort: CancellationToken,
    /// The driver is gone: nobody wants to know any more.
    gone: CancellationToken,
}

/// How the wait for a call ended.
enum Ended {
    Outcome(CallOutcome),
    /// The runner broke down, which says nothing about the agent.
    Panicked,
    Aborted,
    TimedOut,
    /// Its time was over before it could be made: the store was slow, or the process was away.
    TooLate,
    Gone,
}

async fn attend(
    shared: Arc<Shared>,
    owner: Owner,
    call: Call,
    admission: Option<Admission>,
    signals: Signals,
) {
    let progress = Progress {
        shared: &shared,
        owner: &owner,
        call: &call,
        task: Mutex::new(call.remote_task.clone()),
        told: Mutex::default(),
        is_sent: AtomicBool::new(!call.admitted),
    };
    let calling = shared
        .runner
        .call(&owner.agent, owner.execution, &call, &progress);
    let running = AssertUnwindSafe(calling).catch_unwind();
    let ended = tokio::select! {
        biased;
        () = signals.gone.cancelled() => Ended::Gone,
        () = signals.abort.cancelled() => Ended::Aborted,
        () = std::future::ready(()), if call.deadline <= shared.clock.now() => Ended::TooLate,
        outcome = running => outcome.map_or(Ended::Panicked, Ended::Outcome),
        () = shared.clock.sleep_until(call.deadline) => Ended::TimedOut,
    };
    let begun = progress.begun();
    let told = progress.told.into_inner().unwrap_or_else(PoisonError::into_inner);
    let outcome = match ended {
        Ended::Gone => return,
        Ended::Aborted => AttemptOutcome::Aborted(give_up(&shared, begun).await),
        Ended::TimedOut => {
            record(&shared, admission, Outcome::TimedOut.verdict());
            give_up_late(&shared, begun);
            AttemptOutcome::Failed(timed_out(&call))
        }
        Ended::TooLate => {
            give_up_late(&shared, begun);
            AttemptOutcome::Failed(timed_out(&call))
        }
        Ended::Panicked => AttemptOutcome::Failed(panicked(&call)),
        Ended::Outcome(outcome) => {
            record(&shared, admission, outcome.verdict());
            match outcome {
                CallOutcome::Reply(reply) => AttemptOutcome::Succeeded(reply),
                CallOutcome::Failed { failure, .. } => {
                    if failure.code == FailureCode::AgentTimeout {
                        give_up_late(&shared, begun);
                    }
                    AttemptOutcome::Failed(failure)
                }
                CallOutcome::TaskLost => AttemptOutcome::Lost,
                CallOutcome::InputRequired(question) => AttemptOutcome::InputRequired(question),
            }
        }
    };
    if let Some(task) = told {
        let input = Input::TaskAccepted {
            path: call.path.clone(),
            attempt: call.attempt,
            task,
        };
        shared.deliver(owner.execution, Message::Input(input));
    }
    let input = Input::AttemptEnded {
        path: call.path,
        attempt: call.attempt,
        outcome,
    };
    shared.deliver(owner.execution, Message::Input(input));
}

/// Tells the breaker how a call went, and frees the agent's place.
fn record(shared: &Shared, admission: Option<Admission>, verdict: Verdict) {
    let Some(admission) = admission else { return };
    if let Some(transition) = admission.permit.record(verdict, shared.clock.now()) {
        shared.breaker_changed(&admission.agent, transition);
    }
}

/// What an agent may be at work on for an attempt.
struct Begun {
    agent: AgentKey,
    message_id: MessageId,
    task: Option<RemoteTask>,
}

/// Cancels what an agent may be at work on. One that does not answer holds up neither the engine's end nor its own next
/// calls.
async fn give_up(shared: &Shared, begun: Option<Begun>) -> Option<RemoteCancel> {
    let begun = begun?;
    let cancelled = async {
        match &begun.task {
            Some(task) => Some(shared.runner.cancel(&begun.agent, task).await),
            None => shared.runner.withdraw(&begun.agent, begun.message_id).await,
        }
    };
    let until = add(shared.clock.now(), CANCEL_LIMIT);
    tokio::select! {
        said = cancelled => said,
        () = shared.clock.sleep_until(until) => Some(RemoteCancel::Unknown),
        () = shared.stopped.cancelled() => Some(RemoteCancel::Unknown),
    }
}

/// The wait for a call is over, but its agent may still be at work: it is told to stop, and nobody waits for that.
fn give_up_late(shared: &Arc<Shared>, begun: Option<Begun>) {
    let engine = Arc::clone(shared);
    shared.tasks.spawn(async move { give_up(&engine, begun).await });
}

/// Aborts an attempt that nobody waits for: its process is gone, or its agent had asked something.
async fn cancel_orphan(
    shared: Arc<Shared>,
    execution: ExecutionId,
    path: NodePath,
    attempt: u32,
    begun: Begun,
) {
    let outcome = AttemptOutcome::Aborted(give_up(&shared, Some(begun)).await);
    shared.deliver(
        execution,
        Message::Input(Input::AttemptEnded {
            path,
            attempt,
            outcome,
        }),
    );
}

fn timed_out(call: &Call) -> AttemptFailure {
    failure(
        FailureCode::AgentTimeout,
        format!(
            "attempt {} at agent {:?} took longer than its timeout; raise the node's timeout",
            call.attempt, call.agent_id
        ),
        true,
    )
}

fn panicked(call: &Call) -> AttemptFailure {
    error!("the runner panicked");
    let message = format!(
        "attempt {} at agent {:?} could not be made: the runner broke down",
        call.attempt, call.agent_id
    );
    failure(FailureCode::Internal, message, false)
}

fn failure(code: FailureCode, message: String, retryable: bool) -> AttemptFailure {
    AttemptFailure {
        code,
        message,
        retryable,
        retry_after: None,
        reached_agent: true,
        cost: ReportedCost::Absent,
        usage: None,
    }
}

struct Progress<'a> {
    shared: &'a Arc<Shared>,
    owner: &'a Owner,
    call: &'a Call,
    task: Mutex<Option<RemoteTask>>,
    /// The task, where it is to be recorded with the outcome.
    told: Mutex<Option<RemoteTask>>,
    /// Whether the agent may have the message. Of an attempt that outlived a process nobody knows better.
    is_sent: AtomicBool,
}

impl Progress<'_> {
    /// What the agent may be at work on; `None` where nothing was sent.
    fn begun(&self) -> Option<Begun> {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_begun = task.is_some() || self.is_sent.load(Ordering::Relaxed);
        is_begun.then(|| Begun {
            agent: self.owner.agent.clone(),
            message_id: self.call.message_id,
            task,
        })
    }
}

#[async_trait]
impl CallProgress for Progress<'_> {
    fn sending(&self) {
        self.is_sent.store(true, Ordering::Relaxed);
    }

    async fn task_accepted(&self, task: RemoteTask) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.clone());
        let (done, recorded) = oneshot::channel();
        let input = Input::TaskAccepted {
            path: self.call.path.clone(),
            attempt: self.call.attempt,
            task,
        };
        self.shared
            .deliver(self.owner.execution, Message::Recorded(input, done));
        // Fails only when the driver gives up, and then the call is given up as well.
        let _ = recorded.await;
    }

    fn task_told(&self, task: RemoteTask) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.clone());
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    fn said(&self, text: &str) {
        let said = Said {
            execution_id: self.owner.execution,
            path: self.call.path.clone(),
            attempt: self.call.attempt,
            agent_id: self.call.agent_id.clone(),
            text: text[..text.floor_char_boundary(SAYING_BYTES)].to_owned(),
            at: self.shared.clock.now(),
        };
        self.shared.hub.said(&self.owner.tenant, said);
    }
}
