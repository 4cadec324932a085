//! What passes between a breaker and its callers: the right to a call, its refusal, its outcome.

use jiff::Timestamp;

use crate::snapshot::Transition;

/// What the outcome of a call says about its agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The agent is well.
    Success,
    /// The agent is not.
    Failure,
    /// Nothing: the call was cut off by its caller, or refused for what it asked.
    Ignored,
}

/// The breaker does not let this call through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open, next try at {retry_at:.3}")]
pub struct Refused {
    /// From when on asking again makes sense; always later than the time of asking.
    pub retry_at: Timestamp,
}

/// The right to one call.
///
/// It goes back to the breaker that gave it, by [`Breaker::record`](crate::Breaker::record) or
/// [`Breaker::release`](crate::Breaker::release). A ticket that is lost keeps a half-open place taken for
/// ever, so hold it in a guard as [`Permit`](crate::Permit) does.
#[derive(Debug)]
#[must_use = "a ticket goes back to its breaker"]
pub struct Ticket {
    pub(crate) generation: u64,
    pub(crate) is_probe: bool,
    pub(crate) transition: Option<Transition>,
}

impl Ticket {
    /// The change of state that admitting this call brought about.
    #[must_use]
    pub fn transition(&self) -> Option<Transition> {
        self.transition
    }
}
