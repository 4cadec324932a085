//! How MCP messages reach a server: the client of `rmcp` over the one that all commands have.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use http_body_util::BodyDataStream;
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
};
use rmcp::{
    model::{ClientJsonRpcMessage, ErrorData, ServerJsonRpcMessage},
    transport::streamable_http_client::{
        SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
    },
};
use serde_json::Value;
use sse_stream::{Sse, SseStream};
use url::Url;

use crate::remote::{Client, RemoteError};

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A server has the choice between an answer in one piece and a stream (section "Transports" of the specification).
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

type Fault = StreamableHttpError<RemoteError>;

/// The way to one server.
#[derive(Clone)]
pub(super) struct Way {
    client: Arc<Client>,
    address: Url,
}

impl Way {
    pub(super) fn new(client: Client, address: Url) -> Self {
        Self {
            client: Arc::new(client),
            address,
        }
    }

    async fn ask(
        &self,
        method: Method,
        session_id: Option<&str>,
        more: HashMap<HeaderName, HeaderValue>,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, Fault> {
        let mut headers = HeaderMap::from_iter(more);
        headers.insert(header::ACCEPT, ACCEPTED);
        if let Some(session_id) = session_id.and_then(|id| HeaderValue::try_from(id).ok()) {
            headers.insert(SESSION_ID, session_id);
        }
        let answer = self
            .client
            .exchange(&method, &self.address, &headers, Bytes::from(body));
        answer.await.map_err(Fault::Client)
    }
}

impl StreamableHttpClient for Way {
    type Error = RemoteError;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let body = serde_json::to_vec(&message)?;
        let id = match &message {
            ClientJsonRpcMessage::Request(request) => Some(request.id.clone()),
            _ => None,
        };
        // Where there is no answer the client is told, and may ask again when the server is back.
        let said = |told: &RemoteError| {
            let told = ErrorData::internal_error(told.to_string(), None);
            ServerJsonRpcMessage::error(told, id.clone())
        };
        let answer = match self.ask(Method::POST, session_id.as_deref(), headers, body).await {
            Err(Fault::Client(error)) if id.is_some() => {
                return Ok(StreamableHttpPostResponse::Json(said(&error), None));
            }
            // Nobody waits for an answer to a notification.
            Err(Fault::Client(error)) => {
                tracing::warn!(%error, "a notification did not reach the server");
                return Ok(StreamableHttpPostResponse::Accepted);
            }
            answer => answer?,
        };
        let status = answer.status();
        if status == StatusCode::NOT_FOUND && session_id.is_some() {
            return Err(Fault::SessionExpired);
        }
        let session_id = text(&answer, &SESSION_ID).map(str::to_owned);
        if status.is_success() && is_stream(&answer) {
            return Ok(StreamableHttpPostResponse::Sse(events(answer), session_id));
        }
        let bytes = self.client.read(answer).await.map_err(Fault::Client)?;
        if id.is_none() {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        let answer = serde_json::from_slice::<ServerJsonRpcMessage>(&bytes).unwrap_or_else(|_| {
            // A problem of the API, as where a key is missing, is an error to the client like any other.
            let problem = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
            said(&self.client.refusal(status, problem))
        });
        Ok(StreamableHttpPostResponse::Json(answer, session_id))
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        session_id: Arc<str>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Fault> {
        let ended = self.ask(Method::DELETE, Some(&session_id), headers, Vec::new());
        ended.await.map(drop)
    }

    async fn get_stream(
        &self,
        _uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth_header: Option<String>,
        mut headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Fault> {
        if let Some(last) = last_event_id.and_then(|last| HeaderValue::try_from(last).ok()) {
            headers.insert(LAST_EVENT_ID, last);
        }
        let answer = self
            .ask(Method::GET, session_id.as_deref(), headers, Vec::new())
            .await?;
        if !answer.status().is_success() || !is_stream(&answer) {
            return Err(Fault::ServerDoesNotSupportSse);
        }
        Ok(events(answer))
    }
}

fn events(answer: Response<Incoming>) -> BoxStream<'static, Result<Sse, SseError>> {
    SseStream::from_bytes_stream(BodyDataStream::new(answer.into_body())).boxed()
}

fn is_stream(answer: &Response<Incoming>) -> bool {
    text(answer, &header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/event-stream"))
}

fn text<'a>(answer: &'a Response<Incoming>, name: &HeaderName) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}
