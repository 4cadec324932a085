//! What agents are sent: the data that every one of them is asked with, and JSON as a request.

use agentchains_machine::{Call, FailureCode, Json};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header, uri::InvalidUri};
use http_body_util::Full;

use crate::{failure::Classified, net::Endpoint};

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What an agent is asked (language reference, section 7, `agent_call`).
pub(crate) fn data(call: &Call) -> Json {
    let members = [
        ("config", Some(&call.request.config)),
        ("input", Some(&call.input)),
        ("upstream", Some(&call.upstream)),
        ("item", call.item.as_ref()),
        ("loop", call.loop_context.as_ref()),
    ];
    let members = members.into_iter();
    members
        .filter_map(|(name, value)| Some((name, value?.clone())))
        .collect()
}

/// A request that sends JSON, and accepts it.
pub(crate) fn post(uri: Uri, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.into()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    request.headers_mut().insert(header::CONTENT_TYPE, JSON);
    request.headers_mut().insert(header::ACCEPT, JSON);
    request
}

/// The same origin with another path and query.
pub(crate) fn beside(endpoint: &Endpoint, path_and_query: &str) -> Result<Uri, InvalidUri> {
    format!("{}{path_and_query}", endpoint.origin()).parse()
}

/// A call that was not made, because the node asks for what cannot be sent. `what` completes `agent "x" …`.
pub(crate) fn not_sent(what: impl Into<String>) -> Box<Classified> {
    Box::new(Classified {
        reached: false,
        ..Classified::stated(FailureCode::AgentFailed, what.into(), false)
    })
}
