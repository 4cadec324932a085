//! What becomes of an execution, as updates of a task.

use std::collections::VecDeque;

use agentchains_engine::{
    EventStream, Live, Said,
    machine::{Event, EventType, ExecutionId, ExecutionRow},
};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{WorkflowAgent, task::state_of};
use crate::{
    agent::{Followed, Updates},
    error::A2aError,
    model::{ArtifactUpdate, Message, Part, StatusUpdate, Task, TaskState, TaskStatus, Update},
};

/// What the types of events about nodes begin with.
const NODE: &str = "node.";

/// An execution that is watched.
struct Watching {
    agent: WorkflowAgent,
    id: ExecutionId,
    task_id: String,
    context_id: String,
    events: EventStream,
    /// What is to be told before anything else that happens.
    told_next: VecDeque<Update>,
    has_ended: bool,
}

impl WorkflowAgent {
    /// An execution as a task, and what becomes of it after this row.
    pub(super) async fn followed(&self, row: ExecutionRow) -> Result<Followed, A2aError> {
        let events = self.engine.follow(&self.caller, row.id, row.last_seq).await?;
        let task = self.billed_task(&row).await?;
        let watching = Watching {
            agent: self.clone(),
            id: row.id,
            task_id: task.id.clone(),
            context_id: task.context_id.clone(),
            events,
            told_next: VecDeque::new(),
            has_ended: false,
        };
        let updates: Updates = stream::unfold(watching, |mut watching| async {
            let update = watching.next().await.transpose()?;
            Some((update, watching))
        })
        .boxed();
        Ok(Followed { task, updates })
    }
}

impl Watching {
    /// The next update; `None` once the task is terminal, and when the engine has stopped.
    async fn next(&mut self) -> Result<Option<Update>, A2aError> {
        loop {
            if let Some(update) = self.told_next.pop_front() {
                return Ok(Some(update));
            }
            if self.has_ended {
                return Ok(None);
            }
            let taken = match self.events.next_live().await {
                Ok(Some(Live::Event(event))) => self.take(&event).await,
                Ok(Some(Live::Said(said))) => {
                    self.told_next.push_back(self.said(&said));
                    Ok(())
                }
                Ok(None) => {
                    self.has_ended = true;
                    Ok(())
                }
                Err(error) => Err(error.into()),
            };
            // After a failure there would be a gap.
            self.has_ended |= taken.is_err();
            taken?;
        }
    }

    async fn take(&mut self, event: &Event) -> Result<(), A2aError> {
        match event.kind {
            EventType::ExecutionCompleted | EventType::ExecutionFailed | EventType::ExecutionCancelled => {
                let row = self.agent.engine.execution(&self.agent.caller, self.id).await?;
                let task = self.agent.billed_task(&row).await?;
                self.ends(task);
            }
            EventType::ExecutionPaused => {
                let row = self.agent.engine.execution(&self.agent.caller, self.id).await?;
                // Otherwise it has gone on already, of which later events tell.
                if state_of(&row) == TaskState::InputRequired {
                    let status = self.agent.status_of(&row).await?;
                    self.told_next.push_back(self.status(status, Map::new()));
                }
            }
            EventType::ExecutionStarted | EventType::ExecutionResumed | EventType::ExecutionCancelling => {
                self.told_next.push_back(self.happened(event));
            }
            kind if kind.as_str().starts_with(NODE) => self.told_next.push_back(self.happened(event)),
            _ => {}
        }
        Ok(())
    }

    /// The results come before the end, which ends the stream.
    fn ends(&mut self, task: Task) {
        for artifact in task.artifacts {
            self.told_next.push_back(Update::Artifact(ArtifactUpdate {
                task_id: self.task_id.clone(),
                context_id: self.context_id.clone(),
                artifact,
                append: false,
                last_chunk: true,
            }));
        }
        self.told_next.push_back(self.status(task.status, task.metadata));
        self.has_ended = true;
    }

    /// Something happened while the task works; what it happened to stands in the metadata, and of a node also in words.
    fn happened(&self, event: &Event) -> Update {
        let kind = event.kind.as_str();
        let mut metadata = Map::from_iter([("event".to_owned(), Value::from(kind))]);
        let path = event.data.member("path");
        let path = path.as_ref().and_then(|path| path.as_text());
        let message = path.map(|path| {
            metadata.insert("path".to_owned(), path.as_ref().into());
            let words = format!("{path}: {}", kind.trim_start_matches(NODE));
            self.says(format!("{}-{}", self.task_id, event.seq), words)
        });
        self.works(event.at, message, metadata)
    }

    /// An agent says something.
    fn said(&self, said: &Said) -> Update {
        let metadata = Map::from_iter([
            ("event".to_owned(), "node.progress".into()),
            ("path".to_owned(), said.path.as_str().into()),
        ]);
        // It has no number; the moment tells it from what is said before and after it.
        let id = format!("{}-{}-{}-{}", self.task_id, said.path, said.attempt, said.at);
        self.works(said.at, Some(self.says(id, said.text.clone())), metadata)
    }

    fn says(&self, message_id: String, text: String) -> Message {
        Message::of_agent(
            message_id,
            &self.task_id,
            &self.context_id,
            vec![Part::text(text)],
        )
    }

    fn works(&self, at: Timestamp, message: Option<Message>, metadata: Map<String, Value>) -> Update {
        let status = TaskStatus {
            state: TaskState::Working,
            message,
            timestamp: at,
        };
        self.status(status, metadata)
    }

    fn status(&self, status: TaskStatus, metadata: Map<String, Value>) -> Update {
        Update::Status(StatusUpdate {
            task_id: self.task_id.clone(),
            context_id: self.context_id.clone(),
            status,
            metadata,
        })
    }
}
