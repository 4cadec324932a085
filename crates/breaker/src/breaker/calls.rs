//! The way of a call through the breaker: asked for, admitted or refused, recorded or given back.

use jiff::Timestamp;

use super::{Breaker, PROBE_POLL, Phase, after};
use crate::call::{Kind, Refused, Ticket, Verdict};
use crate::calm::Calm;
use crate::settings::Mode;
use crate::snapshot::{Reason, Transition};
use crate::window::Mark;

impl Breaker {
    /// Asks for a call at the time `now`.
    ///
    /// # Errors
    /// [`Refused`] while the breaker is open or held open, and while it is half-open with as many probes in flight as may
    /// be; always in [`Mode::ForcedOpen`], never in [`Mode::ForcedClosed`] and [`Mode::ObserveOnly`].
    #[inline]
    pub fn acquire(&mut self, now: Timestamp) -> Result<Ticket, Refused> {
        match self.settings.mode {
            Mode::Normal => self.admit(now),
            Mode::ForcedOpen => Err(self.refused_by_hand(now)),
            Mode::ForcedClosed => Ok(self.ticket(now, Kind::Uncounted, None)),
            Mode::ObserveOnly => self
                .admit(now)
                .or_else(|refused| Ok(self.ticket(now, Kind::Uncounted, refused.transition))),
        }
    }

    /// Takes the outcome of a call, at the time `now`, and gives the change of state that it brings about.
    #[inline]
    pub fn record(&mut self, ticket: Ticket, verdict: Verdict, now: Timestamp) -> Option<Transition> {
        let is_stale = ticket.generation != self.generation
            || matches!(ticket.kind, Kind::Uncounted)
            || self.settings.mode.is_forced();
        let is_slow = self.is_slow(&ticket, now);
        self.release(ticket);
        if is_stale || verdict == Verdict::Ignored {
            return None;
        }
        let mark = Mark {
            is_failure: verdict == Verdict::Failure,
            is_slow,
        };
        match self.phase {
            Phase::Closed => self.count(mark, now),
            Phase::HalfOpen => self.judge_probe(mark, now),
            // No call is admitted while open.
            Phase::Open { .. } => None,
        }
    }

    /// Takes back a ticket whose call says nothing about the agent, or was never made.
    #[inline]
    pub fn release(&mut self, ticket: Ticket) {
        self.probes.release(ticket.kind);
    }

    /// What calls without the lock may know.
    #[inline]
    pub(crate) fn calm(&self) -> Calm {
        let generation = self.generation;
        match self.phase {
            Phase::Closed if self.settings.mode.is_forced() => Calm::None,
            Phase::Closed if self.failure_count > 0 || self.window.is_some() => Calm::Closed { generation },
            Phase::Closed => Calm::Quiet { generation },
            Phase::Open { .. } | Phase::HalfOpen => Calm::None,
        }
    }

    /// The answer of the table of states.
    fn admit(&mut self, now: Timestamp) -> Result<Ticket, Refused> {
        match self.phase {
            Phase::Closed => return Ok(Ticket::counted(self.generation, now)),
            Phase::Open { retry_at: None, .. } => return Err(self.refused_by_hand(now)),
            Phase::Open { .. } | Phase::HalfOpen => {}
        }
        self.bound_wait(now);
        let reopened = self.end_lease(now);
        let half_opened = match self.phase {
            Phase::Open {
                retry_at: Some(retry_at),
                ..
            } if now < retry_at => {
                return Err(Refused {
                    retry_at,
                    transition: reopened,
                });
            }
            Phase::Open { .. } | Phase::HalfOpen if !self.has_place() => {
                return Err(Refused {
                    retry_at: after(now, PROBE_POLL),
                    transition: reopened,
                });
            }
            Phase::Open { .. } => self.enter(Phase::HalfOpen, Reason::RecoveryTimeout, now),
            Phase::HalfOpen | Phase::Closed => None,
        };
        let place = self.probes.admit(now);
        Ok(self.ticket(now, place, half_opened))
    }

    /// How long a hand leaves it open cannot be foretold: asking again makes sense once in a recovery timeout.
    fn refused_by_hand(&self, now: Timestamp) -> Refused {
        Refused {
            retry_at: after(now, self.settings.recovery_timeout.max(PROBE_POLL)),
            transition: None,
        }
    }

    fn ticket(&self, now: Timestamp, kind: Kind, transition: Option<Transition>) -> Ticket {
        Ticket {
            generation: self.generation,
            admitted_at: now,
            kind,
            transition,
        }
    }

    fn has_place(&self) -> bool {
        self.probes.in_flight() < self.settings.half_open_max_calls.get()
    }

    /// Frees the places of probes that nobody gave back. Those of a half-open breaker have failed by that.
    fn end_lease(&mut self, now: Timestamp) -> Option<Transition> {
        let is_over = !self.has_place() && self.probes.expire(now, self.settings.probe_lease);
        match self.phase {
            Phase::HalfOpen if is_over => self.trip(Reason::ProbeLeaseOver, now),
            Phase::HalfOpen | Phase::Open { .. } | Phase::Closed => None,
        }
    }

    /// Keeps no caller waiting for longer than the longest open time from `now`, which a clock that was set back
    /// and shorter settings would do.
    fn bound_wait(&mut self, now: Timestamp) {
        let latest = after(now, self.settings.longest_open_time());
        if let Phase::Open { opened_at, retry_at } = &mut self.phase {
            *opened_at = now.min(*opened_at);
            *retry_at = retry_at.map(|retry_at| latest.min(retry_at));
        }
    }

    fn is_slow(&self, ticket: &Ticket, now: Timestamp) -> bool {
        let slow_calls = self.settings.window.and_then(|window| window.slow_calls);
        slow_calls.is_some_and(|slow| {
            let took = now.max(ticket.admitted_at).duration_since(ticket.admitted_at);
            took.unsigned_abs() >= slow.duration
        })
    }

    /// An outcome of a closed breaker.
    fn count(&mut self, mark: Mark, now: Timestamp) -> Option<Transition> {
        self.failure_count = if mark.is_failure {
            self.failure_count.saturating_add(1)
        } else {
            0
        };
        if let Some(window) = &mut self.window {
            window.add(mark, now);
        }
        let reason = self.reason_to_open()?;
        self.trip(reason, now)
    }

    fn reason_to_open(&self) -> Option<Reason> {
        if self.failure_count >= self.settings.failure_threshold.get() {
            return Some(Reason::FailureThreshold);
        }
        let settings = self.settings.window.as_ref()?;
        let counts = self.window.as_ref()?.counts();
        if counts.calls < settings.minimum_calls.get().into() {
            return None;
        }
        let failing = settings.failure_rate;
        let slow = settings.slow_calls.map(|slow| slow.rate);
        if failing.is_some_and(|rate| rate.is_reached(counts.failures, counts.calls)) {
            Some(Reason::FailureRate)
        } else if slow.is_some_and(|rate| rate.is_reached(counts.slow_calls, counts.calls)) {
            Some(Reason::SlowCallRate)
        } else {
            None
        }
    }

    /// The outcome of a probe: one success closes the breaker, one failure opens it.
    fn judge_probe(&mut self, mark: Mark, now: Timestamp) -> Option<Transition> {
        if mark.is_failure {
            self.failure_count = self.failure_count.saturating_add(1);
            self.trip(Reason::ProbeFailed, now)
        } else if mark.is_slow {
            self.trip(Reason::ProbeSlow, now)
        } else {
            self.close(Reason::ProbeSucceeded, now)
        }
    }
}
