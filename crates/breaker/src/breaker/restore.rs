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
    /// One that was held open by hand still is. The calls that were in flight in the snapshot are lost: a half-open
    /// breaker is open and lets the next call try, and one whose mode was forced is closed. Calls in flight here no
    /// longer count. The window starts empty, and settings and mode stay.
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
            // Whatever the mode showed instead.
            _ if snapshot.held_open => Phase::Open {
                opened_at: snapshot.opened_at.unwrap_or(now).min(now),
                retry_at: None,
            },
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

    /// Opens a closed breaker because another replica's is open, and gives the change of state. What a hand does there
    /// holds here too: its breaker is held open, until it is reset.
    ///
    /// A hint is ignored when it is over, or from before this breaker last changed, so that a reset is not undone
    /// by what others knew before; when it was only observed or forced; and while this breaker is open or half-open
    /// by itself or its mode is forced. Only a reset closes a breaker from afar: otherwise its own probe does.
    pub fn adopt(&mut self, hint: &Snapshot, now: Timestamp) -> Option<Transition> {
        if self.settings.mode.is_forced() || hint.mode != Mode::Normal {
            return None;
        }
        let is_news = |at: Timestamp| self.changed_at.is_none_or(|changed_at| at > changed_at);
        let opened_at = hint
            .opened_at
            .filter(|opened_at| hint.state == State::Open && is_news(*opened_at));
        match (opened_at, self.phase) {
            (Some(opened_at), _) if hint.held_open => self.hold_open(Reason::Hint, opened_at.min(now)),
            (Some(opened_at), Phase::Closed) => {
                let retry_at = hint.retry_at.filter(|retry_at| *retry_at > now)?;
                self.failure_count = hint.failure_count;
                self.openings_in_a_row = hint.openings_in_a_row;
                let phase = self.open_until(Some(opened_at), Some(retry_at), now);
                self.enter(phase, Reason::Hint, now)
            }
            (_, Phase::Open { retry_at: None, .. }) => {
                let is_reset = |step: &Transition| step.reason == Reason::Reset && is_news(step.at);
                let is_reset_there = hint.transitions.iter().any(is_reset);
                is_reset_there.then(|| self.close(Reason::Hint, now)).flatten()
            }
            _ => None,
        }
    }

    /// Open with the times of a snapshot, as far as they can be; without them, a call may try at once.
    fn open_until(&self, opened_at: Option<Timestamp>, retry_at: Option<Timestamp>, now: Timestamp) -> Phase {
        let latest = after(now, self.settings.longest_open_time());
        Phase::Open {
            opened_at: opened_at.unwrap_or(now).min(now),
            retry_at: Some(retry_at.unwrap_or(now).min(latest)),
        }
    }
}
