//! Whether an agent answers, found out in the cheapest way that its protocol has.

use agentchains_ports::Protocol;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    a2a,
    error::CallError,
    net::{Channel, Endpoint},
    request::beside,
};

/// The most that is read of a list of models.
const MAX_BYTES: usize = 1 << 20;

/// The version of the Model Context Protocol that servers are greeted with.
const MCP_VERSION: &str = "2025-06-18";

/// Names a session of the Model Context Protocol.
const MCP_SESSION: &str = "mcp-session-id";

/// Asks the agent for something that costs nothing and changes nothing.
pub(super) async fn check(
    protocol: Protocol,
    channel: Channel,
    endpoint: &Endpoint,
    deadline: Instant,
) -> Result<(), CallError> {
    match protocol {
        Protocol::A2a => a2a::discover(channel, endpoint.clone(), deadline).await.map(drop),
        Protocol::Http => check_http(&channel, endpoint, deadline).await,
        Protocol::OpenAi => {
            let mut request = request(Method::GET, endpoint, Bytes::new());
            *request.uri_mut() = models(endpoint)?;
            channel.exchange(request, MAX_BYTES, deadline).await.map(drop)
        }
        Protocol::Mcp => check_mcp(&channel, endpoint, deadline).await,
    }
}

/// Where models are listed, below the base address.
fn models(base: &Endpoint) -> Result<Uri, CallError> {
    let uri = base.uri();
    let path = uri.path().trim_end_matches('/');
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    beside(base, &format!("{path}/models{query}")).map_err(|error| CallError::protocol(error.to_string()))
}

/// Only the agent knows what its address is good for, so whatever it answers shows that it is there; but for a refusal
/// of the credential, and for its own troubles.
async fn check_http(channel: &Channel, endpoint: &Endpoint, deadline: Instant) -> Result<(), CallError> {
    let request = request(Method::HEAD, endpoint, Bytes::new());
    match channel.open(request, deadline).await {
        Err(CallError::Status { status, .. }) if is_there(status) => Ok(()),
        other => other.map(drop),
    }
}

fn is_there(status: StatusCode) -> bool {
    let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let is_trouble = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
    !is_refusal && !is_trouble
}

/// Greets the server, and says goodbye where it has opened a session for that.
async fn check_mcp(channel: &Channel, endpoint: &Endpoint, deadline: Instant) -> Result<(), CallError> {
    let greeting = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": MCP_VERSION, "capabilities": {},
            "clientInfo": {"name": "agentchains", "version": env!("CARGO_PKG_VERSION")},
        },
    });
    let mut greet = request(Method::POST, endpoint, greeting.to_string().into());
    let headers = greet.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let accepted = HeaderValue::from_static("application/json, text/event-stream");
    headers.insert(header::ACCEPT, accepted);
    let reply = channel.open(greet, deadline).await?;
    let session = reply.headers.get(MCP_SESSION).cloned();
    drop(reply);
    if let Some(session) = session {
        let mut leave = request(Method::DELETE, endpoint, Bytes::new());
        leave.headers_mut().insert(MCP_SESSION, session);
        // A server that keeps the session for itself ends it by itself.
        let _ = channel.open(leave, deadline).await;
    }
    Ok(())
}

fn request(method: Method, endpoint: &Endpoint, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = endpoint.uri();
    request
}
