//! One task of the built-in agent: how it stands, and everything that has happened to it.

use agentchains_engine::Engine;
use futures_util::{StreamExt as _, stream};
use serde_json::Map;
use tokio::{sync::watch, time::sleep};

use super::{new_id, script::Step};
use crate::{
    agent::Followed,
    model::{Artifact, ArtifactUpdate, Message, Part, StatusUpdate, Task, TaskState, TaskStatus, Update},
};

/// The one artifact of a task.
const ARTIFACT: &str = "result";

/// A task. Clones share it.
#[derive(Clone)]
pub(super) struct Record {
    standing: watch::Sender<Standing>,
    /// Tells the time.
    engine: Engine,
}

struct Standing {
    task: Task,
    happened: Vec<Update>,
}

impl Record {
    pub(super) fn new(engine: Engine, id: String, context_id: String) -> Self {
        let task = Task {
            id,
            context_id,
            status: TaskStatus {
                state: TaskState::Submitted,
                message: None,
                timestamp: engine.now(),
            },
            artifacts: Vec::new(),
            history: Vec::new(),
            metadata: Map::new(),
        };
        let happened = Vec::new();
        Self {
            standing: watch::Sender::new(Standing { task, happened }),
            engine,
        }
    }

    pub(super) fn id(&self) -> String {
        self.standing.borrow().task.id.clone()
    }

    pub(super) fn task(&self) -> Task {
        self.standing.borrow().task.clone()
    }

    /// A message has come for it.
    pub(super) fn heard(&self, message: Message) {
        self.standing.send_modify(|standing| {
            let Standing { task, .. } = standing;
            task.history.push(Message {
                task_id: Some(task.id.clone()),
                context_id: Some(task.context_id.clone()),
                ..message
            });
        });
    }

    /// Lets this happen to it, until it is terminal.
    pub(super) async fn play(self, steps: Vec<Step>) {
        for step in steps {
            let goes_on = match step {
                Step::Waits(duration) => {
                    sleep(duration).await;
                    true
                }
                Step::ComesTo(state, text) => self.come_to(state, text),
                Step::Gives(part) => self.give(part, false, true),
                Step::GivesChunk(part, is_last) => self.give(part, is_last, is_last),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// It comes to be in a state. False where it is terminal already.
    pub(super) fn come_to(&self, state: TaskState, text: Option<String>) -> bool {
        self.happens(|task| {
            let parts = text.map(|text| vec![Part::text(text)]);
            let message = parts.map(|parts| Message::of_agent(new_id(), &task.id, &task.context_id, parts));
            task.status = TaskStatus {
                state,
                message,
                timestamp: self.engine.now(),
            };
            Update::Status(StatusUpdate {
                task_id: task.id.clone(),
                context_id: task.context_id.clone(),
                status: task.status.clone(),
                metadata: Map::new(),
            })
        })
    }

    fn give(&self, part: Part, append: bool, last_chunk: bool) -> bool {
        self.happens(|task| {
            let artifact = Artifact {
                artifact_id: ARTIFACT.to_owned(),
                name: ARTIFACT.to_owned(),
                parts: vec![part],
            };
            match task.artifacts.first_mut().filter(|_| append) {
                Some(begun) => begun.parts.extend(artifact.parts.iter().cloned()),
                None => task.artifacts = vec![artifact.clone()],
            }
            Update::Artifact(ArtifactUpdate {
                task_id: task.id.clone(),
                context_id: task.context_id.clone(),
                artifact,
                append,
                last_chunk,
            })
        })
    }

    fn happens(&self, change: impl FnOnce(&mut Task) -> Update) -> bool {
        self.standing.send_if_modified(|standing| {
            let is_live = !standing.task.status.state.is_terminal();
            if is_live {
                let update = change(&mut standing.task);
                standing.happened.push(update);
            }
            is_live
        })
    }

    /// It as it stands, and what happens to it from then on.
    pub(super) fn follow(&self) -> Followed {
        let mut standing = self.standing.subscribe();
        let (task, seen) = {
            let now = standing.borrow_and_update();
            (now.task.clone(), now.happened.len())
        };
        let updates = stream::unfold((standing, seen), |(mut standing, seen)| async move {
            let next = standing
                .wait_for(|now| now.happened.len() > seen || now.task.status.state.is_terminal())
                .await
                .ok()?
                .happened
                .get(seen)?
                .clone();
            Some((Ok(next), (standing, seen.saturating_add(1))))
        });
        Followed {
            task,
            updates: updates.boxed(),
        }
    }
}
