//! Problems (RFC 9457) as they are described.

use serde_json::{Value, json};

/// Codes that a problem may have.
pub(super) type Codes = &'static [&'static str];

/// The schema of problems under its name.
pub(super) const NAME: &str = "Problem";

/// What all problems have in common.
pub(super) fn schema() -> Value {
    let finding = json!({
        "type": "object",
        "required": ["code", "pointer", "line", "column", "message", "hint"],
        "properties": {
            "code": {"type": "string"},
            "pointer": {
                "type": "string",
                "description": "JSON Pointer (RFC 6901) into the body; of a query parameter, `/` and its name.",
            },
            "line": {"type": ["integer", "null"], "description": "Counted from 1."},
            "column": {"type": ["integer", "null"], "description": "In characters, counted from 1."},
            "message": {"type": "string"},
            "hint": {"type": ["string", "null"], "description": "What to do about it."},
        },
    });
    json!({
        "type": "object",
        "description": "Why a request was not carried out (RFC 9457). Further members depend on the code.",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What was wrong, and what to do."},
            "code": {"type": "string", "description": "Stable, for programs."},
            "errors": {"type": "array", "items": finding},
            "request_id": {"type": "string"},
        },
    })
}

/// Adds codes to an answer that is a problem.
pub(super) fn problem(answer: &mut Value, status: u16, codes: Codes) {
    answer["description"] = meaning(status).into();
    let schema = &mut answer["content"]["application/problem+json"]["schema"];
    if schema.is_null() {
        *schema = json!({
            "allOf": [{"$ref": format!("#/components/schemas/{NAME}")}],
            "properties": {"code": {"examples": []}},
        });
        if matches!(status, 429 | 503) {
            let seconds = json!({"type": "integer", "minimum": 0});
            answer["headers"]["Retry-After"] =
                json!({"description": "Seconds after which to try again.", "schema": seconds});
        }
    }
    let listed =
        &mut answer["content"]["application/problem+json"]["schema"]["properties"]["code"]["examples"];
    if let Some(listed) = listed.as_array_mut() {
        listed.extend(codes.iter().map(|code| Value::from(*code)));
    }
}

const fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The body is not JSON.",
        401 => "No key, or one that does not count.",
        403 => "Not allowed.",
        404 => "There is none, or it is somebody else's.",
        408 => "The body did not arrive in time.",
        409 => "The state does not allow it.",
        412 => "It has been changed since.",
        413 => "The body is too large.",
        415 => "The body is not sent as JSON.",
        422 => "The request breaks a rule.",
        426 => "This is a WebSocket.",
        429 => "Too many requests.",
        503 => "Not now: the store is not available, or the server is winding down.",
        _ => "A problem.",
    }
}
