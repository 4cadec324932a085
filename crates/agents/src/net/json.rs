//! Reading the body of a reply as JSON.

use http::{HeaderMap, header};
use serde_json::Value;

use super::reply::Reply;
use crate::{error::CallError, quote::quote_bytes};

impl Reply {
    /// The body as JSON: UTF-8, nested less than 128 deep as a whole.
    pub(crate) fn json(&self) -> Result<Value, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| unreadable(&error))
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

/// Why a text is no JSON that can be kept. A number such as `1e400` is valid JSON (RFC 8259, section 6), and is not taken
/// for infinity.
pub(crate) fn unreadable(error: &serde_json::Error) -> CallError {
    // Errors of the grammar are told apart by their words alone.
    let said = error.to_string();
    let what = match said.strip_prefix("number out of range") {
        Some(place) => format!("its reply has a number that is beyond what can be represented{place}"),
        None => format!("its reply is not valid JSON: {said}"),
    };
    CallError::protocol(what)
}
