//! Bodies: their type, their size and their encoding are checked here, what they say elsewhere.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody as _},
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::BodyExt as _;

use crate::{
    app::Site,
    errors::not_json,
    problem::{Finding, Problem},
};

/// Bytes of a body that carries no document and no input: 1 MiB.
const SMALL: usize = 1 << 20;

/// Bytes of a workflow document or an execution's input: 8 MiB.
const LARGE: usize = 8 << 20;

/// Bytes of a body that is too large that are still read and dropped: on a connection that is closed before
/// the client has sent what it wants to send, it may never see the answer.
const DROPPED: usize = 8 << 20;

/// The text of a body of at most 1 MiB; empty where there is none.
pub(crate) type SmallText = Text<SMALL>;

/// The text of a body of at most 8 MiB; empty where there is none.
pub(crate) type LargeText = Text<LARGE>;

/// The text of a body of at most that many bytes.
#[derive(Debug)]
pub(crate) struct Text<const LIMIT: usize>(pub(crate) String);

impl<const LIMIT: usize> FromRequest<Site> for Text<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        if body.is_end_stream() {
            return Ok(Self(String::new()));
        }
        check_type(&head.headers)?;
        let bytes = read(body, LIMIT, site.options.body_timeout).await?;
        String::from_utf8(bytes).map(Self).map_err(|_| {
            let message = "the body is not JSON: it is not encoded in UTF-8";
            not_json(vec![Finding::new("invalid_json", "", message)])
        })
    }
}

/// `application/json`, in UTF-8, not compressed (RFC 8259, sections 8.1 and 11).
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let only = match (types.next(), types.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default(),
        _ => "",
    };
    let encoding = headers.get(header::CONTENT_ENCODING);
    let is_plain = encoding.is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_json(only) && is_plain {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "the body must be JSON in UTF-8, not compressed; send it with Content-Type: application/json",
    ))
}

fn is_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    essence.eq_ignore_ascii_case("application/json") && parts.all(is_utf8)
}

async fn read(body: Body, limit: usize, within: Duration) -> Result<Vec<u8>, Problem> {
    let read = tokio::time::timeout(within, read_limited(body, limit));
    read.await.unwrap_or_else(|_| {
        let detail = format!("the body did not arrive within {} s", within.as_secs());
        Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            detail,
        ))
    })
}

async fn read_limited(mut body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut taken = Vec::new();
    let mut total = 0_usize;
    while let Some(frame) = body.frame().await {
        // The client is gone or breaks the protocol; whether it sees the answer does not matter.
        let frame = frame.map_err(|_| {
            not_json(vec![Finding::new(
                "invalid_json",
                "",
                "the body ended before it was complete",
            )])
        })?;
        let Ok(data) = frame.into_data() else { continue };
        total = total.saturating_add(data.len());
        if total <= limit {
            taken.extend_from_slice(&data);
        } else if total <= limit.saturating_add(DROPPED) {
            taken = Vec::new();
        } else {
            break;
        }
    }
    if total <= limit {
        return Ok(taken);
    }
    Err(Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "payload_too_large",
        format!("the body is larger than {} MiB", limit >> 20),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf_8_is_taken() {
        for taken in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; profile=x",
        ] {
            assert!(is_json(taken), "{taken}");
        }
        for refused in [
            "",
            "text/plain; charset=application/json",
            "application/jsonp",
            "application/problem+json",
            "application/json; charset=latin1",
            "multipart/form-data; boundary=b",
        ] {
            assert!(!is_json(refused), "{refused}");
        }
    }
}
