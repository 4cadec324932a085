//! Reading the body of a reply as JSON.

use http::{HeaderMap, header};
use serde_json::Value;

use super::{retry_after::retry_after, transport::Reply};
use crate::{error::CallError, quote::quote_bytes};

impl Reply {
    /// The reply, if its status is one of success. `now` is what a `Retry-After` counts from.
    pub(crate) fn success(self, now: jiff::Timestamp) -> Result<Self, CallError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let (retry_after, excerpt) = (retry_after(&self.headers, now), quote_bytes(&self.body));
        Err(CallError::Status {
            status: self.status,
            retry_after,
            excerpt,
        })
    }

    /// The body as JSON: UTF-8, nested less than 128 deep as a whole.
    pub(crate) fn json(&self) -> Result<Value, CallError> {
        let encoding = text(&self.headers, header::CONTENT_ENCODING).unwrap_or("identity");
        if !encoding.eq_ignore_ascii_case("identity") {
            return Err(CallError::protocol(
                "its reply is compressed, which was not asked for",
            ));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| CallError::protocol(format!("its reply is not valid JSON: {error}")))
    }

    /// Checks that the reply says of itself that it is JSON. One that says nothing is given the benefit of the doubt.
    pub(crate) fn require_json_type(&self) -> Result<(), CallError> {
        let Some(content_type) = text(&self.headers, header::CONTENT_TYPE) else {
            return Ok(());
        };
        let media_type = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if media_type == "application/json" || media_type.ends_with("+json") {
            return Ok(());
        }
        let (media_type, beginning) = (quote_bytes(media_type.as_bytes()), quote_bytes(&self.body));
        Err(CallError::protocol(format!(
            "its reply is of type {media_type}, not JSON, and begins: {beginning}"
        )))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
