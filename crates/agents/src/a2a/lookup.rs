//! Looking among an agent's tasks for the one that it has made of a message.

use agentchains_machine::{MessageId, RemoteTask};
use tokio::time::Instant;

use super::{
    client::{A2aClient, Page},
    following::{Pauses, QUESTION_LIMIT},
    interface::Interface,
};
use crate::error::CallError;

/// How many pages of an agent's tasks are looked through for one.
const MAX_PAGES: usize = 5;

/// A search for one task.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    pub(super) client: &'a A2aClient,
    pub(super) interface: &'a Interface,
    pub(super) message_id: MessageId,
    /// How many questions in a row may fail before the search does.
    pub(super) tolerated: u32,
    pub(super) deadline: Instant,
}

impl Lookup<'_> {
    /// The task, where there is one among the latest of the agent's. Fails where these cannot be seen, as in version 0.3.
    pub(super) async fn find(&self) -> Result<Option<RemoteTask>, CallError> {
        let message_id = self.message_id.to_string();
        let mut next = None;
        for _ in 0..MAX_PAGES {
            let page = self.page(next.as_deref()).await?;
            let found = page.tasks.iter().find(|task| task.history.contains(&message_id));
            if let Some(task) = found {
                return Ok(Some(task.remote()));
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        Ok(None)
    }

    async fn page(&self, next: Option<&str>) -> Result<Page, CallError> {
        let mut pauses = Pauses::default();
        let mut troubles = 0;
        loop {
            let until = self.deadline.min(Instant::now() + QUESTION_LIMIT);
            let error = match self.client.list_tasks(self.interface, next, until).await {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            tracing::debug!(%error, "an agent's tasks could not be looked through");
            if troubles >= self.tolerated || Instant::now() >= self.deadline || !error.is_transient() {
                return Err(error);
            }
            troubles += 1;
            pauses.wait(self.deadline).await;
        }
    }
}
