//! JSON-RPC 2.0 as A2A uses it: the envelope, and what errors mean.

use agentchains_machine::Json;
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
    /// The request is not understood: errors of JSON-RPC itself, but not -32603.
    Envelope,
    /// The agent does not do such a thing: the other errors that A2A defines.
    Unsupported,
    /// Something went wrong in the agent: -32603, and errors of its own.
    Internal,
}

/// The errors of A2A (section 5.4 of the specification, and of version 1.0.1) that ask for their own treatment.
const TASK_NOT_FOUND: (i64, &str) = (-32001, "TASK_NOT_FOUND");
const TASK_NOT_CANCELABLE: (i64, &str) = (-32002, "TASK_NOT_CANCELABLE");

/// The body of a request.
pub(crate) fn request(id: &str, method: &str, params: Json) -> String {
    let request = [
        ("jsonrpc", "2.0".into()),
        ("id", id.into()),
        ("method", method.into()),
        ("params", params),
    ];
    request.into_iter().collect::<Json>().to_string()
}

/// The result in the reply to the request `id`.
pub(crate) fn result(reply: Value, id: &str) -> Result<Value, CallError> {
    let Value::Object(mut reply) = reply else {
        return Err(CallError::protocol(
            "its reply is no JSON-RPC response: it is not an object",
        ));
    };
    if reply.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(CallError::protocol(
            "its reply is no JSON-RPC response: jsonrpc is not \"2.0\"",
        ));
    }
    let result = reply.remove("result").filter(|result| !result.is_null());
    let error = reply.remove("error").filter(|error| !error.is_null());
    let answered = reply.get("id").unwrap_or(&Value::Null);
    // An agent that could not read the id answers an error without one (JSON-RPC 2.0, section 5).
    if answered.as_str() != Some(id) && !(answered.is_null() && error.is_some()) {
        return Err(CallError::protocol(
            "its reply is to another request: the JSON-RPC id differs",
        ));
    }
    match (result, error) {
        (Some(result), None) => Ok(result),
        (None, Some(error)) => Err(RpcError::read(&error)?.into()),
        (Some(_), Some(_)) => Err(CallError::protocol("its reply has a result and an error")),
        (None, None) => Err(CallError::protocol("its reply has neither a result nor an error")),
    }
}

impl RpcError {
    fn read(error: &Value) -> Result<Self, CallError> {
        let code = error.get("code").and_then(whole_number);
        let code = code.ok_or_else(|| CallError::protocol("its reply has an error without a code"))?;
        let message = quote(text(error, "message").unwrap_or_default());
        Ok(Self {
            kind: RpcErrorKind::of(reason(error), code),
            code,
            message,
        })
    }
}

impl RpcErrorKind {
    /// The reason says more than the code, which some agents choose freely.
    fn of(reason: Option<&str>, code: i64) -> Self {
        let is = |(known_code, known_reason): (i64, &str)| {
            reason.map_or(code == known_code, |given| given == known_reason)
        };
        if is(TASK_NOT_FOUND) {
            return Self::TaskNotFound;
        }
        if is(TASK_NOT_CANCELABLE) {
            return Self::NotCancelable;
        }
        match code {
            -32700 | -32602..=-32600 => Self::Envelope,
            -32009..=-32001 => Self::Unsupported,
            _ => Self::Internal,
        }
    }
}

/// The reason in the error's `google.rpc.ErrorInfo`.
fn reason(error: &Value) -> Option<&str> {
    items(error, "data")
        .iter()
        .find_map(|detail| text(detail, "reason"))
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

    #[test]
    fn a_reply_that_is_no_response_to_this_request_is_against_the_protocol() {
        for reply in [
            json!([]),
            json!({"id": "r", "result": {}}),
            json!({"jsonrpc": "2.0", "id": "other", "result": {}}),
            json!({"jsonrpc": "2.0", "id": 1, "result": {}}),
            json!({"jsonrpc": "2.0", "result": {}}),
            json!({"jsonrpc": "2.0", "id": "r"}),
            json!({"jsonrpc": "2.0", "id": "r", "result": null}),
            json!({"jsonrpc": "2.0", "id": "r", "result": {}, "error": {"code": 1}}),
            json!({"jsonrpc": "2.0", "id": "r", "error": {"message": "x"}}),
            json!({"jsonrpc": "2.0", "id": "r", "error": "x"}),
        ] {
            assert!(
                matches!(result(reply.clone(), "r"), Err(CallError::Protocol(_))),
                "{reply}"
            );
        }
    }

    #[test]
    fn an_error_is_known_by_its_reason_and_else_by_its_code() {
        use RpcErrorKind::{Envelope, Internal, NotCancelable, TaskNotFound, Unsupported};
        let info =
            |reason: &str| json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]);
        for (code, data, kind) in [
            (json!(-32001), Value::Null, TaskNotFound),
            (json!(-32001.0), Value::Null, TaskNotFound),
            (json!(-32603), info("TASK_NOT_FOUND"), TaskNotFound),
            (json!(-32002), json!("free text"), NotCancelable),
            (
                json!(-32001),
                info("PUSH_NOTIFICATION_NOT_SUPPORTED"),
                Unsupported,
            ),
            (json!(-32009), Value::Null, Unsupported),
            (json!(-32700), Value::Null, Envelope),
            (json!(-32602), info("INVALID_PARAMS"), Envelope),
            (json!(-32603), Value::Null, Internal),
            (json!(42), Value::Null, Internal),
        ] {
            let reply =
                json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": "m", "data": data}});
            let Err(CallError::Rpc(error)) = result(reply, "r") else {
                panic!("{code} is an error")
            };
            assert_eq!((error.kind, error.message.as_str()), (kind, "m"), "{code}");
        }
    }
}
