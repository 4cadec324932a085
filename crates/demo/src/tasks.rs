//! The task table of one agent. A task's state is a function of the time: it is submitted, then worked on, and
//! when its delay is over it has ended, unless it was cancelled before that.
//!
//! The table is bounded in number and in bytes: the oldest finished tasks are forgotten first, and when all are
//! alive nothing new is taken.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::skills::Answer;

/// The most tasks that are kept.
const MAX_TASKS: usize = 1000;

/// The most bytes of messages and answers that are kept.
const MAX_BYTES: usize = 64 << 20;

/// How a task will end, if nobody cancels it.
#[derive(Debug)]
pub(crate) enum Ending {
    Completed(Answer),
    Failed { message: String, cost_usd: f64 },
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Submitted,
    Working,
    Completed,
    Failed,
    Canceled,
}

/// What a task is made of.
#[derive(Debug)]
pub(crate) struct NewTask {
    pub(crate) context_id: Option<String>,
    /// The message that asked for it.
    pub(crate) message: Value,
    pub(crate) delay: Duration,
    pub(crate) ending: Ending,
    /// Bytes that it keeps in memory, roughly.
    pub(crate) size: usize,
}

/// One task.
#[derive(Debug)]
pub(crate) struct Task {
    id: Uuid,
    context_id: String,
    message: Value,
    ending: Ending,
    size: usize,
    created: Instant,
    created_at: Timestamp,
    delay: Duration,
    cancelled: Option<Instant>,
}

/// The tasks of one agent, oldest first: version 7 UUIDs sort by the time they were made.
#[derive(Debug, Default)]
pub(crate) struct TaskTable {
    tasks: BTreeMap<Uuid, Task>,
    bytes: usize,
}

/// The table holds as many tasks in progress as it can.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Submitted => "TASK_STATE_SUBMITTED",
            Self::Working => "TASK_STATE_WORKING",
            Self::Completed => "TASK_STATE_COMPLETED",
            Self::Failed => "TASK_STATE_FAILED",
            Self::Canceled => "TASK_STATE_CANCELED",
        }
    }

    /// Whether nothing happens to the task any more.
    pub(crate) const fn is_terminal(self) -> bool {
        !matches!(self, Self::Submitted | Self::Working)
    }
}

impl TaskTable {
    /// Adds a task and returns its id.
    pub(crate) fn insert(&mut self, new: NewTask, now: Instant, now_at: Timestamp) -> Result<Uuid, Full> {
        while self.tasks.len() >= MAX_TASKS || self.bytes.saturating_add(new.size) > MAX_BYTES {
            let oldest = self
                .tasks
                .values()
                .find(|task| task.state(now).is_terminal())
                .ok_or(Full)?
                .id;
            let forgotten = self.tasks.remove(&oldest).map_or(0, |task| task.size);
            self.bytes = self.bytes.saturating_sub(forgotten);
        }
        let id = Uuid::now_v7();
        self.bytes = self.bytes.saturating_add(new.size);
        let task = Task {
            id,
            context_id: new.context_id.unwrap_or_else(|| Uuid::now_v7().to_string()),
            message: new.message,
            ending: new.ending,
            size: new.size,
            created: now,
            created_at: now_at,
            delay: new.delay,
            cancelled: None,
        };
        self.tasks.insert(id, task);
        Ok(id)
    }

    /// The task of this id.
    pub(crate) fn get(&self, id: &str) -> Option<&Task> {
        self.tasks.get(&Uuid::try_parse(id).ok()?)
    }

    /// The task of this id, to be changed.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Task> {
        self.tasks.get_mut(&Uuid::try_parse(id).ok()?)
    }
}

impl Task {
    /// Where it stands at `now`.
    pub(crate) fn state(&self, now: Instant) -> State {
        let elapsed = now.saturating_duration_since(self.created);
        if self.cancelled.is_some() {
            State::Canceled
        } else if elapsed >= self.delay {
            match self.ending {
                Ending::Completed(_) => State::Completed,
                Ending::Failed { .. } => State::Failed,
            }
        } else if elapsed >= self.delay / 10 {
            State::Working
        } else {
            State::Submitted
        }
    }

    /// Cancels it. False when it has ended.
    pub(crate) fn cancel(&mut self, now: Instant) -> bool {
        if self.state(now).is_terminal() {
            return false;
        }
        self.cancelled = Some(now);
        true
    }

    /// Its context.
    pub(crate) fn context_id(&self) -> &str {
        &self.context_id
    }

    /// When it ends by itself.
    pub(crate) fn due(&self) -> Instant {
        self.created + self.delay
    }

    /// The task as A2A shows it, with at most `history_length` messages.
    pub(crate) fn to_json(&self, now: Instant, history_length: Option<u64>) -> Value {
        let state = self.state(now);
        let mut task = Map::new();
        task.insert("id".to_owned(), json!(self.id));
        task.insert("contextId".to_owned(), json!(self.context_id));
        task.insert("status".to_owned(), self.status(state));
        match (&self.ending, state) {
            (Ending::Completed(answer), State::Completed) => {
                let part = json!({"data": answer.output, "mediaType": "application/json"});
                task.insert(
                    "artifacts".to_owned(),
                    json!([{"artifactId": "answer", "parts": [part]}]),
                );
                let metadata = json!({
                    "cost_usd": answer.cost_usd,
                    "usage": {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens},
                });
                task.insert("metadata".to_owned(), metadata);
            }
            (Ending::Failed { cost_usd, .. }, State::Failed) => {
                task.insert("metadata".to_owned(), json!({"cost_usd": cost_usd}));
            }
            _ => {}
        }
        if history_length != Some(0) {
            task.insert("history".to_owned(), json!([self.message]));
        }
        Value::Object(task)
    }

    fn status(&self, state: State) -> Value {
        let since = match state {
            State::Submitted => Duration::ZERO,
            State::Working => self.delay / 10,
            State::Completed | State::Failed => self.delay,
            State::Canceled => self
                .cancelled
                .map_or(self.delay, |at| at.saturating_duration_since(self.created)),
        };
        let since = SignedDuration::try_from(since).unwrap_or_default();
        let at = self.created_at.checked_add(since).unwrap_or(self.created_at);
        let mut status = json!({"state": state.name(), "timestamp": format!("{at:.3}")});
        if let (State::Failed, Ending::Failed { message, .. }) = (state, &self.ending) {
            status["message"] = json!({
                "messageId": format!("{}-end", self.id),
                "role": "ROLE_AGENT",
                "parts": [{"text": message}],
            });
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_task(delay_ms: u64, size: usize) -> NewTask {
        NewTask {
            context_id: None,
            message: Value::Null,
            delay: Duration::from_millis(delay_ms),
            ending: Ending::Failed {
                message: "broken".to_owned(),
                cost_usd: 0.0,
            },
            size,
        }
    }

    fn insert(table: &mut TaskTable, task: NewTask, now: Instant) -> Result<String, Full> {
        table
            .insert(task, now, Timestamp::UNIX_EPOCH)
            .map(|id| id.to_string())
    }

    #[test]
    fn a_task_is_submitted_then_works_then_ends() {
        let (mut table, start) = (TaskTable::default(), Instant::now());
        let id = insert(&mut table, new_task(100, 1), start).unwrap();
        for (after_ms, state) in [(0, State::Submitted), (10, State::Working), (100, State::Failed)] {
            assert_eq!(
                table
                    .get(&id)
                    .unwrap()
                    .state(start + Duration::from_millis(after_ms)),
                state
            );
        }
    }

    #[test]
    fn only_a_task_that_has_not_ended_is_cancelled() {
        let (mut table, start) = (TaskTable::default(), Instant::now());
        let id = insert(&mut table, new_task(100, 1), start).unwrap();
        let task = table.get_mut(&id).unwrap();
        assert!(task.cancel(start));
        assert!(!task.cancel(start));
        assert_eq!(task.state(start + Duration::from_secs(9)), State::Canceled);
    }

    #[test]
    fn the_oldest_finished_tasks_make_room_and_live_ones_do_not() {
        let (mut table, start) = (TaskTable::default(), Instant::now());
        let live = insert(&mut table, new_task(100, 1), start).unwrap();
        let finished = insert(&mut table, new_task(0, MAX_BYTES / 2), start).unwrap();
        let next = insert(&mut table, new_task(100, MAX_BYTES - 1), start).unwrap();
        assert!(table.get(&live).is_some() && table.get(&next).is_some());
        assert!(table.get(&finished).is_none());
        assert_eq!(insert(&mut table, new_task(100, 1), start), Err(Full));
        let later = start + Duration::from_millis(100);
        assert!(insert(&mut table, new_task(100, 1), later).is_ok());
    }
}
