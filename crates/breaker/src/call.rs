//! What passes between a breaker and its callers: the right to a call, its refusal, its outcome.

use jiff::Timestamp;

use crate::snapshot::Transition;

/// What the outcome of a call says about its agent.
///
/// [`Outcome::verdict`](crate::Outcome::verdict) is the rule that gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The agent is well.
    Success,
    /// The agent is not.
    Failure,
    /// Nothing: the call was cut off by its caller, or never sent.
    Ignored,
}

/// The breaker does not let this call through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open, next try at {retry_at:.3}")]
pub struct Refused {
    /// From when on asking again makes sense; always later than the time of asking.
    pub retry_at: Timestamp,
    /// The change of state that asking brought about: half-open ends here when the probes' lease is over.
    pub transition: Option<Transition>,
}

/// The right to one call.
///
/// It goes back to the breaker that gave it, by [`Breaker::record`](crate::Breaker::record) or
/// [`Breaker::release`](crate::Breaker::release). The half-open place of a ticket that is lost is free again
/// only after the probes' lease, so hold it in a guard as [`Permit`](crate::Permit) does.
#[derive(Debug)]
#[must_use = "a ticket goes back to its breaker"]
pub struct Ticket {
    pub(crate) generation: u64,
    pub(crate) admitted_at: Timestamp,
    pub(crate) kind: Kind,
    pub(crate) transition: Option<Transition>,
}

/// What a call counts for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A call of a closed breaker.
    Counted,
    /// A call of a half-open one; it holds a place of this round of leases.
    Probe { round: u64 },
    /// A call that the mode let through, whatever the state.
    Uncounted,
}

impl Ticket {
    /// For a call of a closed breaker.
    #[inline]
    pub(crate) fn counted(generation: u64, now: Timestamp) -> Self {
        Self {
            generation,
            admitted_at: now,
            kind: Kind::Counted,
            transition: None,
        }
    }

    /// Whether giving it back changes something.
    pub(crate) fn has_place(&self) -> bool {
        matches!(self.kind, Kind::Probe { .. })
    }

    /// The change of state that admitting this call brought about.
    #[must_use]
    pub fn transition(&self) -> Option<Transition> {
        self.transition
    }
}
