//! The session with a server: how it begins, and the calls in it.
//!
//! Owns what is told apart of the errors of `rmcp`, and to which call a notification of progress belongs. It offers the
//! server nothing: neither samples, nor roots, nor answers of a person.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use agentchains_ports::CallProgress;
use rmcp::{
    ClientHandler, RoleClient, ServiceError,
    model::{
        CallToolRequestParams, CallToolResult, ClientConfig, ClientRequest, GetExtensions, Implementation,
        ProgressNotificationParam, ProgressToken, ProtocolVersion, Request, ServerResult,
    },
    service::{
        ClientInitializeError, ClientLifecycleMode, ClientServiceExt, NotificationContext,
        PeerRequestOptions, RequestHandle, RunningService,
    },
    transport::streamable_http_client::StreamableHttpError,
};
use tokio::{runtime::Handle, sync::mpsc};

use super::transport::{Transport, Way};
use crate::{error::CallError, net::TransportError, quote::quote};

/// How many notifications of a call may wait to be passed on. Further ones are dropped: they are for those who watch.
const WAITING_NOTIFICATIONS: usize = 16;

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    service: RunningService<RoleClient, Listener>,
}

/// Why there is no session, or no result of a tool.
#[derive(Debug)]
pub(super) enum SessionError {
    /// The exchange failed.
    Exchange(CallError),
    /// The server answered with an error.
    Told(rmcp::ErrorData),
}

impl Session {
    /// Begins a session, in the newest generation of the protocol that the server speaks.
    pub(super) async fn open(transport: Transport) -> Result<Self, SessionError> {
        let lifecycle = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::LATEST],
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        };
        let service = Listener::default().serve_with_lifecycle(transport.into_worker(), lifecycle);
        Ok(Self {
            service: service.await?,
        })
    }

    /// Whether calls can be made in it. A server that has forgotten its session is asked for another one by `rmcp`.
    pub(super) fn is_open(&self) -> bool {
        !self.service.is_closed() && !self.service.peer().is_transport_closed()
    }

    /// Calls a tool, and passes on what is said of its progress. A call that is dropped is cancelled at the server.
    pub(super) async fn call_tool(
        &self,
        params: CallToolRequestParams,
        way: Way,
        progress: &dyn CallProgress,
    ) -> Result<CallToolResult, SessionError> {
        let mut request = ClientRequest::CallToolRequest(Request::new(params));
        request.extensions_mut().insert(way);
        let options = PeerRequestOptions::no_options();
        progress.sending();
        let handle = self.service.send_cancellable_request(request, options).await?;
        let (notes, mut noted) = mpsc::channel(WAITING_NOTIFICATIONS);
        let mut pending = Pending::new(handle, self.service.service(), notes);
        loop {
            tokio::select! {
                biased;
                Some(note) = noted.recv() => progress.said(&note),
                result = pending.result() => return tool_result(result?),
            }
        }
    }
}

/// The result of a tool. One without any content is decoded as a result of nothing.
fn tool_result(result: ServerResult) -> Result<CallToolResult, SessionError> {
    match result {
        ServerResult::CallToolResult(result) => Ok(result),
        ServerResult::EmptyResult(_) => Ok(CallToolResult::default()),
        _ => Err(CallError::protocol("its reply is not the result of a tool").into()),
    }
}

/// A call whose result is not there yet.
struct Pending<'a> {
    handle: Option<RequestHandle<RoleClient>>,
    token: ProgressToken,
    listener: &'a Listener,
}

impl<'a> Pending<'a> {
    fn new(handle: RequestHandle<RoleClient>, listener: &'a Listener, notes: mpsc::Sender<String>) -> Self {
        let token = handle.progress_token.clone();
        listener.calls().insert(token.clone(), notes);
        Self {
            handle: Some(handle),
            token,
            listener,
        }
    }

    async fn result(&mut self) -> Result<ServerResult, ServiceError> {
        let Some(handle) = &mut self.handle else {
            return Err(ServiceError::TransportClosed);
        };
        let result = (&mut handle.rx).await;
        self.handle = None;
        result.unwrap_or(Err(ServiceError::TransportClosed))
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.listener.calls().remove(&self.token);
        if let (Some(handle), Ok(runtime)) = (self.handle.take(), Handle::try_current()) {
            runtime.spawn(handle.cancel(None));
        }
    }
}

/// Hears what servers say beside their results.
#[derive(Debug, Default)]
struct Listener {
    calls: Mutex<HashMap<ProgressToken, mpsc::Sender<String>>>,
}

impl Listener {
    fn calls(&self) -> MutexGuard<'_, HashMap<ProgressToken, mpsc::Sender<String>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let this = Implementation::new("agentchains", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(Default::default(), this)
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let call = self.calls().get(&params.progress_token).cloned();
        if let (Some(call), Some(message)) = (call, params.message) {
            // One too many is dropped.
            let _ = call.try_send(message);
        }
    }
}

impl From<CallError> for SessionError {
    fn from(error: CallError) -> Self {
        Self::Exchange(error)
    }
}

impl From<TransportError> for SessionError {
    fn from(error: TransportError) -> Self {
        Self::Exchange(error.into())
    }
}

impl From<ServiceError> for SessionError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::McpError(error) => Self::Told(error),
            ServiceError::TransportSend(error) => of_transport(error.error).into(),
            ServiceError::TransportClosed | ServiceError::Cancelled { .. } => lost().into(),
            other => CallError::protocol(quote(&other.to_string())).into(),
        }
    }
}

impl From<ClientInitializeError> for SessionError {
    fn from(error: ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::JsonRpcError(error) => Self::Told(error),
            ClientInitializeError::TransportError { error, .. } => of_transport(error.error).into(),
            ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::Cancelled => lost().into(),
            ClientInitializeError::LegacyFallbackFailed { fallback, .. } => (*fallback).into(),
            other => CallError::protocol(quote(&other.to_string())).into(),
        }
    }
}

fn lost() -> TransportError {
    TransportError::Lost("the session ended".to_owned())
}

/// What went wrong in an exchange, as our own transport saw it where it did.
fn of_transport(error: Box<dyn std::error::Error + Send + Sync>) -> CallError {
    match error.downcast::<StreamableHttpError<CallError>>() {
        Ok(error) => match *error {
            StreamableHttpError::Client(error) => error,
            StreamableHttpError::TransportChannelClosed => lost().into(),
            other => CallError::protocol(quote(&other.to_string())),
        },
        Err(error) => CallError::protocol(quote(&error.to_string())),
    }
}
