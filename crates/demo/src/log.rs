//! The request log: what the agents were really asked, as an outside witness sees it.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::Serialize;

/// One request, recorded before it was acted upon. In the file it is one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedRequest {
    /// The agent's id.
    pub agent: String,
    /// The JSON-RPC method; `agent-card` for the card, `malformed` for what is no JSON-RPC request.
    pub method: String,
    /// The id of the message that was sent, if one was.
    pub message_id: Option<String>,
    /// The id of the task that was asked for, if one was.
    pub task_id: Option<String>,
    /// When it arrived.
    pub at: Timestamp,
}

/// Remembers requests in memory, and in a file if one is given. Clones share one log.
#[derive(Debug, Clone)]
pub struct RequestLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    memory: Mutex<Memory>,
    file: Option<Mutex<File>>,
}

#[derive(Debug, Default)]
struct Memory {
    recent: VecDeque<LoggedRequest>,
    total: u64,
}

/// How many requests are remembered; older ones are in the file only.
const REMEMBERED: usize = 100_000;

impl RequestLog {
    /// A log that also appends to the file at `path`, if there is one.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = path
            .map(|path| OpenOptions::new().create(true).append(true).open(path))
            .transpose()?;
        let shared = Shared {
            memory: Mutex::default(),
            file: file.map(Mutex::new),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The latest 100,000 requests, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<LoggedRequest> {
        self.with_memory(|memory| memory.recent.iter().cloned().collect())
    }

    /// How many of [`RequestLog::entries`] went to this agent by this method.
    #[must_use]
    pub fn count(&self, agent: &str, method: &str) -> usize {
        self.with_memory(|memory| {
            memory
                .recent
                .iter()
                .filter(|entry| entry.agent == agent && entry.method == method)
                .count()
        })
    }

    /// How many requests there have been in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.with_memory(|memory| memory.total)
    }

    /// Remembers a request. When there is a file, it is on disk when this returns.
    pub(crate) async fn record(&self, request: LoggedRequest) -> io::Result<()> {
        if self.shared.file.is_some() {
            let mut line = serde_json::to_vec(&request)?;
            line.push(b'\n');
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || shared.append(&line))
                .await
                .map_err(io::Error::other)??;
        }
        self.with_memory(|memory| {
            memory.total = memory.total.saturating_add(1);
            if memory.recent.len() == REMEMBERED {
                memory.recent.pop_front();
            }
            memory.recent.push_back(request);
        });
        Ok(())
    }

    fn with_memory<R>(&self, read: impl FnOnce(&mut Memory) -> R) -> R {
        read(&mut self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn append(&self, line: &[u8]) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line)?;
        file.sync_data()
    }
}

/// The present moment, for the log and for the time stamps of tasks.
#[expect(
    clippy::disallowed_methods,
    reason = "these agents stand for other people's programs, which have clocks"
)]
pub(crate) fn wall_clock() -> Timestamp {
    Timestamp::now()
}
