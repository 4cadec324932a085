//! The agent's log, read from outside while the agent writes it: the witness of what was called, and when.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::error::{LoadError, Result, While as _};

/// Between two looks at the log.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How long the agent may take to be called.
const CALLED_WITHIN: Duration = Duration::from_secs(120);

/// What has been read of the log.
pub(crate) struct AgentLog {
    path: PathBuf,
    offset: u64,
    /// The beginning of a line that is not complete.
    rest: String,
    /// How often each message came, by its id.
    pub(crate) received: BTreeMap<String, u32>,
    /// Requests that have come.
    pub(crate) received_count: usize,
    /// Requests that were answered.
    pub(crate) answered_count: usize,
    /// When the last one came, on the clock of `monotonic_nanos`.
    pub(crate) last_received_at: i128,
}

impl AgentLog {
    pub(crate) fn of(path: PathBuf) -> Self {
        Self {
            path,
            offset: 0,
            rest: String::new(),
            received: BTreeMap::new(),
            received_count: 0,
            answered_count: 0,
            last_received_at: 0,
        }
    }

    /// Reads what was added.
    ///
    /// # Errors
    /// When the log cannot be read or is no such log.
    pub(crate) fn read(&mut self) -> Result<()> {
        let mut file = File::open(&self.path).during("open the agent's log")?;
        file.seek(SeekFrom::Start(self.offset))
            .during("read the agent's log")?;
        let mut added = String::new();
        let length = file.read_to_string(&mut added).during("read the agent's log")?;
        self.offset += length as u64;
        let text = std::mem::take(&mut self.rest) + &added;
        let (lines, rest) = text.rsplit_once('\n').unwrap_or(("", &text));
        self.rest = rest.to_owned();
        for line in lines.lines() {
            self.take(line)
                .ok_or_else(|| LoadError::new(format!("read the agent's log: {line:?}")))?;
        }
        Ok(())
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let (what, at, message_id) = (words.next()?, words.next()?, words.next()?);
        if what == "answered" {
            self.answered_count += 1;
            return Some(());
        }
        self.received_count += 1;
        self.last_received_at = at.parse().ok()?;
        *self.received.entry(message_id.to_owned()).or_default() += 1;
        Some(())
    }

    /// Waits until that many requests have come.
    ///
    /// # Errors
    /// When they do not come.
    pub(crate) async fn until_received(&mut self, count: usize) -> Result<()> {
        let deadline = Instant::now() + CALLED_WITHIN;
        loop {
            self.read()?;
            if self.received_count >= count {
                return Ok(());
            }
            if Instant::now() > deadline {
                let found = self.received_count;
                return Err(LoadError::new(format!("see {count} calls: there were {found}")));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
