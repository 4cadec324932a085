//! Problem details (RFC 9457): the one form in which this API says no.
//!
//! A [`Problem`] travels as an extension of an otherwise empty response; the edge, which alone knows the
//! request's id, turns it into bytes. Which error becomes which problem is not decided here.

use agentchains_engine::workflow::Diagnostic;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The media type of problems (RFC 9457, section 3).
pub(crate) const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was not carried out.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<Finding>,
    extensions: Map<String, Value>,
    headers: HeaderMap,
}

/// One member of a problem's `errors`: a rule that the request breaks, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) code: &'static str,
    /// JSON Pointer (RFC 6901) into the body; for query parameters, `/` and the parameter's name.
    pub(crate) pointer: String,
    pub(crate) line: Option<usize>,
    pub(crate) column: Option<usize>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Finding {
    pub(crate) fn new(code: &'static str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            pointer: pointer.into(),
            line: None,
            column: None,
            message: message.into(),
            hint: None,
        }
    }
}

impl From<&Diagnostic> for Finding {
    fn from(found: &Diagnostic) -> Self {
        let place = |number: Option<u32>| number.and_then(|number| usize::try_from(number).ok());
        Self {
            code: found.code.as_str(),
            pointer: found.pointer.clone(),
            line: place(found.line),
            column: place(found.column),
            message: found.message.clone(),
            hint: found.hint.clone(),
        }
    }
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            extensions: Map::new(),
            headers: HeaderMap::new(),
        }))
    }

    /// 422: well-formed JSON, or query parameters, that break rules. The problem's code is the first finding's.
    pub(crate) fn invalid(findings: Vec<Finding>) -> Self {
        let code = findings.first().map_or("invalid_value", |first| first.code);
        let detail = match findings.as_slice() {
            [only] => only.message.clone(),
            several => format!("the request breaks {} rules", several.len()),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).with_errors(findings)
    }

    /// 404, in the same words whether the thing never existed or is somebody else's.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        let shown: String = id.chars().take(100).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("there is no {what} {shown}"),
        )
    }

    /// 404: no route has this path.
    pub(crate) fn unknown_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_route",
            "there is nothing at this path",
        )
    }

    /// 500: the cause is for the log only.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong on the server; its log has the details under this request_id",
        )
    }

    pub(crate) fn with_errors(mut self, errors: Vec<Finding>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds an extension member (RFC 9457, section 3.2).
    pub(crate) fn with(mut self, member: &str, value: impl Serialize) -> Self {
        self.0.extensions.insert(member.to_owned(), json!(value));
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Says when the same request may be sent again (RFC 9110, section 10.2.3).
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The problem as an object, without the id of the request that met it.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        let parts = &self.0;
        let mut object = parts.extensions.clone();
        object.insert(
            "type".into(),
            format!("urn:agentchains:problem:{}", parts.code).into(),
        );
        object.insert("title".into(), title(parts.code).into());
        object.insert("status".into(), parts.status.as_u16().into());
        object.insert("detail".into(), parts.detail.as_str().into());
        object.insert("code".into(), parts.code.into());
        if !parts.errors.is_empty() {
            object.insert("errors".into(), json!(parts.errors));
        }
        object
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self.0.status;
        response.headers_mut().clone_from(&self.0.headers);
        response.extensions_mut().insert(self);
        response
    }
}

/// The code in words: the same for every problem of one code.
fn title(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_its_extensions() {
        let problem = Problem::new(StatusCode::CONFLICT, "not_terminal", "the execution is running")
            .with("current_status", "running");
        assert_eq!(
            Value::Object(problem.to_json()),
            json!({
                "type": "urn:agentchains:problem:not_terminal",
                "title": "Not terminal",
                "status": 409,
                "detail": "the execution is running",
                "code": "not_terminal",
                "current_status": "running",
            })
        );
    }

    #[test]
    fn an_overlong_id_is_cut() {
        let detail = Problem::not_found("execution", &"a".repeat(20_000)).0.detail;
        assert_eq!(detail.len(), "there is no execution ".len() + 100);
    }
}
