//! What a breaker takes over from a snapshot: its own of before a restart, or another replica's.
//!
//! A snapshot comes from outside. Whatever it says, no open time reaches further than the settings allow, so
//! that no snapshot can make a breaker stuck.

use jiff::Timestamp;

use super::{Breaker, Phase, after};
use crate::settings::Mode;
use crate::snapshot::{History, Reason, Snapshot, State, Transition};

impl Breaker {
    /// Goes on from a snapshot, and gives the change of state where it cannot go on in the same.
    ///
    /// The calls that were in flight in the snapshot are lost: a half-open breaker is open and lets the next call
    /// try, and one whose mode was forced is closed. Calls in flight here no longer count. The window starts
    /// empty, and settings and mode stay.
    ///
    /// ```
    /// use agentchains_breaker::{Breaker, Snapshot, State};
    /// use jiff::Timestamp;
    ///
    /// let now: Timestamp = "2026-11-22T12:00:00Z".parse()?;
    /// let mut before = Breaker::default();
    /// before.force_open(now);
    /// let stored = serde_json::to_string(&before.snapshot())?;
    ///
    /// let mut after = Breaker::default();
    /// after.restore(&serde_json::from_str::<Snapshot>(&stored)?, now);
    /// assert_eq!(after.state(), State::Open);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restore(&mut self, snapshot: &Snapshot, now: Timestamp) -> Option<Transition> {
        self.failure_count = snapshot.failure_count;
        self.openings_in_a_row = snapshot.openings_in_a_row;
        self.history = History::from_tail(&snapshot.transitions);
        if let Some(window) = &mut self.window {
            window.clear();
        }
        self.phase = match snapshot.state {
            State::Closed => Phase::Closed,
            State::Open | State::HalfOpen if snapshot.mode.is_forced() => Phase::Closed,
            State::Open => self.open_until(snapshot.opened_at, snapshot.retry_at, now),
            State::HalfOpen => self.open_until(None, None, now),
        };
        self.start_generation(self.history.last().map(|last| last.at));
        let (from, to) = (self.history.last().map(|last| last.to), self.phase.state());
        from.filter(|from| *from != to)
            .map(|from| self.remember(from, Reason::Restored, now))
    }

    /// Opens a closed breaker because another replica's is open, and gives the change of state.
    ///
    /// A hint is ignored when it is over, or from before this breaker last changed, so that a reset is not undone
    /// by what others knew before; when it was only observed or forced; and while this breaker is not closed or
    /// its mode is forced. A hint never closes a breaker: its own probe does.
    pub fn adopt(&mut self, hint: &Snapshot, now: Timestamp) -> Option<Transition> {
        let opened_at = hint.opened_at.filter(|_| hint.state == State::Open)?;
        let retry_at = hint.retry_at.filter(|retry_at| *retry_at > now)?;
        let is_newer = self.changed_at.is_none_or(|changed_at| opened_at > changed_at);
        let is_closed = matches!(self.phase, Phase::Closed) && !self.settings.mode.is_forced();
        if !is_newer || !is_closed || hint.mode != Mode::Normal {
            return None;
        }
        self.failure_count = hint.failure_count;
        self.openings_in_a_row = hint.openings_in_a_row;
        let phase = self.open_until(Some(opened_at), Some(retry_at), now);
        self.enter(phase, Reason::Hint, now)
    }

    /// Open with the times of a snapshot, as far as they can be; without them, a call may try at once.
    fn open_until(&self, opened_at: Option<Timestamp>, retry_at: Option<Timestamp>, now: Timestamp) -> Phase {
        let latest = after(now, self.settings.longest_open_time());
        Phase::Open {
            opened_at: opened_at.unwrap_or(now).min(now),
            retry_at: retry_at.unwrap_or(now).min(latest),
        }
    }
}
