//! One attempt, from the card to the outcome: send the message, listen to what becomes of it, and follow the task that
//! the agent makes of it.
//!
//! Owns what is sent, and that nothing is sent twice: where it is open whether the agent has the message, it is asked
//! for the task.

use std::sync::Arc;

use agentchains_machine::{Call, RemoteTask};
use agentchains_ports::{CallOutcome, CallProgress};
use tokio::time::Instant;

use super::{
    answer::Answer, card::AgentCard, client::A2aClient, error::RpcErrorKind, events::Events,
    following::TOLERATED_TROUBLES, interface::Interface, lookup::Lookup, message::Message,
    operation::Operation, transcript::Transcript,
};
use crate::{
    error::CallError,
    failure::{Classified, classify},
    net::Endpoint,
};

/// An attempt in progress.
pub(super) struct Conversation<'a> {
    pub(super) client: &'a A2aClient,
    pub(super) call: &'a Call,
    pub(super) progress: &'a dyn CallProgress,
    pub(super) deadline: Instant,
}

/// In which form an agent told what becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    AsItHappened,
    InOnePiece,
}

/// How far an attempt had come when it failed, which decides whether the agent has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing of this attempt was sent.
    Card,
    /// The message was being sent.
    Message,
    /// The agent has the message.
    Task,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(client: &'a A2aClient, call: &'a Call, progress: &'a dyn CallProgress) -> Self {
        Self {
            client,
            call,
            progress,
            deadline: client.channel().instant(call.deadline),
        }
    }

    /// Carries the attempt to its end.
    pub(super) async fn run(&self) -> CallOutcome {
        let known = self.call.remote_task.as_ref();
        let stage = if known.is_some() { Stage::Task } else { Stage::Card };
        let card = match self.client.card(self.deadline).await {
            Ok(card) => card,
            Err(_) if self.call.is_lookup => return CallOutcome::TaskLost,
            Err(error) => return self.failed(&error, self.client.cards().base(), stage),
        };
        if let Some(task) = known {
            return self
                .follow(&card, task.clone(), Transcript::of(task.clone()))
                .await;
        }
        if !self.call.is_lookup {
            return self.start(card).await;
        }
        match self.find(&card.interface, TOLERATED_TROUBLES).await {
            Some(task) => self.go_on(&card, task).await,
            None => CallOutcome::TaskLost,
        }
    }

    /// Sends the message, and goes on with what the agent makes of it.
    async fn start(&self, mut card: Arc<AgentCard>) -> CallOutcome {
        let mut transcript = Transcript::default();
        let mut sent = self.send(&card, &mut transcript).await;
        while let Err(error) = &sent
            && transcript.remote().is_none()
            && let Some(other) = self.other_way(&card, error)
        {
            tracing::debug!(agent = self.call.agent_id, %error, "no message is taken in this way; trying another");
            card = other;
            sent = self.send(&card, &mut transcript).await;
        }
        if transcript.is_final() || matches!(sent, Ok(Told::InOnePiece)) && transcript.is_at_rest() {
            return self.outcome(transcript);
        }
        if let Some(task) = transcript.remote().cloned() {
            return Box::pin(self.follow(&card, task, transcript)).await;
        }
        let error = sent.err().unwrap_or(CallError::CutOff);
        if error.leaves_outcome_open()
            && !self.is_over()
            && let Some(task) = self.find(&card.interface, 0).await
        {
            return self.go_on(&card, task).await;
        }
        self.failed(&error, &card.interface.endpoint, Stage::Message)
    }

    async fn send(&self, card: &AgentCard, transcript: &mut Transcript) -> Result<Told, CallError> {
        let message = Message::request(self.call, card.text_only);
        let operation = Operation::Send {
            message: &message,
            is_streamed: card.streaming,
        };
        self.progress.sending();
        let mut events = self
            .client
            .open(&card.interface, operation, self.deadline)
            .await?;
        self.listen(&mut events, transcript).await?;
        Ok(if events.are_streamed() {
            Told::AsItHappened
        } else {
            Told::InOnePiece
        })
    }

    /// How else an agent may take the message that it has refused without looking at it.
    fn other_way(&self, card: &AgentCard, error: &CallError) -> Option<Arc<AgentCard>> {
        let CallError::Rpc(error) = error else { return None };
        match error.kind {
            RpcErrorKind::VersionNotSupported | RpcErrorKind::MethodNotFound if card.older.is_some() => {
                self.client.cards().fall_back(card)
            }
            RpcErrorKind::UnsupportedOperation | RpcErrorKind::MethodNotFound if card.streaming => {
                Some(Arc::new(AgentCard {
                    streaming: false,
                    ..card.clone()
                }))
            }
            _ => None,
        }
    }

    /// Listens until the agent says no more, or until what it says is at rest.
    pub(super) async fn listen(
        &self,
        events: &mut Events,
        transcript: &mut Transcript,
    ) -> Result<(), CallError> {
        while !transcript.is_at_rest()
            && let Some((event, bytes)) = events.next(self.deadline).await?
        {
            let was_known = transcript.remote().is_some();
            let words = transcript.take(event, bytes)?;
            if let Some(task) = transcript.remote().filter(|_| !was_known) {
                if transcript.is_at_rest() {
                    self.progress.task_told(task.clone());
                } else {
                    self.progress.task_accepted(task.clone()).await;
                }
            }
            if let Some(words) = words {
                self.progress.said(&words);
            }
        }
        Ok(())
    }

    /// The task that the agent has made of the message, where it can be seen.
    async fn find(&self, interface: &Interface, tolerated: u32) -> Option<RemoteTask> {
        let lookup = Lookup {
            client: self.client,
            interface,
            message_id: self.call.message_id,
            tolerated,
            deadline: self.deadline,
        };
        lookup.find().await.ok()?
    }

    /// Goes on with a task that was found.
    async fn go_on(&self, card: &AgentCard, task: RemoteTask) -> CallOutcome {
        self.progress.task_accepted(task.clone()).await;
        Box::pin(self.follow(card, task.clone(), Transcript::of(task))).await
    }

    /// The outcome, when what the agent said is at rest.
    pub(super) fn outcome(&self, transcript: Transcript) -> CallOutcome {
        match transcript.answer() {
            Some(Answer::Result(reply)) => CallOutcome::Reply(reply),
            Some(Answer::Failure(failure)) => failure.outcome(self.call),
            Some(Answer::Question(question)) => CallOutcome::InputRequired(question),
            None => CallOutcome::TaskLost,
        }
    }

    /// The outcome of an attempt that failed at `stage`, when something was asked of `place`.
    pub(super) fn failed(&self, error: &CallError, place: &Endpoint, stage: Stage) -> CallOutcome {
        if error.is_connection_trouble() {
            self.client.cards().doubt();
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

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }
}
