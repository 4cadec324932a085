//! The breaker as a value: who may call, and what the outcome of a call changes.
//!
//! | state | what happens | state after |
//! |---|---|---|
//! | closed | a call succeeds | closed, failures forgotten |
//! | closed | the last of `failure_threshold` failures in a row | open |
//! | open | a call asks before `recovery_timeout` is over | open, refused |
//! | open | a call asks after it | half-open, admitted as a probe |
//! | open | a call asks after it, probes of an earlier generation in all places | open, refused |
//! | half-open | a call asks, fewer than `half_open_max_calls` probes in flight | half-open, admitted as a probe |
//! | half-open | a call asks, as many in flight | half-open, refused |
//! | half-open | a probe succeeds | closed |
//! | half-open | a probe fails | open |
//! | any | reset by hand | closed |
//! | any | forced open by hand | open |
//!
//! Each change of state, and each reset, starts a generation. An outcome counts only in the generation that
//! its call was admitted in: a success from before the breaker opened does not close it.

use std::time::Duration;

use jiff::Timestamp;

use crate::call::{Refused, Ticket, Verdict};
use crate::settings::Settings;
use crate::snapshot::{History, Reason, Snapshot, State, Transition};

/// When a call that was refused because of probes in flight should ask again: how they end cannot be foretold.
pub const PROBE_POLL: Duration = Duration::from_secs(1);

/// A circuit breaker.
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
    phase: Phase,
    generation: u64,
    failure_count: u32,
    /// Of all generations: also a probe of an earlier one is a request on the wire.
    probes_in_flight: u32,
    history: History,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    #[default]
    Closed,
    Open {
        opened_at: Timestamp,
        retry_at: Timestamp,
    },
    HalfOpen,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Replaces the settings. What has happened stays: an open breaker keeps its time of retrying.
    pub fn configure(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Asks for a call at the time `now`.
    ///
    /// # Errors
    /// [`Refused`] while the breaker is open, and while it is half-open with as many probes in flight as may
    /// be.
    pub fn acquire(&mut self, now: Timestamp) -> Result<Ticket, Refused> {
        self.follow_clock_set_back(now);
        let transition = match self.phase {
            Phase::Closed => return Ok(self.ticket(false, None)),
            Phase::Open { retry_at, .. } if now < retry_at => return Err(Refused { retry_at }),
            Phase::Open { .. } | Phase::HalfOpen if !self.has_place() => {
                return Err(Refused {
                    retry_at: after(now, PROBE_POLL),
                });
            }
            Phase::Open { .. } => self.enter(Phase::HalfOpen, Reason::RecoveryTimeout, now),
            Phase::HalfOpen => None,
        };
        self.probes_in_flight = self.probes_in_flight.saturating_add(1);
        Ok(self.ticket(true, transition))
    }

    /// Takes the outcome of a call, at the time `now`, and gives the change of state that it brings about.
    pub fn record(&mut self, ticket: Ticket, verdict: Verdict, now: Timestamp) -> Option<Transition> {
        let is_stale = ticket.generation != self.generation;
        self.release(ticket);
        if is_stale {
            return None;
        }
        match (self.phase, verdict) {
            (_, Verdict::Ignored) | (Phase::Open { .. }, _) => None,
            (Phase::Closed, Verdict::Success) => {
                self.failure_count = 0;
                None
            }
            (Phase::HalfOpen, Verdict::Success) => {
                self.failure_count = 0;
                self.enter(Phase::Closed, Reason::ProbeSucceeded, now)
            }
            (Phase::Closed, Verdict::Failure) => {
                self.failure_count = self.failure_count.saturating_add(1);
                let is_last = self.failure_count >= self.settings.failure_threshold.get();
                is_last
                    .then(|| self.open(Reason::FailureThreshold, now))
                    .flatten()
            }
            (Phase::HalfOpen, Verdict::Failure) => {
                self.failure_count = self.failure_count.saturating_add(1);
                self.open(Reason::ProbeFailed, now)
            }
        }
    }

    /// Takes back a ticket whose call says nothing about the agent, or was never made.
    pub fn release(&mut self, ticket: Ticket) {
        if ticket.is_probe {
            self.probes_in_flight = self.probes_in_flight.saturating_sub(1);
        }
    }

    /// Closes the breaker by hand and forgets its failures; calls in flight no longer count.
    pub fn reset(&mut self, now: Timestamp) -> Option<Transition> {
        self.failure_count = 0;
        self.enter(Phase::Closed, Reason::Reset, now)
    }

    /// Opens the breaker by hand, for one recovery timeout from `now`.
    ///
    /// It recovers by itself as after a failure: it is not a way to switch an agent off.
    pub fn force_open(&mut self, now: Timestamp) -> Option<Transition> {
        self.open(Reason::ForcedOpen, now)
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen => State::HalfOpen,
        }
    }

    /// What others may see.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (opened_at, retry_at) = match self.phase {
            Phase::Open { opened_at, retry_at } => (Some(opened_at), Some(retry_at)),
            Phase::Closed | Phase::HalfOpen => (None, None),
        };
        Snapshot {
            state: self.state(),
            failure_count: self.failure_count,
            opened_at,
            retry_at,
            half_open_in_flight: self.probes_in_flight,
            transitions: self.history.to_vec(),
        }
    }

    fn ticket(&self, is_probe: bool, transition: Option<Transition>) -> Ticket {
        Ticket {
            generation: self.generation,
            is_probe,
            transition,
        }
    }

    fn has_place(&self) -> bool {
        self.probes_in_flight < self.settings.half_open_max_calls.get()
    }

    fn open(&mut self, reason: Reason, now: Timestamp) -> Option<Transition> {
        let retry_at = after(now, self.settings.recovery_timeout);
        self.enter(
            Phase::Open {
                opened_at: now,
                retry_at,
            },
            reason,
            now,
        )
    }

    /// Starts a generation; `None` when the state is the same as before.
    fn enter(&mut self, phase: Phase, reason: Reason, now: Timestamp) -> Option<Transition> {
        let from = self.state();
        self.phase = phase;
        self.generation = self.generation.wrapping_add(1);
        let to = self.state();
        if from == to {
            return None;
        }
        let transition = Transition {
            at: now,
            from,
            to,
            reason,
        };
        self.history.push(transition);
        Some(transition)
    }

    /// Counts the recovery timeout from `now` when the clock was set back to before the breaker opened, which
    /// would otherwise keep it open for as long as the clock jumped.
    fn follow_clock_set_back(&mut self, now: Timestamp) {
        if let Phase::Open { opened_at, retry_at } = &mut self.phase
            && now < *opened_at
        {
            *opened_at = now;
            *retry_at = after(now, self.settings.recovery_timeout);
        }
    }
}

/// `now` and `wait` later, or the end of time.
fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
