//! The envelope of JSON-RPC 2.0.

use agentchains_machine::Json;
use serde_json::Value;

use super::error::RpcError;
use crate::error::CallError;

/// The body of a request.
pub(super) fn request(id: &str, method: &str, params: Json) -> String {
    let request = [
        ("jsonrpc", "2.0".into()),
        ("id", id.into()),
        ("method", method.into()),
        ("params", params),
    ];
    request.into_iter().collect::<Json>().to_string()
}

/// The result in the reply to the request `id`.
pub(super) fn result(reply: Value, id: &str) -> Result<Value, CallError> {
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
    fn an_error_may_come_without_the_id_of_the_request() {
        let reply = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "m"}});
        assert!(matches!(result(reply, "r"), Err(CallError::Rpc(_))));
    }
}
