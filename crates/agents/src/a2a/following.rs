//! Following a task that the agent has, until it does not go on by itself any more. A task that goes on with a question
//! is told the answer first.

use std::time::Duration;

use agentchains_machine::{AgentAnswer, RemoteTask};
use agentchains_ports::CallOutcome;
use tokio::time::{Instant, sleep_until};

use super::{
    cancel::cancel,
    card::AgentCard,
    conversation::{Conversation, Stage},
    error::RpcErrorKind,
    message::Message,
    operation::Operation,
    question::question_id,
    task::{Task, TaskState},
    transcript::Transcript,
};
use crate::{error::CallError, net::TransportError};

/// How long one question about a task may go unanswered.
pub(super) const QUESTION_LIMIT: Duration = Duration::from_secs(10);

/// How many questions in a row may fail before the attempt does. The task is known and asking is harmless, while
/// giving up means that the work is done again.
pub(super) const TOLERATED_TROUBLES: u32 = 4;

/// The first wait before a task is asked for; each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest wait between two questions about a task.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long the cancelling of a task that is given up may hold up the outcome.
const ABANDON_LIMIT: Duration = Duration::from_millis(500);

/// Among how many of a task's last messages an answer is looked for that may have been sent before.
const ANSWER_HISTORY: u32 = 20;

/// The waits between questions.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    last: Duration,
}

impl Pauses {
    /// Waits, longer each time, but not beyond `deadline`.
    pub(super) async fn wait(&mut self, deadline: Instant) {
        self.last = (self.last * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        sleep_until(deadline.min(Instant::now() + self.last)).await;
    }
}

/// A task that is followed.
struct Following<'a> {
    conversation: &'a Conversation<'a>,
    card: &'a AgentCard,
    task: RemoteTask,
    transcript: Transcript,
    /// A person's answer to the task's question, for as long as the task may still be seen with that question.
    answering: Option<Answering<'a>>,
    /// Whether the agent may tell what becomes of the task as it happens.
    may_tell: bool,
}

struct Answering<'a> {
    answer: &'a AgentAnswer,
    is_sent: bool,
    /// Since when the task asked, in the agent's own words, where it was seen before the answer was sent.
    asks_since: Option<String>,
}

/// How a task is seen.
enum Seen {
    /// With what is the outcome.
    AtRest(CallOutcome),
    /// At work.
    Live,
    /// With the question that was answered.
    BeforeTheAnswer,
}

impl Conversation<'_> {
    /// Follows a task of which the transcript tells what is known.
    pub(super) async fn follow(
        &self,
        card: &AgentCard,
        task: RemoteTask,
        transcript: Transcript,
    ) -> CallOutcome {
        let mut is_waited_for = transcript
            .task()
            .is_some_and(|task| task.state == TaskState::Live);
        let mut following = Following {
            conversation: self,
            card,
            task,
            transcript,
            answering: self.call.answer.as_deref().map(|answer| Answering {
                answer,
                is_sent: false,
                asks_since: None,
            }),
            may_tell: card.streaming,
        };
        let (mut pauses, mut troubles) = (Pauses::default(), 0);
        loop {
            if is_waited_for {
                pauses.wait(self.deadline).await;
            }
            is_waited_for = true;
            match following.look().await {
                Ok(Seen::AtRest(outcome)) => return outcome,
                Ok(Seen::BeforeTheAnswer) => troubles = 0,
                Ok(Seen::Live) => {
                    troubles = 0;
                    is_waited_for = !following.listen().await;
                }
                Err(_) if following.has_heard_the_end() => return self.outcome(following.transcript),
                Err(error) if error.is_transient() && troubles < TOLERATED_TROUBLES && !self.is_over() => {
                    tracing::debug!(agent = self.call.agent_id, %error, "a task could not be asked for; trying again");
                    troubles += 1;
                }
                Err(error) => return following.give_up(&error).await,
            }
        }
    }

    /// Whether the attempt is one that had been made before, so that the task may be lost by now.
    fn is_resumed(&self) -> bool {
        self.call.remote_task.is_some() || self.call.is_lookup
    }
}

impl Following<'_> {
    /// Looks how the task stands, and answers its question, unless it has the answer already: a crash may have come
    /// between the sending of it and here.
    async fn look(&mut self) -> Result<Seen, CallError> {
        let seen = self.ask().await?;
        if let Some(open) = &mut self.answering {
            open.is_sent |= seen.history.contains(&open.answer.message_id.to_string());
        }
        let Some(open) = self.answering.as_mut().filter(|open| open.is_seen_in(&seen)) else {
            self.answering = None;
            return Ok(self.take(seen));
        };
        if open.is_sent {
            return Ok(Seen::BeforeTheAnswer);
        }
        open.asks_since = seen.since;
        self.tell().await
    }

    async fn ask(&self) -> Result<Task, CallError> {
        if self.conversation.is_over() {
            return Err(TransportError::TimedOut { connected: true }.into());
        }
        let is_unanswered = self.answering.as_ref().is_some_and(|open| !open.is_sent);
        let history = if is_unanswered { ANSWER_HISTORY } else { 0 };
        let until = self.conversation.deadline.min(Instant::now() + QUESTION_LIMIT);
        let client = self.conversation.client;
        client
            .get_task(&self.card.interface, &self.task.task_id, history, until)
            .await
    }

    /// Sends the answer.
    async fn tell(&mut self) -> Result<Seen, CallError> {
        let Some(open) = &mut self.answering else {
            return Ok(Seen::Live);
        };
        let message = Message::answer(open.answer, &self.task, self.card.text_only);
        let operation = Operation::Send {
            message: &message,
            is_streamed: false,
        };
        let (client, deadline) = (self.conversation.client, self.conversation.deadline);
        let mut events = client.open(&self.card.interface, operation, deadline).await?;
        open.is_sent = true;
        let mut told = Transcript::of(self.task.clone());
        self.conversation.listen(&mut events, &mut told).await?;
        if told.is_final() {
            return Ok(Seen::AtRest(self.conversation.outcome(told)));
        }
        Ok(match told.into_task() {
            Some(seen) if !open.is_seen_in(&seen) => self.take(seen),
            _ => Seen::BeforeTheAnswer,
        })
    }

    fn take(&mut self, seen: Task) -> Seen {
        self.transcript.see(seen);
        if !self.transcript.is_at_rest() {
            return Seen::Live;
        }
        let transcript = std::mem::take(&mut self.transcript);
        Seen::AtRest(self.conversation.outcome(transcript))
    }

    /// Listens to what the agent tells of the task while it works, where it does that. Says whether it told the end.
    async fn listen(&mut self) -> bool {
        if !self.may_tell {
            return false;
        }
        let operation = Operation::Subscribe {
            task_id: &self.task.task_id,
        };
        let (client, deadline) = (self.conversation.client, self.conversation.deadline);
        let told = match client.open(&self.card.interface, operation, deadline).await {
            Ok(mut events) => self.conversation.listen(&mut events, &mut self.transcript).await,
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            tracing::debug!(agent = self.conversation.call.agent_id, %error, "it tells no more of a task");
            self.may_tell = error.is_transient();
        }
        self.transcript.is_at_rest()
    }

    /// Whether a stream has told how the task ended, or what it asks, so that this holds when the task itself cannot be
    /// seen.
    fn has_heard_the_end(&self) -> bool {
        let is_answered = |task: &Task| self.answering.as_ref().is_some_and(|open| open.is_seen_in(task));
        self.transcript.is_at_rest() && !self.transcript.task().is_some_and(is_answered)
    }

    /// The outcome when the task cannot be seen. Nobody will ask for it any more, so it is cancelled, as far as that is
    /// possible in a moment.
    async fn give_up(&self, error: &CallError) -> CallOutcome {
        let conversation = self.conversation;
        let is_lost = matches!(error, CallError::Rpc(error) if error.kind == RpcErrorKind::TaskNotFound);
        if is_lost && conversation.is_resumed() {
            return CallOutcome::TaskLost;
        }
        let (interface, task_id) = (&self.card.interface, &self.task.task_id);
        let until = Instant::now() + ABANDON_LIMIT;
        let outcome = cancel(conversation.client, interface, task_id, until).await;
        tracing::debug!(agent = conversation.call.agent_id, task_id, %outcome, "a task is given up");
        conversation.failed(error, &interface.endpoint, Stage::Task)
    }
}

impl Answering<'_> {
    /// Whether a task shows the question that this answers. Once it is answered, that is how the task was before.
    fn is_seen_in(&self, task: &Task) -> bool {
        let Some(shown) = question_id(task) else {
            return false;
        };
        self.answer.question_id.as_ref() == Some(&shown) || self.is_sent && self.leaves_no_words_in(task)
    }

    /// Whether a task shows the question without its words: some agents move these to the history with the answer, and
    /// keep the state until they go on.
    fn leaves_no_words_in(&self, task: &Task) -> bool {
        let is_as_before = self.asks_since.is_none() || self.asks_since == task.since;
        task.message.is_none() && is_as_before
    }
}
