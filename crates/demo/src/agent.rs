//! One running agent: its skill, its tasks, and what it remembers of its callers.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    ask::Ask,
    log::{LoggedRequest, RequestLog, wall_clock},
    message::Message,
    skills::{Mishaps, Skill, Verdict},
    tasks::{Ending, Full, NewTask, Task, TaskTable},
};

/// An agent behind its server.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) skill: &'static Skill,
    /// Its address, without a slash at the end.
    pub(crate) base: String,
    pub(crate) log: RequestLog,
    delay: Option<Duration>,
    tasks: Mutex<TaskTable>,
    mishaps: Mutex<Mishaps>,
}

/// Why a message was not taken.
#[derive(Debug)]
pub(crate) struct Unavailable;

impl Agent {
    pub(crate) fn new(skill: &'static Skill, base: String, delay: Option<Duration>, log: RequestLog) -> Self {
        Self {
            skill,
            base,
            log,
            delay,
            tasks: Mutex::default(),
            mishaps: Mutex::default(),
        }
    }

    /// Takes a message of `size` bytes and starts a task for it. Returns the task's id.
    pub(crate) fn start(&self, message: Message, size: usize) -> Result<String, Unavailable> {
        let ask = Ask::from_parts(&message.parts);
        let verdict = if self.skill.flaky {
            self.mishaps
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .verdict(&ask)
        } else {
            Verdict::Answer
        };
        let ending = match verdict {
            Verdict::Refuse => return Err(Unavailable),
            Verdict::Fail => Ending::Failed {
                message: "this agent fails its first attempt on purpose; ask again".to_owned(),
                cost_usd: self.skill.cost_usd,
            },
            Verdict::Answer => Ending::Completed(self.skill.answer(&ask)),
        };
        let task = NewTask {
            context_id: message.context_id,
            message: message.original,
            delay: self.delay.unwrap_or_else(|| self.skill.delay(&ask)),
            ending,
            size,
        };
        let id = self
            .tasks()
            .insert(task, Instant::now(), wall_clock())
            .map_err(|Full| Unavailable)?;
        Ok(id.to_string())
    }

    /// Waits until the task has ended. Its id is not known outside before that, so nobody
    /// cancels it meanwhile.
    pub(crate) async fn ended(&self, task_id: &str) {
        let due = self.tasks().get(task_id).map(Task::due);
        if let Some(due) = due {
            tokio::time::sleep_until(due).await;
        }
    }

    /// The task as A2A shows it.
    pub(crate) fn task(&self, task_id: &str, history_length: Option<u64>) -> Option<Value> {
        self.tasks()
            .get(task_id)
            .map(|task| task.to_json(Instant::now(), history_length))
    }

    /// The tasks, locked for a moment.
    pub(crate) fn tasks(&self) -> MutexGuard<'_, TaskTable> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request, durably when the log has a file.
    pub(crate) async fn witness(
        &self,
        method: &str,
        message_id: Option<String>,
        task_id: Option<String>,
    ) -> std::io::Result<()> {
        let (agent, method) = (self.skill.id.to_owned(), method.to_owned());
        self.log
            .record(LoggedRequest {
                agent,
                method,
                message_id,
                task_id,
                at: wall_clock(),
            })
            .await
    }
}
