//! The A2A 1.0 client: agent cards, and the three methods that an orchestrator needs.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use agentchains_machine::Json;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    card::{AgentCard, Interface},
    rpc,
    task::{Sent, Task},
};
use crate::{
    error::CallError,
    net::{Channel, Endpoint, MAX_REPLY_BYTES},
};

/// The largest card that is read.
const MAX_CARD_BYTES: usize = 1 << 20;

/// How long a card is believed.
const CARD_TTL: Duration = Duration::from_secs(60);

/// The version of the protocol, as requests name it.
const VERSION: HeaderValue = HeaderValue::from_static("1.0");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Speaks A2A 1.0 over JSON-RPC with one agent.
#[derive(Debug)]
pub(crate) struct A2aClient {
    channel: Channel,
    base: Endpoint,
    card: Mutex<Option<Remembered>>,
    requests: AtomicU64,
}

#[derive(Debug)]
struct Remembered {
    card: Arc<AgentCard>,
    until: Instant,
}

impl A2aClient {
    /// A client of the agent at an address.
    pub(crate) fn new(channel: Channel, base: Endpoint) -> Self {
        Self {
            channel,
            base,
            card: Mutex::default(),
            requests: AtomicU64::new(0),
        }
    }

    /// The way to the agent.
    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Where its card is, or what that is below.
    pub(crate) fn base(&self) -> &Endpoint {
        &self.base
    }

    /// The agent's card, which may be one that was read within the last minute.
    pub(crate) async fn card(&self, deadline: Instant) -> Result<Arc<AgentCard>, CallError> {
        let remembered = self
            .remembered()
            .as_ref()
            .filter(|entry| Instant::now() < entry.until)
            .map(|entry| Arc::clone(&entry.card));
        if let Some(card) = remembered {
            return Ok(card);
        }
        let card = Arc::new(AgentCard::read(&self.fetch_card(deadline).await?)?);
        *self.remembered() = Some(Remembered {
            card: Arc::clone(&card),
            until: Instant::now() + CARD_TTL,
        });
        Ok(card)
    }

    /// Reads the agent's card.
    pub(crate) async fn fetch_card(&self, deadline: Instant) -> Result<Value, CallError> {
        let place = self
            .base
            .card()
            .map_err(|error| CallError::protocol(error.to_string()))?;
        let request = request(Method::GET, &place, Bytes::new());
        let reply = self.channel.exchange(request, MAX_CARD_BYTES, deadline).await?;
        reply
            .json()
            .map_err(|error| CallError::protocol(format!("its agent card cannot be read: {error}")))
    }

    /// Forgets the agent's card.
    pub(crate) fn forget_card(&self) {
        *self.remembered() = None;
    }

    /// Sends a message. The agent is asked to answer at once, with a task if it takes longer.
    pub(crate) async fn send_message(
        &self,
        interface: &Interface,
        message: Json,
        deadline: Instant,
    ) -> Result<Sent, CallError> {
        let configuration = json!({"returnImmediately": true, "historyLength": 0}).into();
        let params = [("message", message), ("configuration", configuration)];
        Sent::read(self.call(interface, "SendMessage", params, deadline).await?)
    }

    /// Asks how a task stands.
    pub(crate) async fn get_task(
        &self,
        interface: &Interface,
        task_id: &str,
        deadline: Instant,
    ) -> Result<Task, CallError> {
        let params = [("id", task_id.into()), ("historyLength", 0.into())];
        Task::read(self.call(interface, "GetTask", params, deadline).await?)?.of(task_id)
    }

    /// Asks for a task to be cancelled.
    pub(crate) async fn cancel_task(
        &self,
        interface: &Interface,
        task_id: &str,
        deadline: Instant,
    ) -> Result<Task, CallError> {
        let params = [("id", task_id.into())];
        Task::read(self.call(interface, "CancelTask", params, deadline).await?)?.of(task_id)
    }

    async fn call<const N: usize>(
        &self,
        interface: &Interface,
        method: &str,
        params: [(&str, Json); N],
        deadline: Instant,
    ) -> Result<Value, CallError> {
        let id = format!("r{}", self.requests.fetch_add(1, Ordering::Relaxed));
        let tenant = interface
            .tenant
            .as_deref()
            .map(|tenant| ("tenant", tenant.into()));
        let params = params.into_iter().chain(tenant).collect();
        let body = rpc::request(&id, method, params);
        let request = request(Method::POST, &interface.endpoint, body.into());
        let reply = self.channel.exchange(request, MAX_REPLY_BYTES, deadline).await?;
        reply.require_json_type()?;
        rpc::result(reply.json()?, &id)
    }

    fn remembered(&self) -> MutexGuard<'_, Option<Remembered>> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What every request says of itself (section 3.6 of A2A).
fn request(method: Method, endpoint: &Endpoint, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.uri_mut() = endpoint.uri();
    let headers = request.headers_mut();
    headers.insert("a2a-version", VERSION);
    headers.insert(header::ACCEPT, JSON);
    if method == Method::POST {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
    *request.method_mut() = method;
    request
}
