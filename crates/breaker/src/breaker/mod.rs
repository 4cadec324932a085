//! The breaker as a value: what it knows, and what a hand changes.
//!
//! | state | what happens | state after |
//! |---|---|---|
//! | closed | a call succeeds | closed, failures in a row forgotten |
//! | closed | the last of `failure_threshold` failures in a row | open |
//! | closed | a rate of the window is reached | open |
//! | open | a call asks before the open time is over, or while it is held open | open, refused |
//! | open | a call asks after it | half-open, admitted as a probe |
//! | open | a call asks after it, probes of an earlier generation in all places | open, refused |
//! | half-open | a call asks, fewer than `half_open_max_calls` probes in flight | half-open, admitted as a probe |
//! | half-open | a call asks, as many in flight | half-open, refused |
//! | half-open | a call asks, as many in flight for longer than `probe_lease` | open |
//! | half-open | a probe succeeds | closed |
//! | half-open | a probe fails, or is slow where slow calls open the breaker | open |
//! | any | reset by hand | closed |
//! | any | forced open by hand | open, held until a reset |
//! | closed | another replica's breaker is open | open |
//! | any | another replica's breaker is held open | open, held until a reset |
//! | held open | another replica's breaker was reset | closed |
//!
//! Each change of state, and each reset, starts a generation. An outcome counts only in the generation that
//! its call was admitted in: a success from before the breaker opened does not close it.
//!
//! [`Mode`] stands in front of the table: a forced mode answers without it and leaves it as it is, an observing
//! one follows it and admits what it refuses, uncounted.

mod calls;
mod restore;

use std::time::Duration;

use jiff::Timestamp;

use crate::probes::Probes;
use crate::recovery::open_time;
use crate::settings::{Mode, Settings};
use crate::snapshot::{History, Reason, Snapshot, State, Transition};
use crate::window::Counter;

/// When a call that was refused because of probes in flight should ask again: how they end cannot be foretold.
pub const PROBE_POLL: Duration = Duration::from_secs(1);

/// A circuit breaker.
///
/// Each call of it takes constant time, and none allocates while it stays closed.
///
/// ```
/// use agentchains_breaker::{Breaker, Settings, State, Verdict};
/// use jiff::Timestamp;
///
/// let mut breaker = Breaker::new(Settings::default());
/// let now: Timestamp = "2026-11-22T12:00:00Z".parse()?;
/// for _ in 0..5 {
///     let ticket = breaker.acquire(now)?;
///     breaker.record(ticket, Verdict::Failure, now);
/// }
/// assert_eq!(breaker.state(), State::Open);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Breaker {
    settings: Settings,
    seed: u64,
    phase: Phase,
    generation: u64,
    failure_count: u32,
    openings_in_a_row: u32,
    probes: Probes,
    /// There while the settings have a window.
    window: Option<Counter>,
    history: History,
    /// When the generation started; no hint from before counts.
    changed_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    #[default]
    Closed,
    Open {
        opened_at: Timestamp,
        /// `None` while it is held open by hand.
        retry_at: Option<Timestamp>,
    },
    HalfOpen,
}

impl Breaker {
    /// A closed breaker. Its jitter is that of the seed 0.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self::with_seed(settings, 0)
    }

    /// A closed breaker whose jitter follows from `seed`: the same seed and history give the same open times.
    #[must_use]
    pub fn with_seed(settings: Settings, seed: u64) -> Self {
        Self {
            window: settings.window.map(|window| Counter::new(window.span)),
            settings,
            seed,
            ..Self::default()
        }
    }

    /// Replaces the settings, the mode among them. What has happened stays: an open breaker keeps its time of
    /// retrying as far as the settings allow so long a time, and a window its calls unless it is another.
    pub fn configure(&mut self, settings: Settings) {
        if self.settings.window != settings.window {
            self.window = settings.window.map(|window| Counter::new(window.span));
        }
        self.settings = settings;
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Closes the breaker by hand and forgets its failures; calls in flight no longer count.
    ///
    /// Nothing happens in a forced mode.
    pub fn reset(&mut self, now: Timestamp) -> Option<Transition> {
        if self.settings.mode.is_forced() {
            return None;
        }
        self.close(Reason::Reset, now)
    }

    /// Opens the breaker by hand and holds it open: no call tries again before somebody
    /// [resets](Self::reset) it.
    ///
    /// Nothing happens in a forced mode.
    pub fn force_open(&mut self, now: Timestamp) -> Option<Transition> {
        if self.settings.mode.is_forced() {
            return None;
        }
        self.hold_open(Reason::ForcedOpen, now)
    }

    /// The state: in a forced mode the one that is forced, while the breaker observes the one that it would have.
    #[must_use]
    pub fn state(&self) -> State {
        match self.settings.mode {
            Mode::Normal | Mode::ObserveOnly => self.phase.state(),
            Mode::ForcedOpen => State::Open,
            Mode::ForcedClosed => State::Closed,
        }
    }

    /// What others may see.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (opened_at, retry_at) = match self.phase {
            Phase::Open { opened_at, retry_at } if !self.settings.mode.is_forced() => {
                (Some(opened_at), retry_at)
            }
            Phase::Open { .. } | Phase::Closed | Phase::HalfOpen => (None, None),
        };
        Snapshot {
            state: self.state(),
            failure_count: self.failure_count,
            opened_at,
            retry_at,
            half_open_in_flight: self.probes.in_flight(),
            mode: self.settings.mode,
            held_open: self.is_held_open(),
            openings_in_a_row: self.openings_in_a_row,
            window: self.window.as_ref().map(Counter::counts),
            transitions: self.history.to_vec(),
        }
    }

    /// Opens after calls that failed.
    fn trip(&mut self, reason: Reason, now: Timestamp) -> Option<Transition> {
        self.openings_in_a_row = self.openings_in_a_row.saturating_add(1);
        let opening = self.openings_in_a_row;
        let open_time = open_time(&self.settings, opening, self.seed, self.generation);
        let phase = Phase::Open {
            opened_at: now,
            retry_at: Some(after(now, open_time)),
        };
        self.enter(phase, reason, now)
    }

    fn hold_open(&mut self, reason: Reason, now: Timestamp) -> Option<Transition> {
        let phase = Phase::Open {
            opened_at: now,
            retry_at: None,
        };
        self.enter(phase, reason, now)
    }

    fn is_held_open(&self) -> bool {
        matches!(self.phase, Phase::Open { retry_at: None, .. })
    }

    fn close(&mut self, reason: Reason, now: Timestamp) -> Option<Transition> {
        self.failure_count = 0;
        self.openings_in_a_row = 0;
        if let Some(window) = &mut self.window {
            window.clear();
        }
        self.enter(Phase::Closed, reason, now)
    }

    /// Starts a generation; `None` when the state is the same as before.
    fn enter(&mut self, phase: Phase, reason: Reason, now: Timestamp) -> Option<Transition> {
        let from = self.phase.state();
        self.phase = phase;
        self.start_generation(Some(now));
        (from != phase.state()).then(|| self.remember(from, reason, now))
    }

    fn start_generation(&mut self, changed_at: Option<Timestamp>) {
        self.generation = self.generation.wrapping_add(1);
        self.changed_at = changed_at;
    }

    fn remember(&mut self, from: State, reason: Reason, at: Timestamp) -> Transition {
        let transition = Transition {
            at,
            from,
            to: self.phase.state(),
            reason,
            observed_only: self.settings.mode == Mode::ObserveOnly,
        };
        self.history.push(transition);
        transition
    }
}

impl Phase {
    fn state(self) -> State {
        match self {
            Self::Closed => State::Closed,
            Self::Open { .. } => State::Open,
            Self::HalfOpen => State::HalfOpen,
        }
    }
}

/// `now` and `wait` later, or the end of time.
fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
