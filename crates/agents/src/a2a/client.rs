//! Asks one agent, whatever version and binding it speaks.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    card::AgentCard,
    card_cache::CardCache,
    error::RpcError,
    events::Events,
    interface::{Dialect, Interface},
    json,
    operation::Operation,
    rpc,
    task::Task,
};
use crate::{
    error::CallError,
    lenient::{take_array, take_text},
    net::{Channel, Endpoint, MAX_REPLY_BYTES, OpenReply},
    trace::TraceContext,
};

/// Speaks A2A with one agent.
#[derive(Debug)]
pub(super) struct A2aClient {
    channel: Channel,
    cards: Arc<CardCache>,
    requests: Arc<AtomicU64>,
}

/// Some of an agent's tasks.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) tasks: Vec<Task>,
    /// How the next ones are asked for; absent at the end.
    pub(super) next: Option<String>,
}

/// How the reply to a request is read.
#[derive(Debug)]
pub(super) struct Envelope {
    dialect: Dialect,
    id: String,
}

impl A2aClient {
    /// A client of the agent at an address.
    pub(super) fn new(channel: Channel, base: Endpoint) -> Self {
        Self {
            channel,
            cards: Arc::new(CardCache::new(base)),
            requests: Arc::default(),
        }
    }

    /// The same client for requests that belong to this attempt.
    pub(super) fn traced(&self, trace: &TraceContext) -> Self {
        Self {
            channel: self.channel.traced(trace),
            cards: Arc::clone(&self.cards),
            requests: Arc::clone(&self.requests),
        }
    }

    /// The way to the agent.
    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// What is known of the agent's card.
    pub(super) fn cards(&self) -> &CardCache {
        &self.cards
    }

    /// The agent's card, which may have been read before.
    pub(super) async fn card(&self, deadline: Instant) -> Result<Arc<AgentCard>, CallError> {
        self.cards.get(&self.channel, deadline).await
    }

    /// Asks for something that is answered by events, be it one or many.
    pub(super) async fn open(
        &self,
        interface: &Interface,
        operation: Operation<'_>,
        deadline: Instant,
    ) -> Result<Events, CallError> {
        let (reply, envelope) = self.ask(interface, operation, deadline).await?;
        Events::read(reply, envelope, deadline).await
    }

    /// Asks how a task stands, with the ids of as many of its last messages.
    pub(super) async fn get_task(
        &self,
        interface: &Interface,
        task_id: &str,
        history: u32,
        deadline: Instant,
    ) -> Result<Task, CallError> {
        let operation = Operation::Get { task_id, history };
        Task::read(self.result(interface, operation, deadline).await?)?.of(task_id)
    }

    /// Asks for a task to be cancelled.
    pub(super) async fn cancel_task(
        &self,
        interface: &Interface,
        task_id: &str,
        deadline: Instant,
    ) -> Result<Task, CallError> {
        let operation = Operation::Cancel { task_id };
        Task::read(self.result(interface, operation, deadline).await?)?.of(task_id)
    }

    /// Asks for some of the tasks, with the ids of their messages.
    pub(super) async fn list_tasks(
        &self,
        interface: &Interface,
        page: Option<&str>,
        deadline: Instant,
    ) -> Result<Page, CallError> {
        let listed = self.result(interface, Operation::List { page }, deadline).await?;
        let Value::Object(mut listed) = listed else {
            return Err(CallError::protocol("its reply is no list of tasks"));
        };
        let tasks = take_array(&mut listed, "tasks").into_iter();
        Ok(Page {
            tasks: tasks.filter_map(|task| Task::read(task).ok()).collect(),
            next: take_text(&mut listed, "nextPageToken"),
        })
    }

    async fn result(
        &self,
        interface: &Interface,
        operation: Operation<'_>,
        deadline: Instant,
    ) -> Result<Value, CallError> {
        let (reply, envelope) = self.ask(interface, operation, deadline).await?;
        envelope.read(reply, deadline).await
    }

    async fn ask(
        &self,
        interface: &Interface,
        operation: Operation<'_>,
        deadline: Instant,
    ) -> Result<(OpenReply, Envelope), CallError> {
        let envelope = Envelope {
            dialect: interface.dialect,
            id: format!("r{}", self.requests.fetch_add(1, Ordering::Relaxed)),
        };
        let request = operation.request(interface, &envelope.id)?;
        let reply = self.channel.open(request, deadline).await;
        Ok((reply.map_err(explained)?, envelope))
    }
}

impl Envelope {
    /// The result in a reply that comes in one piece.
    pub(super) async fn read(&self, reply: OpenReply, deadline: Instant) -> Result<Value, CallError> {
        let reply = reply.read(MAX_REPLY_BYTES, deadline).await?;
        reply.require_json_type()?;
        self.result(json::read(&reply.body)?)
    }

    /// The result in a reply, or in an event of a stream.
    pub(super) fn result(&self, reply: Value) -> Result<Value, CallError> {
        match self.dialect {
            Dialect::JsonRpc | Dialect::JsonRpc0_3 => rpc::result(reply, &self.id),
            Dialect::Rest => match reply.get("error") {
                Some(error) => Err(RpcError::read(error)?.into()),
                None => Ok(reply),
            },
        }
    }
}

/// A refusal by its body, where that says more than the status.
fn explained(error: CallError) -> CallError {
    let told = match &error {
        CallError::Status { status, excerpt, .. } if !matches!(status.as_u16(), 401 | 403 | 429 | 503) => {
            RpcError::in_body(excerpt)
        }
        _ => None,
    };
    told.map_or(error, CallError::Rpc)
}
