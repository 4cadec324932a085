//! The A2A 1.0 client: agent cards, and the three methods that an orchestrator needs.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use agentchains_machine::Json;
use agentchains_ports::Clock;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::Instant;

use crate::{
    AddressPolicy,
    card::{AgentCard, Interface},
    endpoint::Endpoint,
    error::CallError,
    rpc,
    task::{Sent, Task},
    transport::{Reply, Transport},
};

/// The largest reply that is read: one value is at most 8 MiB (language reference, section 10).
const MAX_REPLY_BYTES: usize = 8 << 20;

/// The largest card that is read.
const MAX_CARD_BYTES: usize = 1 << 20;

/// How long a card is believed.
const CARD_TTL: Duration = Duration::from_secs(60);

/// The version of the protocol, as requests name it.
const VERSION: HeaderValue = HeaderValue::from_static("1.0");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Speaks A2A 1.0 over JSON-RPC with any agent whose address its policy allows. Clones share connections and cards.
#[derive(Clone)]
pub struct A2aClient {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Transport,
    policy: Arc<AddressPolicy>,
    clock: Arc<dyn Clock>,
    cards: Mutex<HashMap<String, Remembered>>,
    requests: AtomicU64,
}

struct Remembered {
    card: Arc<AgentCard>,
    until: Instant,
}

/// TLS could not be set up.
#[derive(Debug, Error)]
#[error("TLS cannot be set up")]
pub struct TlsError(#[source] rustls::Error);

impl A2aClient {
    /// A client that connects to what `policy` allows, and reads what agents say about time by `clock`.
    ///
    /// # Errors
    /// [`TlsError`] when the TLS library refuses its own defaults.
    pub fn new(policy: AddressPolicy, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let policy = Arc::new(policy);
        let transport = Transport::new(Arc::clone(&policy)).map_err(TlsError)?;
        let shared = Shared {
            transport,
            policy,
            clock,
            cards: Mutex::default(),
            requests: AtomicU64::new(0),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// What may be connected to.
    pub(crate) fn policy(&self) -> &AddressPolicy {
        &self.shared.policy
    }

    /// What tells the time.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.shared.clock.as_ref()
    }

    /// The card of the agent at an address, which may be one that was read within the last minute.
    pub(crate) async fn card(&self, base: &Endpoint, deadline: Instant) -> Result<Arc<AgentCard>, CallError> {
        let remembered = self
            .cards()
            .get(base.as_str())
            .map(|entry| (Arc::clone(&entry.card), entry.until));
        if let Some((card, until)) = remembered
            && Instant::now() < until
        {
            return Ok(card);
        }
        let card = Arc::new(AgentCard::read(&self.fetch_card(base, deadline).await?)?);
        let now = Instant::now();
        let mut cards = self.cards();
        cards.retain(|_, entry| now < entry.until);
        cards.insert(
            base.as_str().to_owned(),
            Remembered {
                card: Arc::clone(&card),
                until: now + CARD_TTL,
            },
        );
        Ok(card)
    }

    /// Reads the card of the agent at an address.
    pub(crate) async fn fetch_card(&self, base: &Endpoint, deadline: Instant) -> Result<Value, CallError> {
        let place = base
            .card()
            .map_err(|error| CallError::protocol(error.to_string()))?;
        let request = request(Method::GET, &place, Bytes::new());
        let reply = self.exchange(request, MAX_CARD_BYTES, deadline).await?;
        reply
            .json()
            .map_err(|error| CallError::protocol(format!("its agent card cannot be read: {error}")))
    }

    /// Forgets the card of the agent at an address.
    pub(crate) fn forget_card(&self, base: &Endpoint) {
        self.cards().remove(base.as_str());
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
        let id = format!("r{}", self.shared.requests.fetch_add(1, Ordering::Relaxed));
        let tenant = interface
            .tenant
            .as_deref()
            .map(|tenant| ("tenant", tenant.into()));
        let params = params.into_iter().chain(tenant).collect();
        let body = rpc::request(&id, method, params);
        let request = request(Method::POST, &interface.endpoint, body.into());
        let reply = self.exchange(request, MAX_REPLY_BYTES, deadline).await?;
        reply.require_json_type()?;
        rpc::result(reply.json()?, &id)
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        limit: usize,
        deadline: Instant,
    ) -> Result<Reply, CallError> {
        let reply = self.shared.transport.exchange(request, limit, deadline).await?;
        reply.success(self.clock().now())
    }

    fn cards(&self) -> MutexGuard<'_, HashMap<String, Remembered>> {
        self.shared.cards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for A2aClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("A2aClient")
            .field("policy", &self.shared.policy)
            .finish_non_exhaustive()
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
