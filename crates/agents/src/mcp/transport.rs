//! Streamable HTTP on our way out: the transport of `rmcp` over a [`Channel`].

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, ErrorData, GetExtensions, RequestId, ServerJsonRpcMessage},
    transport::{
        common::client_side_sse::ExponentialBackoff,
        streamable_http_client::{
            StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpClientWorker,
            StreamableHttpError, StreamableHttpPostResponse,
        },
    },
};
use serde_json::Value;
use tokio::time::Instant;

use super::events::{Events, events};
use crate::{
    error::CallError,
    net::{Channel, Endpoint, MAX_REPLY_BYTES},
    request::post,
    trace::TraceContext,
};

/// How long what belongs to no call may take: beginning a session and ending it, and telling of a cancelled call.
const CONTROL_LIMIT: Duration = Duration::from_secs(10);

/// How long a reply that broke off may be read again. It is given up with its call, long before this.
const RESUMED_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it is tried to go on with a reply that broke off.
const RESUMPTIONS: usize = 4;

/// How many calls may be in flight in one session. What an agent may have in flight is limited elsewhere.
const CONCURRENT_REQUESTS: usize = 512;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A server has the choice between an answer in one piece and a stream (section "Transports" of the specification).
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

type Fault = StreamableHttpError<CallError>;

/// How the request of a call is sent. It travels with the request, as `rmcp` knows nothing of it.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// When the request is given up.
    pub(super) deadline: Instant,
    /// The attempt that it belongs to.
    pub(super) trace: TraceContext,
}

/// The way to one server.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    channel: Channel,
    endpoint: Endpoint,
}

impl Transport {
    pub(super) fn new(channel: Channel, endpoint: Endpoint) -> Self {
        Self { channel, endpoint }
    }

    /// The way to the server.
    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Where the server is, fit to be shown.
    pub(super) fn origin(&self) -> String {
        self.endpoint.origin()
    }

    /// What runs a session over this transport.
    pub(super) fn into_worker(self) -> StreamableHttpClientWorker<Self> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.endpoint.as_str());
        let mut resumptions = ExponentialBackoff::default();
        resumptions.max_times = Some(RESUMPTIONS);
        config.retry_config = Arc::new(resumptions);
        config.max_concurrent_requests = CONCURRENT_REQUESTS;
        StreamableHttpClientWorker::new(self, config)
    }

    /// A request without a body.
    fn request(&self, method: Method) -> Request<Full<bytes::Bytes>> {
        let mut request = Request::new(Full::default());
        *request.method_mut() = method;
        *request.uri_mut() = self.endpoint.uri();
        request
    }
}

impl StreamableHttpClient for Transport {
    type Error = CallError;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let in_session = session_id.is_some();
        let (channel, deadline) = match way(&message) {
            Some(way) => (self.channel.traced(&way.trace), way.deadline),
            None => (self.channel.clone(), Instant::now() + CONTROL_LIMIT),
        };
        let mut request = post(self.endpoint.uri(), serde_json::to_vec(&message)?);
        complete(request.headers_mut(), session_id.as_deref(), headers)?;
        let reply = match channel.open(request, deadline).await {
            Ok(reply) => reply,
            Err(error) => return refused(&message, in_session, error),
        };
        if matches!(reply.status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        let session_id = text(&reply.headers, &SESSION_ID).map(str::to_owned);
        if is_stream(&reply.headers) {
            return Ok(StreamableHttpPostResponse::Sse(
                events(reply, deadline),
                session_id,
            ));
        }
        let reply = reply.read(MAX_REPLY_BYTES, deadline).await;
        let reply = reply.map_err(|error| Fault::Client(error.into()))?;
        if !matches!(message, ClientJsonRpcMessage::Request(_)) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        let answer = reply.require_json_type().and_then(|()| reply.json());
        let answer = answer.and_then(decoded).map_err(Fault::Client)?;
        Ok(StreamableHttpPostResponse::Json(answer, session_id))
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        session_id: Arc<str>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Fault> {
        let mut request = self.request(Method::DELETE);
        complete(request.headers_mut(), Some(&session_id), headers)?;
        let deadline = Instant::now() + CONTROL_LIMIT;
        let reply = self.channel.open(request, deadline).await;
        reply.map(drop).map_err(Fault::Client)
    }

    /// Goes on with a reply that broke off. A stream of what belongs to no call is never opened: nobody would read it.
    async fn get_stream(
        &self,
        _uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Events, Fault> {
        let Some(last) = last_event_id else {
            return Err(Fault::ServerDoesNotSupportSse);
        };
        let mut request = self.request(Method::GET);
        complete(request.headers_mut(), session_id.as_deref(), headers)?;
        request.headers_mut().insert(LAST_EVENT_ID, value(&last)?);
        let reply = self.channel.open(request, Instant::now() + CONTROL_LIMIT).await;
        let reply = reply.map_err(Fault::Client)?;
        if !is_stream(&reply.headers) {
            return Err(Fault::ServerDoesNotSupportSse);
        }
        Ok(events(reply, Instant::now() + RESUMED_LIMIT))
    }
}

/// What requests say besides: what is accepted, the session, and what `rmcp` adds.
fn complete(
    to: &mut HeaderMap,
    session_id: Option<&str>,
    headers: HashMap<HeaderName, HeaderValue>,
) -> Result<(), Fault> {
    to.insert(header::ACCEPT, ACCEPTED);
    to.extend(headers);
    if let Some(session_id) = session_id {
        to.insert(SESSION_ID, value(session_id)?);
    }
    Ok(())
}

/// A text of the server as a header. One that cannot be one came in an event, where everything may stand.
fn value(text: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::try_from(text).map_err(|_| Fault::Client(CallError::protocol("its ids are no headers")))
}

/// How a message is sent; `None` where it belongs to no call.
fn way(message: &ClientJsonRpcMessage) -> Option<&Way> {
    match message {
        ClientJsonRpcMessage::Request(request) => request.request.extensions().get(),
        _ => None,
    }
}

/// What a reply that is none of success means. A session that is not found is over. A server that speaks JSON-RPC says
/// more in its error than in the status, and one that does not know `server/discover` refuses it in any way.
fn refused(
    message: &ClientJsonRpcMessage,
    in_session: bool,
    error: CallError,
) -> Result<StreamableHttpPostResponse, Fault> {
    let CallError::Status { status, excerpt, .. } = &error else {
        return Err(Fault::Client(error));
    };
    if *status == StatusCode::NOT_FOUND && in_session {
        return Err(Fault::SessionExpired);
    }
    let ClientJsonRpcMessage::Request(request) = message else {
        return Err(Fault::Client(error));
    };
    let is_said_by_status = matches!(
        *status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
    );
    if !status.is_client_error() || is_said_by_status {
        return Err(Fault::Client(error));
    }
    let is_probe = matches!(request.request, ClientRequest::DiscoverRequest(_));
    let told = match serde_json::from_str(excerpt) {
        Ok(ServerJsonRpcMessage::Error(told)) => told.error,
        _ if is_probe => ErrorData::invalid_request("the server refused to be discovered", None),
        _ => return Err(Fault::Client(error)),
    };
    let id: RequestId = request.id.clone();
    let answer = ServerJsonRpcMessage::error(told, Some(id));
    Ok(StreamableHttpPostResponse::Json(answer, None))
}

fn decoded(answer: Value) -> Result<ServerJsonRpcMessage, CallError> {
    serde_json::from_value(answer)
        .map_err(|error| CallError::protocol(format!("its reply is no MCP message: {error}")))
}

fn is_stream(headers: &HeaderMap) -> bool {
    let media_type = text(headers, &header::CONTENT_TYPE).and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("text/event-stream"))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
