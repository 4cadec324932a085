//! The JSON-RPC 2.0 envelope, and the errors of A2A 1.0 (section 5.4 of its specification).

use serde_json::{Map, Value, json};

/// A request whose envelope is sound.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: Value,
    pub(crate) method: String,
    pub(crate) params: Map<String, Value>,
}

/// An error to be answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RpcError {
    pub(crate) fault: Fault,
    pub(crate) message: String,
}

/// What is wrong: the errors of JSON-RPC, then those of A2A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Parse,
    Request,
    Method,
    Params,
    TaskNotFound,
    TaskNotCancelable,
    PushNotSupported,
    UnsupportedOperation,
    NoExtendedCard,
    VersionNotSupported,
}

impl Fault {
    /// The code, and the reason in upper snake case that `ErrorInfo` carries.
    const fn names(self) -> (i32, &'static str) {
        match self {
            Self::Parse => (-32700, "PARSE_ERROR"),
            Self::Request => (-32600, "INVALID_REQUEST"),
            Self::Method => (-32601, "METHOD_NOT_FOUND"),
            Self::Params => (-32602, "INVALID_PARAMS"),
            Self::TaskNotFound => (-32001, "TASK_NOT_FOUND"),
            Self::TaskNotCancelable => (-32002, "TASK_NOT_CANCELABLE"),
            Self::PushNotSupported => (-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
            Self::UnsupportedOperation => (-32004, "UNSUPPORTED_OPERATION"),
            Self::NoExtendedCard => (-32007, "EXTENDED_AGENT_CARD_NOT_CONFIGURED"),
            Self::VersionNotSupported => (-32009, "VERSION_NOT_SUPPORTED"),
        }
    }

    /// An error with this fault.
    pub(crate) fn because(self, message: impl Into<String>) -> RpcError {
        RpcError {
            fault: self,
            message: message.into(),
        }
    }
}

/// Reads an envelope. A refusal comes with the id to answer to: null where none can be read (JSON-RPC 2.0,
/// section 5).
pub(crate) fn parse(body: &[u8]) -> Result<Request, (Value, RpcError)> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        (
            Value::Null,
            Fault::Parse.because(format!("the body is not JSON: {error}")),
        )
    })?;
    let Value::Object(mut envelope) = value else {
        return Err((
            Value::Null,
            Fault::Request.because("a request is a JSON object; batches are not taken"),
        ));
    };
    let id = match envelope.remove("id") {
        Some(id @ (Value::String(_) | Value::Number(_))) => id,
        _ => {
            return Err((
                Value::Null,
                Fault::Request.because("a request needs an id: a string or a number"),
            ));
        }
    };
    if envelope.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err((id, Fault::Request.because("jsonrpc must be \"2.0\"")));
    }
    let Some(Value::String(method)) = envelope.remove("method") else {
        return Err((id, Fault::Request.because("a request needs a method")));
    };
    match envelope.remove("params") {
        None => Ok(Request {
            id,
            method,
            params: Map::new(),
        }),
        Some(Value::Object(params)) => Ok(Request { id, method, params }),
        Some(_) => Err((id, Fault::Params.because("params must be an object"))),
    }
}

/// The answer to the request `id`.
pub(crate) fn answer(id: Value, result: Result<Value, RpcError>) -> Value {
    match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => {
            let (code, reason) = error.fault.names();
            let info = json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason,
                "domain": "a2a-protocol.org",
                "metadata": {},
            });
            let error = json!({"code": code, "message": error.message, "data": [info]});
            json!({"jsonrpc": "2.0", "id": id, "error": error})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsound_envelopes_get_the_code_and_the_id_that_json_rpc_asks_for() {
        let nested = "[".repeat(100_000);
        for (body, id, fault) in [
            ("{", json!(null), Fault::Parse),
            (nested.as_str(), json!(null), Fault::Parse),
            ("[]", json!(null), Fault::Request),
            (
                r#"{"jsonrpc":"2.0","method":"GetTask"}"#,
                json!(null),
                Fault::Request,
            ),
            (
                r#"{"jsonrpc":"2.0","id":[1],"method":"GetTask"}"#,
                json!(null),
                Fault::Request,
            ),
            (
                r#"{"jsonrpc":"1.0","id":1,"method":"GetTask"}"#,
                json!(1),
                Fault::Request,
            ),
            (r#"{"jsonrpc":"2.0","id":"a"}"#, json!("a"), Fault::Request),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":[]}"#,
                json!(1),
                Fault::Params,
            ),
        ] {
            let (answered, error) = parse(body.as_bytes()).unwrap_err();
            assert_eq!(
                (answered, error.fault),
                (id, fault),
                "{}",
                body.get(..40).unwrap_or(body)
            );
        }
    }
}
