//! Agents that speak A2A: version 1.x over JSON-RPC and HTTP+JSON, and version 0.3 over JSON-RPC.
//!
//! `operation` writes what is asked in the form of the version and binding that the card leads to, `events` and `task`
//! read what comes back of either, and nothing else knows them apart. A `conversation` carries one attempt, and
//! `following` waits for the task that the agent has made of it.

mod answer;
mod cancel;
mod card;
mod card_cache;
mod client;
mod conversation;
mod error;
mod event;
mod events;
mod following;
mod interface;
mod json;
mod lookup;
mod message;
mod operation;
mod part;
mod question;
mod rpc;
mod sse;
mod task;
mod transcript;

use std::time::Duration;

use agentchains_machine::{Call, MessageId, RemoteCancel, RemoteTask};
use agentchains_ports::{CallOutcome, CallProgress, DiscoveredAgent};
use async_trait::async_trait;
use tokio::time::Instant;

use crate::{
    agent::Agent,
    error::CallError,
    net::{Channel, Endpoint},
    trace::TraceContext,
};

use self::{
    cancel::cancel,
    card::AgentCard,
    card_cache::fetch_card,
    client::A2aClient,
    conversation::Conversation,
    following::{Pauses, QUESTION_LIMIT, TOLERATED_TROUBLES},
    lookup::Lookup,
    question::question_id,
};

pub(crate) use self::error::{RpcError, RpcErrorKind};

/// How long an agent has to say what became of a task that is cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(3);

/// How often an agent is asked for the task of a message that it may only just have got.
const WITHDRAWAL_LOOKS: usize = 4;

/// An agent that is called over A2A, as its card says.
#[derive(Debug)]
pub(crate) struct A2aAgent {
    client: A2aClient,
}

impl A2aAgent {
    /// The agent whose card is at, or below, this address.
    pub(crate) fn new(channel: Channel, base: Endpoint) -> Self {
        Self {
            client: A2aClient::new(channel, base),
        }
    }
}

#[async_trait]
impl Agent for A2aAgent {
    async fn call(&self, call: &Call, trace: &TraceContext, progress: &dyn CallProgress) -> CallOutcome {
        let client = self.client.traced(trace);
        Conversation::new(&client, call, progress).run().await
    }

    async fn cancel(&self, task: &RemoteTask) -> RemoteCancel {
        let deadline = Instant::now() + CANCEL_LIMIT;
        match self.client.card(deadline).await {
            Ok(card) => cancel(&self.client, &card.interface, &task.task_id, deadline).await,
            Err(_) => RemoteCancel::Unknown,
        }
    }

    async fn withdraw(&self, message_id: MessageId) -> RemoteCancel {
        let deadline = Instant::now() + CANCEL_LIMIT;
        let Ok(card) = self.client.card(deadline).await else {
            return RemoteCancel::Unknown;
        };
        let interface = &card.interface;
        let lookup = Lookup {
            client: &self.client,
            interface,
            message_id,
            tolerated: TOLERATED_TROUBLES,
            deadline,
        };
        let mut pauses = Pauses::default();
        for _ in 0..WITHDRAWAL_LOOKS {
            match lookup.find().await {
                Ok(Some(task)) => return cancel(&self.client, interface, &task.task_id, deadline).await,
                Ok(None) => pauses.wait(deadline).await,
                Err(_) => break,
            }
        }
        RemoteCancel::Unknown
    }

    async fn has_moved_on(&self, task: &RemoteTask, asked: Option<&str>) -> bool {
        let deadline = Instant::now() + QUESTION_LIMIT;
        let Ok(card) = self.client.card(deadline).await else {
            return false;
        };
        let seen = self
            .client
            .get_task(&card.interface, &task.task_id, 0, deadline)
            .await;
        seen.is_ok_and(|seen| match question_id(&seen) {
            Some(shown) => asked.is_some_and(|asked| asked != shown),
            None => true,
        })
    }

    /// It lists its tasks with the messages that they were made of.
    fn finds_tasks(&self) -> bool {
        true
    }
}

/// Reads the card of the agent at an address.
pub(crate) async fn discover(
    channel: Channel,
    base: Endpoint,
    deadline: Instant,
) -> Result<DiscoveredAgent, CallError> {
    let card = fetch_card(&channel, &base, deadline).await?;
    let read = AgentCard::read(&card)?;
    Ok(DiscoveredAgent {
        name: read.name,
        description: read.description,
        url: read.interface.endpoint.as_str().to_owned(),
        protocol_version: read.interface.version,
        streaming: read.streaming,
        card,
    })
}
