//! What holds for every request, whatever its route: an id, a span, a task of its own, problems as bytes.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde_json::Value;
use tracing::{Instrument as _, Span, field};
use uuid::Uuid;

use crate::{
    app::Site,
    errors::overloaded,
    problem::{self, Problem},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What browsers are told of every answer (OWASP Secure Headers): to take it for what it says it is, to keep no copy of what
/// only its reader may see, and to show it in no other page.
const GUARDS: [(HeaderName, HeaderValue); 5] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// Characters of the longest request id that is taken over.
const MAX_REQUEST_ID: usize = 128;

/// The id of a request.
#[derive(Debug, Clone)]
struct RequestId(HeaderValue);

/// Outermost: gives the request its id and writes it on the answer, in a problem's body too, beside what guards every
/// answer.
pub(crate) async fn identify(mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let has_body = request.method() != Method::HEAD;
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, problem::CONTENT_TYPE);
        if has_body {
            let mut object = problem.to_json();
            object.insert("request_id".into(), id.to_str().unwrap_or_default().into());
            *response.body_mut() = Body::from(Value::Object(object).to_string());
        }
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    for (name, value) in GUARDS {
        headers.entry(name).or_insert(value);
    }
    response
}

/// The client's id where it is short and plain, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
        (1..=MAX_REQUEST_ID).contains(&bytes.len()) && bytes.iter().all(is_plain)
    };
    let given = headers.get(REQUEST_ID).filter(is_sane).cloned();
    given.unwrap_or_else(|| {
        let id = Uuid::now_v7().hyphenated().to_string();
        // The characters of a UUID are always a header value.
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
    })
}

/// The span of a request. It names the route's template: an id in it would make each request a kind of its own.
pub(crate) fn span(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>();
    let route = request.extensions().get::<MatchedPath>();
    let parent = request.headers().get("traceparent").and_then(trace_parent);
    let span = tracing::info_span!(
        "request",
        method = %request.method(),
        route = route.map_or("unknown", MatchedPath::as_str),
        request_id = id.and_then(|id| id.0.to_str().ok()),
        trace_id = field::Empty,
        parent_span_id = field::Empty,
        status = field::Empty,
    );
    if let Some((trace_id, parent_span_id)) = parent {
        span.record("trace_id", trace_id);
        span.record("parent_span_id", parent_span_id);
    }
    span
}

/// Notes on a request's span how it was answered.
pub(crate) fn answered(response: &Response, latency: Duration, span: &Span) {
    span.record("status", response.status().as_u16());
    tracing::debug!(latency_ms = latency.as_millis(), "answered");
}

/// The trace and the parent span of a `traceparent` header (W3C Trace Context, section 3.2).
fn trace_parent(value: &HeaderValue) -> Option<(&str, &str)> {
    let mut fields = value.to_str().ok()?.split('-');
    let (version, trace_id, parent) = (fields.next()?, fields.next()?, fields.next()?);
    let flags = fields.next()?;
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |text: &str, length: usize| is_hex(text, length) && text.bytes().any(|byte| byte != b'0');
    // Later versions may have further fields; version ff is forbidden.
    let is_version = is_hex(version, 2) && version != "ff" && (version != "00" || fields.next().is_none());
    let is_valid = is_version && is_id(trace_id, 32) && is_id(parent, 16) && is_hex(flags, 2);
    is_valid.then_some((trace_id, parent))
}

/// Refuses what there is no room for, so that what is under way is answered in time.
pub(crate) async fn shed(State(site): State<Site>, request: Request, next: Next) -> Response {
    match site.room.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => overloaded().into_response(),
    }
}

/// Innermost: runs the handler in a task of its own, so that a client that hangs up cancels nothing half-way,
/// and a handler that panics costs one answer.
pub(crate) async fn detach(State(site): State<Site>, request: Request, next: Next) -> Response {
    let handled = site.tasks.spawn(next.run(request).in_current_span());
    handled.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a handler panicked");
        Problem::internal().into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_request_ids_are_taken_over() {
        let long = "a".repeat(MAX_REQUEST_ID + 1);
        for (given, taken) in [
            ("abc-1.2_3", true),
            ("", false),
            ("a b", false),
            ("<script>", false),
            (&long, false),
        ] {
            let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(given).unwrap())]);
            assert_eq!(request_id(&headers) == given, taken, "{given:?}");
        }
    }

    #[test]
    fn only_valid_trace_parents_are_taken_over() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = "00f067aa0ba902b7";
        let zeros = "0".repeat(32);
        for (header, valid) in [
            (format!("00-{trace}-{parent}-01"), true),
            (format!("01-{trace}-{parent}-01-more"), true),
            (format!("00-{trace}-{parent}-01-more"), false),
            (format!("ff-{trace}-{parent}-01"), false),
            (format!("00-{zeros}-{parent}-01"), false),
            (format!("00-{}-{parent}-01", trace.to_uppercase()), false),
            (format!("00-{trace}-{parent}"), false),
            (String::new(), false),
        ] {
            let value = HeaderValue::try_from(&header).unwrap();
            assert_eq!(trace_parent(&value), valid.then_some((trace, parent)), "{header}");
        }
    }
}
