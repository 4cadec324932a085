//! What agents say about why they do not do what they are asked: errors of JSON-RPC, and those that A2A defines for
//! every binding (section 5.4 of its specification).

use serde_json::Value;
use thiserror::Error;

use crate::{
    error::CallError,
    lenient::{items, text},
    quote::quote,
};

/// An error that the agent answered with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the agent answered with error {code}: {message}")]
pub(crate) struct RpcError {
    pub(crate) kind: RpcErrorKind,
    /// The code of JSON-RPC; over HTTP+JSON the status.
    pub(crate) code: i64,
    /// What it said, fit to be shown.
    pub(crate) message: String,
}

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RpcErrorKind {
    /// There is no such task (any more).
    TaskNotFound,
    /// The task cannot be cancelled.
    NotCancelable,
    /// The agent does not do that, or not with this task.
    UnsupportedOperation,
    /// The agent does not speak this version.
    VersionNotSupported,
    /// The agent knows no such method.
    MethodNotFound,
    /// The request is not understood: the other errors of JSON-RPC itself, but not -32603.
    Envelope,
    /// The agent does not do such a thing: the other errors that A2A defines.
    Unsupported,
    /// Something went wrong while the agent worked, so that nobody knows how far it came: -32603.
    Internal,
    /// An error of the agent's own.
    Other,
}

/// The errors that ask for their own treatment, by code and by reason.
const KNOWN: [(i64, &str, RpcErrorKind); 4] = [
    (-32001, "TASK_NOT_FOUND", RpcErrorKind::TaskNotFound),
    (-32002, "TASK_NOT_CANCELABLE", RpcErrorKind::NotCancelable),
    (
        -32004,
        "UNSUPPORTED_OPERATION",
        RpcErrorKind::UnsupportedOperation,
    ),
    (-32009, "VERSION_NOT_SUPPORTED", RpcErrorKind::VersionNotSupported),
];

/// The other reasons that A2A knows.
const UNSUPPORTED: [&str; 5] = [
    "PUSH_NOTIFICATION_NOT_SUPPORTED",
    "CONTENT_TYPE_NOT_SUPPORTED",
    "INVALID_AGENT_RESPONSE",
    "EXTENDED_AGENT_CARD_NOT_CONFIGURED",
    "EXTENSION_SUPPORT_REQUIRED",
];

impl RpcError {
    /// Reads the `error` of a JSON-RPC response.
    pub(super) fn read(error: &Value) -> Result<Self, CallError> {
        let code = error.get("code").and_then(whole_number);
        let code = code.ok_or_else(|| CallError::protocol("its reply has an error without a code"))?;
        Ok(Self::new(RpcErrorKind::of(reason(error), code), code, error))
    }

    /// Reads the body of a reply whose HTTP status is one of failure. `None` where that says no more than the status:
    /// without a reason or a code of A2A, and where it is not the agent that speaks, but what stands before it.
    pub(super) fn in_body(body: &str) -> Option<Self> {
        let body: Value = serde_json::from_str(body).ok()?;
        let error = body.get("error")?;
        let code = error.get("code").and_then(whole_number)?;
        let kind = RpcErrorKind::of(reason(error), code);
        let tells = !matches!(kind, RpcErrorKind::Internal | RpcErrorKind::Other);
        tells.then(|| Self::new(kind, code, error))
    }

    fn new(kind: RpcErrorKind, code: i64, error: &Value) -> Self {
        Self {
            kind,
            code,
            message: quote(text(error, "message").unwrap_or_default()),
        }
    }
}

impl RpcErrorKind {
    /// The reason says more than the code, which some agents choose freely.
    fn of(reason: Option<&str>, code: i64) -> Self {
        if let Some(reason) = reason {
            if let Some((_, _, kind)) = KNOWN.iter().find(|(_, known, _)| *known == reason) {
                return *kind;
            }
            if UNSUPPORTED.contains(&reason) {
                return Self::Unsupported;
            }
        }
        match code {
            -32700 | -32602 | -32600 => Self::Envelope,
            -32601 => Self::MethodNotFound,
            -32603 => Self::Internal,
            -32009..=-32001 => {
                let known = KNOWN.iter().find(|(known, ..)| *known == code);
                known.map_or(Self::Unsupported, |(_, _, kind)| *kind)
            }
            _ => Self::Other,
        }
    }
}

/// The reason in the error's `google.rpc.ErrorInfo`, which stands in `data` over JSON-RPC and in `details` over
/// HTTP+JSON.
fn reason(error: &Value) -> Option<&str> {
    let details = items(error, "data").iter().chain(items(error, "details"));
    details.into_iter().find_map(|detail| text(detail, "reason"))
}

fn whole_number(value: &Value) -> Option<i64> {
    // Some agents write every number as a double.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the double is whole and within the range of an i32"
    )]
    value.as_i64().or_else(|| {
        let double = value.as_f64()?;
        (double.fract() == 0.0 && double.abs() <= f64::from(i32::MAX)).then_some(double as i64)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn info(reason: &str) -> Value {
        json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}])
    }

    #[test]
    fn an_error_is_known_by_its_reason_and_else_by_its_code() {
        use RpcErrorKind as Kind;
        for (code, data, kind) in [
            (json!(-32001), Value::Null, Kind::TaskNotFound),
            (json!(-32001.0), Value::Null, Kind::TaskNotFound),
            (json!(-32603), info("TASK_NOT_FOUND"), Kind::TaskNotFound),
            (json!(-32002), json!("free text"), Kind::NotCancelable),
            (
                json!(-32001),
                info("PUSH_NOTIFICATION_NOT_SUPPORTED"),
                Kind::Unsupported,
            ),
            (json!(-32004), Value::Null, Kind::UnsupportedOperation),
            (json!(-32005), Value::Null, Kind::Unsupported),
            (json!(-32009), Value::Null, Kind::VersionNotSupported),
            (json!(-32601), Value::Null, Kind::MethodNotFound),
            (json!(-32700), Value::Null, Kind::Envelope),
            (json!(-32602), info("INVALID_PARAMS"), Kind::Envelope),
            (json!(-32603), Value::Null, Kind::Internal),
            (json!(42), Value::Null, Kind::Other),
        ] {
            let error = RpcError::read(&json!({"code": code, "message": "m", "data": data})).unwrap();
            assert_eq!((error.kind, error.message.as_str()), (kind, "m"), "{code}");
        }
        for error in [json!({"message": "x"}), json!("x"), json!({"code": "x"})] {
            assert!(RpcError::read(&error).is_err(), "{error}");
        }
    }

    #[test]
    fn the_body_of_a_refusal_counts_where_it_says_more_than_the_status() {
        let rest = |code: i64, reason: &str| json!({"error": {"code": code, "details": info(reason)}});
        for (body, kind) in [
            (rest(404, "TASK_NOT_FOUND"), Some(RpcErrorKind::TaskNotFound)),
            (
                rest(400, "UNSUPPORTED_OPERATION"),
                Some(RpcErrorKind::UnsupportedOperation),
            ),
            (
                rest(500, "INVALID_AGENT_RESPONSE"),
                Some(RpcErrorKind::Unsupported),
            ),
            (json!({"error": {"code": -32602}}), Some(RpcErrorKind::Envelope)),
            (json!({"error": {"code": -32603}}), None),
            (rest(404, "SOMETHING_ELSE"), None),
            (json!({"error": "x"}), None),
            (json!([]), None),
        ] {
            let read = RpcError::in_body(&body.to_string());
            assert_eq!(read.map(|error| error.kind), kind, "{body}");
        }
        assert_eq!(RpcError::in_body("<html>"), None);
    }
}
