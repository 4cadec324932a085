//! A message that begins a task: it starts an execution, once.

use std::{collections::BTreeMap, time::Duration};

use agentchains_engine::{
    StartRequest,
    machine::{ExecutionRow, hash_of},
    ports::Idempotency,
    workflow::Json,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    WorkflowAgent,
    input::{input_of, parts_of},
};
use crate::{
    error::A2aError,
    model::{Message, Role},
};

/// The label of an execution with the id of the conversation that it belongs to: one that the client has named, or a
/// new one.
pub(super) const CONTEXT_ID: &str = "a2a.context_id";

/// The label with the id of the message that has started it.
const MESSAGE_ID: &str = "a2a.message_id";

/// How long a message that is sent again is known: as long as an `Idempotency-Key` of the API.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

impl WorkflowAgent {
    /// Starts an execution; for a message that has started one before, gives that.
    pub(super) async fn start(&self, message: Message) -> Result<ExecutionRow, A2aError> {
        let input = input_of(&message, self.text_input().as_ref())?;
        let idempotency = self.idempotency(&message, &input);
        let context_id = message.context_id.unwrap_or_else(|| Uuid::now_v7().to_string());
        let labels = BTreeMap::from([
            (MESSAGE_ID.to_owned(), message.message_id),
            (CONTEXT_ID.to_owned(), context_id),
        ]);
        let request = StartRequest {
            input,
            labels,
            idempotency: Some(idempotency),
            ..StartRequest::default()
        };
        let id = self.view.record.id;
        Ok(self.engine.start(&self.caller, id, request).await?)
    }

    /// The key is of no form that a client could give to the API.
    fn idempotency(&self, message: &Message, input: &Value) -> Idempotency {
        let key = json!(["a2a", self.view.record.id, message.message_id]);
        let asked = json!([input, message.context_id]);
        Idempotency {
            key: format!("a2a {}", hash_of(&Json::from(key))),
            fingerprint: hash_of(&Json::from(asked)),
            expires_at: self
                .engine
                .now()
                .saturating_add(REMEMBERED)
                .unwrap_or(Timestamp::MAX),
        }
    }

    /// The message that has started an execution, if one has.
    pub(super) fn first_message(&self, row: &ExecutionRow) -> Option<Message> {
        Some(Message {
            message_id: row.labels.get(MESSAGE_ID)?.clone(),
            context_id: Some(context_id(row)),
            task_id: Some(row.id.to_string()),
            role: Role::User,
            parts: parts_of(row.input.to_value(), self.text_input().as_ref()),
            metadata: Map::new(),
        })
    }
}

/// The conversation that an execution belongs to. One that was started in another way is one of its own.
pub(super) fn context_id(row: &ExecutionRow) -> String {
    let named = row.labels.get(CONTEXT_ID).cloned();
    named.unwrap_or_else(|| row.id.to_string())
}
