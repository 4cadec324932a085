//! One attempt, from the card to the outcome: send the message, then ask for the task until it does not go on by
//! itself any more. An attempt that goes on with a question answers that first.

use std::time::Duration;

use agentchains_machine::{AgentAnswer, Call, RemoteTask};
use agentchains_ports::{CallOutcome, CallProgress};
use tokio::time::{Instant, sleep_until};

use super::{
    answer::{self, Answer},
    cancel::cancel,
    card::{AgentCard, Interface},
    client::A2aClient,
    message,
    question::question_id,
    rpc::RpcErrorKind,
    task::{Sent, Task},
};
use crate::{
    error::CallError,
    failure::{Classified, classify},
    net::{Endpoint, TransportError},
};

/// The first wait before a task is asked for; each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest wait between two questions about a task.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long one question about a task may go unanswered.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);

/// How many questions in a row may fail before the attempt does. The task is known and asking is harmless, while
/// giving up means that the work is done again.
const TOLERATED_TROUBLES: u32 = 4;

/// How long the cancelling of a task that is given up may hold up the outcome.
const ABANDON_LIMIT: Duration = Duration::from_millis(500);

/// An attempt in progress.
pub(crate) struct Conversation<'a> {
    client: &'a A2aClient,
    call: &'a Call,
    deadline: Instant,
}

/// A person's answer to a task's question, for as long as the task may still be seen with that question.
struct Answering<'a> {
    answer: &'a AgentAnswer,
    is_sent: bool,
}

/// How far an attempt had come when it failed, which decides whether the agent has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing of this attempt was sent.
    Card,
    /// The message was being sent.
    Message,
    /// The agent has the message.
    Task,
}

impl<'a> Conversation<'a> {
    pub(crate) fn new(client: &'a A2aClient, call: &'a Call) -> Self {
        Self {
            client,
            call,
            deadline: client.channel().instant(call.deadline),
        }
    }

    /// Carries the attempt to its end.
    pub(crate) async fn run(&self, progress: &dyn CallProgress) -> CallOutcome {
        let known = self.call.remote_task.as_ref();
        let stage = if known.is_some() { Stage::Task } else { Stage::Card };
        let card = match self.client.card(self.deadline).await {
            Ok(card) => card,
            Err(error) => return self.failed(&error, self.client.base(), stage),
        };
        if let Some(task) = known {
            return self.follow(&card, task, Duration::ZERO).await;
        }
        let interface = &card.interface;
        let message = message::request(self.call, card.text_only);
        match self.client.send_message(interface, message, self.deadline).await {
            Ok(Sent::Message(message)) => CallOutcome::Reply(answer::from_message(message)),
            Ok(Sent::Task(task)) => {
                let remote = task.remote();
                progress.task_accepted(remote.clone()).await;
                match self.settled(task) {
                    Some(outcome) => outcome,
                    None => self.follow(&card, &remote, FIRST_PAUSE).await,
                }
            }
            Err(error) => self.failed(&error, &interface.endpoint, Stage::Message),
        }
    }

    /// Asks for the task until it does not go on by itself any more.
    async fn follow(&self, card: &AgentCard, task: &RemoteTask, first_pause: Duration) -> CallOutcome {
        let (mut pause, mut troubles) = (first_pause, 0);
        let answer = self.call.answer.as_deref();
        let mut answering = answer.map(|answer| Answering {
            answer,
            is_sent: false,
        });
        loop {
            sleep_until(self.deadline.min(Instant::now() + pause)).await;
            pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            match self.look_after(card, task, &mut answering).await {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => troubles = 0,
                Err(CallError::Rpc(error))
                    if error.kind == RpcErrorKind::TaskNotFound && self.is_resumed() =>
                {
                    return CallOutcome::TaskLost;
                }
                Err(error) if error.is_transient() && troubles < TOLERATED_TROUBLES && !self.is_over() => {
                    tracing::debug!(agent = self.call.agent_id, %error, "a task could not be asked for; trying again");
                    troubles += 1;
                }
                Err(error) => {
                    self.abandon(&card.interface, &task.task_id).await;
                    return self.failed(&error, &card.interface.endpoint, Stage::Task);
                }
            }
        }
    }

    /// Looks how a task stands, and answers its question, unless it has the answer already: a crash may have come
    /// between the sending of it and here.
    async fn look_after(
        &self,
        card: &AgentCard,
        task: &RemoteTask,
        answering: &mut Option<Answering<'_>>,
    ) -> Result<Option<CallOutcome>, CallError> {
        let seen = self.ask(&card.interface, &task.task_id).await?;
        let Some(open) = answering.as_mut().filter(|open| open.is_seen_in(&seen)) else {
            *answering = None;
            return Ok(self.settled(seen));
        };
        if open.is_sent {
            return Ok(None);
        }
        let message = message::answer(open.answer, task, card.text_only);
        let sent = self
            .client
            .send_message(&card.interface, message, self.deadline)
            .await?;
        open.is_sent = true;
        match sent {
            Sent::Message(message) => Ok(Some(CallOutcome::Reply(answer::from_message(message)))),
            Sent::Task(seen) => {
                let seen = seen.of(&task.task_id)?;
                Ok(if open.is_seen_in(&seen) {
                    None
                } else {
                    self.settled(seen)
                })
            }
        }
    }

    async fn ask(&self, interface: &Interface, task_id: &str) -> Result<Task, CallError> {
        if self.is_over() {
            return Err(TransportError::TimedOut { connected: true }.into());
        }
        let until = self.deadline.min(Instant::now() + QUESTION_LIMIT);
        self.client.get_task(interface, task_id, until).await
    }

    /// The outcome, when the task has one.
    fn settled(&self, task: Task) -> Option<CallOutcome> {
        Some(match answer::from_task(task)? {
            Answer::Result(reply) => CallOutcome::Reply(reply),
            Answer::Failure(failure) => failure.outcome(self.call),
            Answer::Question(question) => CallOutcome::InputRequired(question),
        })
    }

    /// Cancels a task that nobody will ask for any more, as far as that is possible in a moment.
    async fn abandon(&self, interface: &Interface, task_id: &str) {
        let until = Instant::now() + ABANDON_LIMIT;
        let outcome = cancel(self.client, interface, task_id, until).await;
        tracing::debug!(agent = self.call.agent_id, task_id, %outcome, "a task is given up");
    }

    /// The outcome of an attempt that failed at `stage`, when something was asked of `place`.
    fn failed(&self, error: &CallError, place: &Endpoint, stage: Stage) -> CallOutcome {
        if error.is_connection_trouble() {
            self.client.forget_card();
        }
        let classified = classify(error, &place.origin());
        let reached = match stage {
            Stage::Card => false,
            Stage::Message => classified.reached,
            Stage::Task => true,
        };
        Classified {
            reached,
            ..classified
        }
        .outcome(self.call)
    }

    fn is_resumed(&self) -> bool {
        self.call.remote_task.is_some()
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

impl Answering<'_> {
    /// Whether a task shows the question that this answers. Once it is answered, that is how the task was before.
    fn is_seen_in(&self, task: &Task) -> bool {
        let shown = question_id(task);
        shown.is_some() && shown == self.answer.question_id
    }
}
