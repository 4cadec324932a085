//! What stands behind an agent's address: the seam between the protocol and those who do the work.
//!
//! The protocol's side owns versions, bindings, waiting, and how much of a history is told; an [`Agent`] knows tasks.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    error::A2aError,
    model::{Message, Task, Update},
    request::ListRequest,
};

/// What becomes of a task, from a moment on to the one at which it is terminal.
pub(crate) type Updates = BoxStream<'static, Result<Update, A2aError>>;

/// An agent, as one caller sees it.
#[async_trait]
pub(crate) trait Agent: Send + Sync {
    /// What its card says.
    fn profile(&self) -> Profile;

    /// Takes a message: for a new task, or for the one that it names.
    async fn send(&self, message: Message) -> Result<Sent, A2aError>;

    /// A task as it stands.
    async fn task(&self, id: &str) -> Result<Task, A2aError>;

    /// A part of the list of tasks.
    async fn tasks(&self, wanted: &ListRequest) -> Result<TaskPage, A2aError>;

    /// Begins to cancel a task, which may take a while.
    async fn cancel(&self, id: &str) -> Result<(), A2aError>;

    /// A task as it stands, and what becomes of it from then on.
    async fn follow(&self, id: &str) -> Result<Followed, A2aError>;
}

/// What a card says of an agent, besides where and how it is reached (section 4.4.1).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) version: String,
    /// Identifies its one skill.
    pub(crate) skill_id: String,
    pub(crate) input_modes: Vec<&'static str>,
    /// JSON Schema of the data that it takes.
    pub(crate) input_schema: Option<Value>,
    pub(crate) modified: Timestamp,
    /// Whether clients that name no version get a card with the fields of 0.3 too, as those of 0.3 need.
    pub(crate) has_old_card: bool,
}

/// What became of a message.
pub(crate) enum Sent {
    /// It is, or belongs to, a task.
    Task(Followed),
    /// It was answered on the spot.
    Message(Message),
}

/// A task at a moment, and all that happens to it afterwards.
pub(crate) struct Followed {
    pub(crate) task: Task,
    pub(crate) updates: Updates,
}

/// A part of a list of tasks.
#[derive(Debug, Default)]
pub(crate) struct TaskPage {
    pub(crate) tasks: Vec<Task>,
    /// Where the next part begins; empty at the end.
    pub(crate) next_page_token: String,
    /// How many there are in all parts, as far as that is known.
    pub(crate) total_size: u64,
}
