//! The built-in agent with the behaviours that the protocol's test kit (a2a-tck, `scenarios/*.feature`) expects of an
//! agent under test. What it does follows from how the id of a message begins. Its tasks are in memory, and the oldest
//! are forgotten.

mod record;
mod script;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agentchains_engine::{Caller, Engine};
use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use self::{
    record::Record,
    script::{Script, script},
};
use crate::{
    agent::{Agent, Followed, Profile, Sent, TaskPage},
    error::{A2aError, Reason},
    model::{Message, Part, Role, TaskState},
    request::ListRequest,
};

/// Tasks that are kept.
const MAX_TASKS: usize = 1_000;

/// The tasks of all callers. Clones share them.
#[derive(Clone)]
pub(crate) struct TckTasks {
    tasks: Arc<Mutex<VecDeque<(String, Record)>>>,
    /// Tells the time.
    engine: Engine,
    since: Timestamp,
}

/// The agent, as one caller uses it.
pub(crate) struct TckAgent {
    tasks: TckTasks,
    caller: Caller,
}

impl TckTasks {
    /// None yet.
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            tasks: Arc::default(),
            since: engine.now(),
            engine,
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, Record)>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, tenant: &str, record: Record) {
        let mut tasks = self.lock();
        if tasks.len() >= MAX_TASKS {
            tasks.pop_front();
        }
        tasks.push_back((tenant.to_owned(), record));
    }

    /// Those of a tenant, newest first.
    fn of(&self, tenant: &str) -> Vec<Record> {
        let tasks = self.lock();
        let own = tasks.iter().rev().filter(|(owner, _)| owner == tenant);
        own.map(|(_, record)| record.clone()).collect()
    }
}

impl TckAgent {
    pub(crate) const fn new(tasks: TckTasks, caller: Caller) -> Self {
        Self { tasks, caller }
    }

    fn record(&self, id: &str) -> Result<Record, A2aError> {
        let own = self.tasks.of(&self.caller.tenant);
        let mut own = own.into_iter();
        own.find(|record| record.id() == id)
            .ok_or_else(A2aError::task_not_found)
    }

    /// The task that a message goes on with.
    fn continued(&self, id: &str, message: &Message) -> Result<Record, A2aError> {
        let record = self.record(id)?;
        let task = record.task();
        if message
            .context_id
            .as_ref()
            .is_some_and(|named| *named != task.context_id)
        {
            return Err(A2aError::field(
                "message.contextId",
                "is not the context of the task",
            ));
        }
        if task.status.state.is_terminal() {
            return Err(A2aError::unsupported(
                "the task has ended and takes no further messages",
            ));
        }
        Ok(record)
    }

    fn begun(&self, message: &Message) -> Record {
        let context_id = message.context_id.clone().unwrap_or_else(new_id);
        let record = Record::new(self.tasks.engine.clone(), new_id(), context_id);
        self.tasks.add(&self.caller.tenant, record.clone());
        record
    }
}

#[async_trait]
impl Agent for TckAgent {
    fn profile(&self) -> Profile {
        Profile {
            name: "a2a-tck".to_owned(),
            description: "Does what the test kit of the protocol expects of an agent under test".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            skill_id: "tck".to_owned(),
            input_modes: vec!["text/plain", "application/json"],
            input_schema: None,
            modified: self.tasks.since,
            // The kit names no version, and takes other fields than those of 1.0 for faults.
            has_old_card: false,
        }
    }

    async fn send(&self, message: Message) -> Result<Sent, A2aError> {
        let script = script(&message.message_id);
        let steps = match script {
            Script::Says(text) => {
                return Ok(Sent::Message(Message {
                    message_id: new_id(),
                    context_id: Some(message.context_id.unwrap_or_else(new_id)),
                    role: Role::Agent,
                    parts: vec![Part::text(text)],
                    ..message
                }));
            }
            Script::Refuses(why) => return Err(A2aError::unsupported(why)),
            Script::Does(steps) => steps,
        };
        let record = match &message.task_id {
            Some(id) => {
                let record = self.continued(id, &message)?;
                // It does not ask any more.
                record.come_to(TaskState::Working, None);
                record
            }
            None => self.begun(&message),
        };
        record.heard(message);
        let followed = record.follow();
        tokio::spawn(async move { record.play(steps).await });
        Ok(Sent::Task(followed))
    }

    async fn task(&self, id: &str) -> Result<crate::model::Task, A2aError> {
        Ok(self.record(id)?.task())
    }

    async fn tasks(&self, wanted: &ListRequest) -> Result<TaskPage, A2aError> {
        let own = self.tasks.of(&self.caller.tenant);
        let mut tasks: Vec<_> = own.iter().map(Record::task).collect();
        tasks.retain(|task| {
            wanted.wants(&task.status)
                && wanted
                    .context_id
                    .as_ref()
                    .is_none_or(|context| *context == task.context_id)
        });
        tasks.sort_by_key(|task| std::cmp::Reverse(task.status.timestamp));
        let total = tasks.len();
        let first = match &wanted.page_token {
            Some(token) => token
                .parse()
                .map_err(|_| A2aError::field("pageToken", "is not one that this list gave out"))?,
            None => 0_usize,
        };
        let size = usize::try_from(wanted.page_size).unwrap_or(usize::MAX);
        let mut page: Vec<_> = tasks.into_iter().skip(first).take(size).collect();
        if !wanted.include_artifacts {
            page.iter_mut().for_each(|task| task.artifacts.clear());
        }
        let next = first.saturating_add(page.len());
        Ok(TaskPage {
            next_page_token: if next < total {
                next.to_string()
            } else {
                String::new()
            },
            total_size: total as u64,
            tasks: page,
        })
    }

    async fn cancel(&self, id: &str) -> Result<(), A2aError> {
        if self.record(id)?.come_to(TaskState::Canceled, None) {
            return Ok(());
        }
        Err(A2aError::new(Reason::TaskNotCancelable, "the task has ended"))
    }

    async fn follow(&self, id: &str) -> Result<Followed, A2aError> {
        Ok(self.record(id)?.follow())
    }
}

fn new_id() -> String {
    Uuid::now_v7().to_string()
}
