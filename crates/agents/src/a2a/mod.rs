//! Agents that speak A2A.

mod answer;
mod cancel;
mod card;
mod client;
mod conversation;
mod message;
mod output;
mod question;
mod rpc;
mod task;

use std::time::Duration;

use agentchains_machine::{Call, RemoteCancel, RemoteTask};
use agentchains_ports::{CallOutcome, CallProgress, DiscoveredAgent};
use async_trait::async_trait;
use tokio::time::Instant;

use crate::{
    agent::Agent,
    error::CallError,
    net::{Channel, Endpoint},
};

use self::{cancel::cancel, card::AgentCard, client::A2aClient, conversation::Conversation};

pub(crate) use self::rpc::{RpcError, RpcErrorKind};

/// How long an agent has to say what became of a task that is cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(3);

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
    async fn call(&self, call: &Call, progress: &dyn CallProgress) -> CallOutcome {
        Conversation::new(&self.client, call).run(progress).await
    }

    async fn cancel(&self, task: &RemoteTask) -> RemoteCancel {
        let deadline = Instant::now() + CANCEL_LIMIT;
        match self.client.card(deadline).await {
            Ok(card) => cancel(&self.client, &card.interface, &task.task_id, deadline).await,
            Err(_) => RemoteCancel::Unknown,
        }
    }
}

/// Reads the card of the agent at an address.
pub(crate) async fn discover(
    channel: Channel,
    base: Endpoint,
    deadline: Instant,
) -> Result<DiscoveredAgent, CallError> {
    let card = A2aClient::new(channel, base).fetch_card(deadline).await?;
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
