//! Reading an A2A message: what section 4.1 of the specification requires of one.

use serde_json::{Map, Value};

use crate::rpc::{Fault, RpcError};

/// A message as it was sent, with what is needed of it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) parts: Vec<Value>,
    pub(crate) context_id: Option<String>,
    pub(crate) task_id: Option<String>,
    /// The whole message, for the task's history.
    pub(crate) original: Value,
}

/// The longest id that is taken, in bytes.
const MAX_ID_BYTES: usize = 200;

impl Message {
    /// Takes the message out of the params of a request.
    pub(crate) fn take(params: &mut Map<String, Value>) -> Result<Self, RpcError> {
        let Some(Value::Object(message)) = params.remove("message") else {
            return Err(Fault::Params.because("message: an object is required"));
        };
        if id(&message, "messageId")?.is_none() {
            return Err(Fault::Params.because("message.messageId: a text that is not empty is required"));
        }
        if message.get("role").and_then(Value::as_str) != Some("ROLE_USER") {
            return Err(Fault::Params.because("message.role: must be ROLE_USER"));
        }
        let parts = match message.get("parts") {
            Some(Value::Array(parts)) if !parts.is_empty() && parts.iter().all(is_part) => parts.clone(),
            _ => {
                return Err(
                    Fault::Params.because("message.parts: each needs exactly one of text, raw, url, data")
                );
            }
        };
        let (context_id, task_id) = (id(&message, "contextId")?, id(&message, "taskId")?);
        Ok(Self {
            parts,
            context_id,
            task_id,
            original: Value::Object(message),
        })
    }
}

/// An id: absent, null and empty are the same.
pub(crate) fn id(object: &Map<String, Value>, name: &str) -> Result<Option<String>, RpcError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) if id.is_empty() => Ok(None),
        Some(Value::String(id)) if id.len() <= MAX_ID_BYTES => Ok(Some(id.clone())),
        Some(_) => {
            Err(Fault::Params.because(format!("{name}: must be a text of at most {MAX_ID_BYTES} bytes")))
        }
    }
}

fn is_part(part: &Value) -> bool {
    let is_text = |name: &str| part.get(name).map(Value::is_string);
    let kinds = [
        is_text("text"),
        is_text("raw"),
        is_text("url"),
        part.get("data").map(|_| true),
    ];
    let mut given = kinds.into_iter().flatten();
    given.next() == Some(true) && given.next().is_none()
}
