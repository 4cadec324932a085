//! HTTP: which request goes where, and what is refused before JSON-RPC is looked at.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use crate::{
    agent::Agent,
    card::{CARD_PATH, RPC_PATH, VERSION, card},
    methods::{Refusal, perform},
    rpc::{self, Fault},
};

/// The largest body that is taken.
const MAX_BODY_BYTES: usize = 8 << 20;

/// When a caller that got 503 may come back, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

type Reply = Response<Full<Bytes>>;

/// Answers one request.
pub(crate) async fn respond(agent: Arc<Agent>, request: Request<Incoming>) -> Reply {
    let path = request.uri().path();
    let result = if path == CARD_PATH {
        match request.method() {
            &Method::GET => serve_card(&agent).await,
            _ => return not_allowed("GET"),
        }
    } else if path.strip_suffix('/').unwrap_or(path) == RPC_PATH {
        match request.method() {
            &Method::POST => serve_rpc(&agent, request).await,
            _ => return not_allowed("POST"),
        }
    } else {
        return plain(StatusCode::NOT_FOUND);
    };
    result.unwrap_or_else(|error| {
        tracing::error!(%error, agent = agent.skill.id, "the request log cannot be written");
        plain(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

async fn serve_card(agent: &Agent) -> std::io::Result<Reply> {
    agent.witness("agent-card", None, None).await?;
    let mut reply = json(&card(agent.skill, &agent.base));
    reply.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=60"),
    );
    Ok(reply)
}

async fn serve_rpc(agent: &Agent, request: Request<Incoming>) -> std::io::Result<Reply> {
    let (head, body) = request.into_parts();
    if !is_json(&head.headers) {
        agent.witness("malformed", None, None).await?;
        return Ok(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            agent.witness("malformed", None, None).await?;
            let too_large = error.is::<LengthLimitError>();
            return Ok(plain(if too_large {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            }));
        }
    };
    let request = match rpc::parse(&body) {
        Ok(request) => request,
        Err((id, error)) => {
            agent.witness("malformed", None, None).await?;
            return Ok(json(&rpc::answer(id, Err(error))));
        }
    };
    call(agent, &head.headers, request, body.len()).await
}

async fn call(
    agent: &Agent,
    headers: &HeaderMap,
    request: rpc::Request,
    size: usize,
) -> std::io::Result<Reply> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let message_id = text(
        request
            .params
            .get("message")
            .and_then(|message| message.get("messageId")),
    );
    agent
        .witness(&request.method, message_id, text(request.params.get("id")))
        .await?;
    let id = request.id.clone();
    // A request without a version is one of 0.3 (section 3.6.2 of the specification).
    let version = headers
        .get("a2a-version")
        .map_or("0.3", |version| version.to_str().unwrap_or_default());
    if version != VERSION {
        let message = format!("this agent speaks A2A {VERSION}; say so in the header A2A-Version");
        return Ok(json(&rpc::answer(
            id,
            Err(Fault::VersionNotSupported.because(message)),
        )));
    }
    match perform(agent, request, size).await {
        Ok(result) => Ok(json(&rpc::answer(id, Ok(result)))),
        Err(Refusal::Error(error)) => Ok(json(&rpc::answer(id, Err(error)))),
        Err(Refusal::Unavailable) => {
            let mut reply = plain(StatusCode::SERVICE_UNAVAILABLE);
            reply.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            Ok(reply)
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

fn json(value: &Value) -> Reply {
    let mut reply = Response::new(Full::from(value.to_string()));
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

fn plain(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

fn not_allowed(allowed: &'static str) -> Reply {
    let mut reply = plain(StatusCode::METHOD_NOT_ALLOWED);
    reply
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allowed));
    reply
}
