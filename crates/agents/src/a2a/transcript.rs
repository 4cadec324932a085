//! What an agent has told about one task, put together: its state, its artifacts from their pieces, and what it cost.

use agentchains_machine::RemoteTask;

use super::{
    answer::{self, Answer},
    event::{About, ArtifactUpdate, Event, StatusUpdate},
    task::{Message, Task, TaskState},
};
use crate::{
    error::CallError,
    net::{MAX_REPLY_BYTES, TransportError},
    reported::Reported,
};

/// The most artifacts that are put together.
const MAX_ARTIFACTS: usize = 10_000;

/// What is known of the task, or of the answer without a task, that an attempt is about.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// Which task it is; events of others are passed over.
    remote: Option<RemoteTask>,
    /// How it stands, once that was told.
    task: Option<Task>,
    /// The answer of an agent that made no task.
    reply: Option<Message>,
    reported: Reported,
    /// Whether what the message beside the state says of costs was counted.
    is_message_counted: bool,
    /// The bytes of the pieces of all artifacts.
    artifact_bytes: usize,
}

impl Transcript {
    /// Nothing but which task it is.
    pub(super) fn of(remote: RemoteTask) -> Self {
        Self {
            remote: Some(remote),
            ..Self::default()
        }
    }

    /// The task that it is about.
    pub(super) fn remote(&self) -> Option<&RemoteTask> {
        self.remote.as_ref()
    }

    /// How the task stands, as far as that was told.
    pub(super) fn task(&self) -> Option<&Task> {
        self.task.as_ref()
    }

    /// How the task stands, to be kept.
    pub(super) fn into_task(self) -> Option<Task> {
        self.task
    }

    /// Whether there is an answer without a task, to which nothing can come.
    pub(super) const fn is_final(&self) -> bool {
        self.reply.is_some()
    }

    /// Whether the task does not go on by itself any more, or there is an answer without one.
    pub(super) fn is_at_rest(&self) -> bool {
        let task = self.task.as_ref();
        self.is_final() || task.is_some_and(|task| task.state != TaskState::Live)
    }

    /// Takes in an event that was `bytes` long, and gives back the words in it that those who watch may read.
    ///
    /// # Errors
    /// When the artifacts become more than one value may be.
    pub(super) fn take(&mut self, event: Event, bytes: usize) -> Result<Option<String>, CallError> {
        let words = match event {
            Event::Message(message) if self.task.is_some() => message.text(),
            Event::Message(message) => {
                self.reply = Some(message);
                return Ok(None);
            }
            Event::Task(task) => {
                if self.is_about(Some(&task.id), task.context_id.as_ref()) {
                    self.see(task);
                }
                return Ok(None);
            }
            Event::Status(update) if self.is_about_ours(&update.about) => self.change(update),
            Event::Artifact(mut update) if self.is_about_ours(&update.about) => {
                update.artifact.bytes = bytes;
                self.add(update)?
            }
            Event::Status(_) | Event::Artifact(_) => return Ok(None),
        };
        Ok(Some(words).filter(|words| !words.is_empty()))
    }

    /// Takes in how the task stands as a whole. A state that is final stays, whatever an agent sees of it late, and so
    /// do artifacts that it leaves out.
    pub(super) fn see(&mut self, mut seen: Task) {
        if let Some(before) = self.task.take() {
            if before.state.is_terminal() && !seen.state.is_terminal() {
                (seen.state, seen.message, seen.since) = (before.state, before.message.clone(), before.since);
            }
            self.is_message_counted &= seen.message == before.message;
            if seen.artifacts.is_empty() {
                seen.artifacts = before.artifacts;
            } else {
                self.artifact_bytes = 0;
            }
        }
        self.task = Some(seen);
    }

    /// What became of it, once it is at rest.
    pub(super) fn answer(self) -> Option<Answer> {
        let (mut reported, is_counted) = (self.reported, self.is_message_counted);
        if let Some(reply) = self.reply {
            return Some(answer::from_message(reply, reported));
        }
        let task = self.task?;
        for artifact in &task.artifacts {
            reported.result(&artifact.metadata);
        }
        if let Some(message) = task.message.as_ref().filter(|_| !is_counted) {
            reported.result(&message.metadata);
        }
        reported.result(&task.metadata);
        answer::from_task(task, reported)
    }

    fn is_about_ours(&mut self, about: &About) -> bool {
        self.is_about(about.task_id.as_ref(), about.context_id.as_ref())
    }

    /// Whether an event is about this task. The first that is named is; what names none is about the one that is known.
    fn is_about(&mut self, task_id: Option<&String>, context_id: Option<&String>) -> bool {
        match (&self.remote, task_id) {
            (Some(remote), Some(task_id)) => remote.task_id == *task_id,
            (Some(_), None) => true,
            (None, None) => false,
            (None, Some(task_id)) => {
                self.remote = Some(RemoteTask {
                    task_id: task_id.clone(),
                    context_id: context_id.cloned(),
                });
                true
            }
        }
    }

    fn change(&mut self, update: StatusUpdate) -> String {
        let message = update.message.as_ref();
        let words = message.map(Message::text).unwrap_or_default();
        self.reported
            .status_update(&update.metadata, message.map(|message| &message.metadata));
        self.is_message_counted = true;
        let task = self.known();
        (task.state, task.message, task.since) = (update.state, update.message, update.since);
        if let Some(word) = update.metadata.get(answer::RETRYABLE) {
            task.metadata.insert(answer::RETRYABLE.to_owned(), word.clone());
        }
        words
    }

    fn add(&mut self, update: ArtifactUpdate) -> Result<String, CallError> {
        self.reported.result(&update.metadata);
        let words = update.artifact.text();
        let piece = update.artifact;
        let all = self.artifact_bytes.saturating_add(piece.bytes);
        let artifacts = &mut self.known().artifacts;
        let same = artifacts.iter().rposition(|artifact| artifact.id == piece.id);
        let replaced = match same {
            Some(at) if update.appends => {
                let artifact = &mut artifacts[at];
                artifact.bytes = artifact.bytes.saturating_add(piece.bytes);
                artifact.parts.extend(piece.parts);
                artifact.metadata.extend(piece.metadata);
                0
            }
            Some(at) => std::mem::replace(&mut artifacts[at], piece).bytes,
            None if artifacts.len() >= MAX_ARTIFACTS => {
                return Err(CallError::protocol(format!(
                    "its task has more than {MAX_ARTIFACTS} artifacts"
                )));
            }
            None => {
                artifacts.push(piece);
                0
            }
        };
        self.artifact_bytes = all.saturating_sub(replaced);
        if self.artifact_bytes > MAX_REPLY_BYTES {
            let limit = MAX_REPLY_BYTES;
            return Err(TransportError::TooLarge { limit }.into());
        }
        Ok(words)
    }

    /// How the task stands, to be changed. One of which nothing was told works.
    fn known(&mut self) -> &mut Task {
        let remote = self.remote.as_ref();
        self.task.get_or_insert_with(|| Task {
            id: remote.map(|remote| remote.task_id.clone()).unwrap_or_default(),
            context_id: remote.and_then(|remote| remote.context_id.clone()),
            ..Task::default()
        })
    }
}
